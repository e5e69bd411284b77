// A source is recognised by what is in it: under any name, when its beginning is cut off anywhere,
// and when something else merely looks like it.

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { detectFormat, formatNamed, formats } from "../../src/importers/detect.ts";
import { sniffBytesMax } from "../../src/importers/head-sample.ts";
import { fixture } from "./memory-sink.ts";

const samples: Readonly<Record<string, string>> = {
  "claude-code.jsonl": "claude-code",
  "codex.jsonl": "codex",
  "codex-legacy.jsonl": "codex",
  "swe-agent.traj": "swe-agent",
  "mini-swe-agent.json": "swe-agent",
  "openhands-v0.json": "openhands",
  "openhands-judge.json": "openhands",
  "openhands-v1.jsonl": "openhands",
  "openhands-v1/event-00001.json": "openhands",
  "temporal.json": "temporal",
  "recording-v2.cast": "asciicast",
  "recording-v3.cast": "asciicast",
  "log.ndjson": "ndjson",
  "journal.jsonl": "ndjson",
  "full.jsonl": "json",
  "document.json": "json",
};

function detect(source: Uint8Array | string, name = ""): string | undefined {
  return detectFormat(typeof source === "string" ? Buffer.from(source) : source, name)?.name;
}

describe("a source is recognised", () => {
  it.each(Object.entries(samples))("%s, whatever its name", (name, format) => {
    for (const fileName of [name, "", "x.json", "x.jsonl", "x.traj", "x.cast", "rollout-1.jsonl"]) {
      expect(detect(fixture(name), fileName)).toBe(format);
    }
  });

  it.each(Object.entries(samples))("%s, with CRLF and a byte order mark", (name, format) => {
    const text = fixture(name).toString().replaceAll("\n", "\r\n");
    expect(detect(`\ufeff${text}`, name)).toBe(format);
  });

  it.each([
    ["claude-code.jsonl", 0.6],
    ["codex.jsonl", 0.4],
    ["openhands-v1.jsonl", 0.8],
    ["openhands-v0.json", 0.8],
    ["temporal.json", 0.5],
    ["swe-agent.traj", 0.8],
    ["recording-v2.cast", 0.7],
  ])("%s, cut off anywhere in its later part", (name, from) => {
    const source = fixture(name);
    for (let size = Math.floor(from * source.length); size < source.length; size += 5) {
      expect(detect(source.subarray(0, size), name)).toBe(samples[name]);
    }
  });

  it("when its first record is longer than the head that is looked at", () => {
    const long = "x".repeat(sniffBytesMax);
    const message = { parentUuid: null, sessionId: "s", type: "user", message: { content: long } };
    const claude = JSON.stringify(message);
    const timestamp = "2026-01-01T00:00:00Z";
    const codex = JSON.stringify({ timestamp, type: "session_meta", payload: { a: long } });
    const event = { id: "a", timestamp, source: "agent", kind: "SystemPromptEvent", text: long };
    const openhands = JSON.stringify(event);
    const head = (text: string) => Buffer.from(text).subarray(0, sniffBytesMax);
    expect(detect(head(claude))).toBe("claude-code");
    expect(detect(head(codex))).toBe("codex");
    expect(detect(head(openhands))).toBe("openhands");
    expect(detect(head(`{"text":"${long}"}`), "x.jsonl")).toBe("ndjson");
    expect(detect(head(`{"text":"${long}"}`), "x.json")).toBe("json");
    expect(detect(head(`[{"text":"${long}"}]`), "x.jsonl")).toBe("json");
  });

  it("among broken lines", () => {
    const lines = fixture("claude-code.jsonl").toString().split("\n");
    expect(detect(["garbage", ...lines, "{torn", ""].join("\n"))).toBe("claude-code");
  });
});

describe("what only looks like it is not mistaken for it", () => {
  it("records with the types of Claude Code, without its members", () => {
    expect(detect('{"type":"user","text":"hi"}\n{"type":"assistant","text":"ho"}\n')).toBe(
      "ndjson",
    );
    expect(detect('{"type":"summary"}\n{"type":"system"}\n')).toBe("ndjson");
  });

  it("a session of another agent that writes one message per line", () => {
    const session = '{"type":"session","id":"p","timestamp":"2026-01-01T00:00:00Z"}';
    const message = '{"type":"message","id":"1","message":{"role":"user","content":"hi"}}';
    expect(detect(`${session}\n${message}\n`)).toBe("ndjson");
  });

  it("an array of other things, and documents with other events", () => {
    expect(detect('[{"type":2,"data":{},"timestamp":1700000000000}]')).toBe("json");
    expect(detect('{"traceEvents":[{"name":"a","ph":"X","ts":1}]}')).toBe("json");
    expect(detect('{"events":[{"id":1}]}')).toBe("json");
    expect(detect('{"version":2,"status":"success"}')).toBe("json");
  });

  it("one line: a document, unless its name says lines and it holds no array of objects", () => {
    expect(detect('{"a":1}')).toBe("json");
    expect(detect('{"a":1}\n', "x.jsonl")).toBe("ndjson");
    expect(detect('{"messages":[{"type":"user"}]}', "full.jsonl")).toBe("json");
    expect(detect("[1,2]", "x.jsonl")).toBe("json");
    expect(detect('"text"')).toBe("json");
  });

  it("nothing, plain text, and bytes that are no text at all", () => {
    expect(detect("")).toBeUndefined();
    expect(detect(" \r\n\n")).toBeUndefined();
    expect(detect("\ufeff")).toBeUndefined();
    expect(detect("hello")).toBeUndefined();
    expect(detect("hello world\nthis is a log\n")).toBeUndefined();
    expect(detect('a log\n{"with":"a record"}\nand more\n')).toBeUndefined();
    expect(
      detect(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0)),
    ).toBeUndefined();
  });
});

it("a head that is filled anew is looked at anew", () => {
  const head = Buffer.alloc(64, " ");
  head.write('{"a":1}\n{"a":2}\n');
  expect(detect(head)).toBe("ndjson");
  head.fill(" ");
  head.write("[1,2,3]");
  expect(detect(head)).toBe("json");
});

describe("formats", () => {
  it("are found by the name that --format takes", () => {
    for (const format of formats) expect(formatNamed(format.name)).toBe(format);
    expect(formatNamed("constructor")).toBeUndefined();
  });

  it("refuse a path that would have no meaning", () => {
    for (const format of formats) {
      if (format.name === "json") continue;
      expect(() => format.reader({ path: "a" })).toThrow(
        `--path has no meaning for ${format.name}`,
      );
    }
  });
});
