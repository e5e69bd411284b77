import { describe, expect, it } from "vitest";
import { encodeValue } from "../../src/base/index.ts";
import { Directory } from "../../src/session/index.ts";
import { ended, Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

interface Listing {
  readonly total: number;
  readonly sessions: readonly {
    readonly id: string;
    readonly name: string;
    readonly events: number;
    readonly signed: number;
    readonly status: string;
  }[];
}

function objects(text: string): Record<string, unknown>[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("reach ls", () => {
  it("lists the newest session first, in columns, or as one object", async () => {
    const bench = new Workbench();
    const first = await bench.import("first.jsonl", ndjson(3));
    const second = await bench.import("second.jsonl", ndjson(4, 50));
    const { stdout } = await bench.run(["ls"]);
    const [head, newest, oldest, end] = stdout.split("\n");
    expect(head).toMatch(/^ID +CREATED +EVENTS +SIZE +FORMAT +NAME$/);
    expect(newest).toMatch(/ 5 .* ndjson +second\.jsonl$/);
    expect(oldest).toMatch(/ 4 .* ndjson +first\.jsonl$/);
    expect(end).toBe("");
    expect(second.startsWith((newest ?? "").split(" ")[0] as string)).toBe(true);
    const listing = await bench.json<Listing>(["ls"]);
    expect(listing.total).toBe(2);
    expect(listing.sessions.map(({ id }) => id)).toEqual([second, first]);
    expect(listing.sessions[0]).toMatchObject({
      name: "second.jsonl",
      events: 5,
      signed: 5,
      status: "ok",
    });
    const limited = await bench.run(["ls", "--limit", "1", "--quiet"]);
    expect(limited.stdout).toBe(`${second}\n`);
  });

  it("shows no control characters of a name that a stranger chose", async () => {
    const bench = new Workbench();
    await bench.import("evil\u001b[31m\u202e.jsonl", ndjson(1));
    const { stdout } = await bench.run(["ls"]);
    expect(stdout).toContain("evil [31m .jsonl");
    expect(stdout).not.toMatch(/\p{Bidi_Control}|(?!\n)\p{Cc}/u);
  });

  it("says that there is nothing yet, and where it looked", async () => {
    const bench = new Workbench();
    const { code, stderr } = await bench.run(["ls", "--data", "elsewhere"]);
    expect(code).toBe(5);
    expect(stderr).toContain(
      `there is no Reach data directory at ${bench.path("elsewhere/default")}`,
    );
    expect(stderr).toContain("--data or REACH_DATA");
  });
});

describe("the data directory", () => {
  it("is that of --data, else of REACH_DATA, else ./.reach", async () => {
    const bench = new Workbench();
    const env = { REACH_DATA: "by-environment" };
    bench.write("a.jsonl", ndjson(2));
    await bench.run(["import", "a.jsonl"]);
    await bench.run(["import", "a.jsonl"], { env });
    await bench.run(["--data", "by-flag", "import", "a.jsonl"], { env });
    const found = await Promise.all(
      [["ls"], ["ls", "--data", "by-environment"], ["ls", "--data", "by-flag"]].map((args) => {
        return bench.json<Listing & { data: string }>(args);
      }),
    );
    expect(found.map(({ data }) => data)).toEqual([
      bench.path(".reach/default"),
      bench.path("by-environment/default"),
      bench.path("by-flag/default"),
    ]);
    expect(new Set(found.map(({ sessions }) => sessions[0]?.id)).size).toBe(3);
  });
});

describe("an id", () => {
  it("may be any unique beginning of one, with or without the dots after it", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(2));
    for (const text of [id, id.slice(0, 8), `${id.slice(0, 13)}…`, id.toUpperCase()]) {
      const { code, stdout } = await bench.run(["events", text, "--ndjson", "--limit", "1"]);
      expect({ text, code }).toEqual({ text, code: 0 });
      expect(objects(stdout)).toHaveLength(1);
    }
  });

  it("that several sessions share names the candidates", async () => {
    const bench = new Workbench();
    const a = await bench.import("a.jsonl", ndjson(1));
    const b = await bench.import("b.jsonl", ndjson(1, 9));
    const { code, stderr } = await bench.run(["show", a.slice(0, 3)]);
    expect(code).toBe(2);
    expect(stderr).toContain("is the beginning of 2 ids");
    expect(stderr).toContain(`${a}  a.jsonl`);
    expect(stderr).toContain(`${b}  b.jsonl`);
  });

  it("that is mistyped gets a suggestion, one that is unknown a hint", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(1));
    const last = id.at(-1) === "0" ? "1" : "0";
    const mistyped = await bench.run(["show", id.slice(0, -1) + last]);
    expect(mistyped.code).toBe(5);
    expect(mistyped.stderr).toContain(`did you mean ${id}?`);
    const unknown = await bench.run(["show", "ffff9999"]);
    expect(unknown.code).toBe(5);
    expect(unknown.stderr).toBe(
      "reach: there is no session ffff9999\n" +
        "  `reach ls` shows the sessions of this data directory\n",
    );
  });
});

describe("reach show", () => {
  it("shows the session, its import and what happened in it", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(20));
    const { code, stdout } = await bench.run(["show", id]);
    expect(code).toBe(0);
    expect(stdout).toContain(`session     ${id}\n`);
    expect(stdout).toMatch(/^checkpoint {2}signed over 42 events by reach\.local\+[0-9a-f]{8}$/m);
    expect(stdout).toMatch(/^import {6}41 records, .* of session\.jsonl$/m);
    expect(stdout).toMatch(/^calls +20 +finished 20/m);
    expect(stdout).toContain("please look at the log");
    const shown = await bench.json(["show", id]);
    expect(shown).toMatchObject({
      id,
      events: 42,
      checkpoint: { size: 42 },
      snapshots: { count: 0, last: null },
      import: { records: 41, format: "claude-code", problemCount: 0 },
      transcript: { calls: { total: { calls: 20, finished: 20 } } },
    });
  });
});

describe("reach events", () => {
  it("is a table with one line per event, large payloads as references", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(6));
    const { stdout } = await bench.run(["events", id]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(1 + 13 + 1);
    expect(lines[0]).toMatch(/^SEQ {2}TIME +KIND +TYPE +REF {2}PAYLOAD$/);
    expect(lines[3]).toMatch(
      /^ {2}2 {2}2026-01-05 09:00:03\.000 {2}result +user\/tool_result +1 {2}\{"parent/,
    );
    expect(lines[11]).toMatch(/ 9 {2}blob [0-9a-f]{12} \(6\.\d+ kB of json\)$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it("filters by range, kind, type and count", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(6));
    const seqs = async (...args: string[]): Promise<unknown[]> => {
      const { stdout } = await bench.run(["events", id, "--ndjson", ...args]);
      return objects(stdout).map(({ seq }) => seq);
    };
    expect(await seqs("--from", "3", "--to", "6")).toEqual([3, 4, 5]);
    expect(await seqs("--kind", "call")).toEqual([1, 3, 5, 7, 9, 11]);
    expect(await seqs("--type", "user/*", "--limit", "2")).toEqual([0, 2]);
    expect(await seqs("--type", "user/text")).toEqual([0]);
    expect(await seqs("--from", "1,000")).toEqual([]);
  });

  it("writes records token for token, and marks what JSON has no form for", async () => {
    const bench = new Workbench();
    const record = '{"type":"a", "big": 12345678901234567890, "spelled": 52.0, "dup":1,"dup":2}';
    const id = await bench.import("odd.jsonl", `${record}\nnot json\n`);
    const { stdout } = await bench.run(["events", id, "--ndjson"]);
    const [first, second, note] = stdout.split("\n");
    expect(first).toContain(`"form":"json","data":${record}}`);
    expect(JSON.parse(second ?? "")).toMatchObject({
      type: "reach.unparsed",
      form: "bytes",
      data: { $bytes: Buffer.from("not json").toString("base64") },
    });
    const { data } = JSON.parse(note ?? "") as { data: { sha256: { $bytes: string } } };
    expect(Buffer.from(data.sha256.$bytes, "base64")).toHaveLength(32);
  });

  it("shows payloads inline, as references or not at all", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(5));
    const events = async (payload: string): Promise<Record<string, unknown>> => {
      const args = ["events", id, "--from", "10", "--limit", "1", "--ndjson", "--payload", payload];
      return objects((await bench.run(args)).stdout)[0] as Record<string, unknown>;
    };
    expect(JSON.stringify(await events("inline"))).toContain("large 4 xxxx");
    expect(await events("ref")).toMatchObject({ form: "json", blob: { size: expect.any(Number) } });
    expect(Object.keys(await events("none"))).toEqual(["seq", "time", "kind", "type", "ref"]);
  });

  it("is one object with --json", async () => {
    const bench = new Workbench();
    const id = await bench.import("log.jsonl", ndjson(5));
    const all = await bench.json<{ id: string; size: number; events: unknown[] }>(["events", id]);
    expect(all).toMatchObject({ id, size: 6 });
    expect(all.events).toHaveLength(6);
    const none = await bench.json<{ events: unknown[] }>(["events", id, "--from", "99"]);
    expect(none.events).toEqual([]);
    const both = await bench.run(["events", id, "--json", "--ndjson"]);
    expect(both.code).toBe(2);
  });
});

describe("reach tail", () => {
  it("ends following a session that has ended, also where notes stand behind the end", async () => {
    const bench = new Workbench();
    const path = bench.path(".reach/default");
    const directory = await Directory.open({ path, mode: "write" });
    const writer = directory.createSession({ kind: "executed", name: "ended" });
    const kinds = ["trigger", "end", ...Array.from({ length: 60 }, () => "note" as const)] as const;
    for (const kind of kinds) {
      const bytes = encodeValue(null);
      await writer.append({ kind, type: kind, time: 1, ref: null, form: "cbor", bytes }).durable;
    }
    await directory.close();
    for (const lines of ["0", "1", "61", "62"]) {
      const child = bench.start(["tail", writer.id, "-f", "-n", lines, "--ndjson"]);
      const late = setTimeout(() => child.kill("SIGKILL"), 8000);
      const { code, stdout } = await ended(child);
      clearTimeout(late);
      expect({ lines, code }).toEqual({ lines, code: 0 });
      expect(objects(stdout)).toHaveLength(Number(lines));
    }
  });
});

describe("reach blob get", () => {
  it("gives back the payload that an event names", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(5));
    const args = ["events", id, "--from", "10", "--limit", "1", "--ndjson", "--payload", "ref"];
    const [event] = objects((await bench.run(args)).stdout);
    const { sha256, size } = (event as { blob: { sha256: string; size: number } }).blob;
    const { stdout } = await bench.run(["blob", "get", sha256]);
    expect(Buffer.byteLength(stdout)).toBe(size);
    expect(stdout).toBe(claudeSession(5).split("\n")[10]);
    const saved = await bench.run(["blob", "get", sha256.toUpperCase(), "-o", "payload.json"]);
    expect(saved).toMatchObject({ code: 0, stdout: "" });
    expect(bench.read("payload.json").toString()).toBe(stdout);
    expect(await bench.json(["blob", "get", sha256])).toEqual({ sha256, size, text: stdout });
  });

  it("tells an unknown name from one that is none", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(1));
    const unknown = await bench.run(["blob", "get", "0".repeat(64)]);
    expect(unknown.code).toBe(5);
    const wrong = await bench.run(["blob", "get", "abc"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("64 hexadecimal digits");
  });
});
