// Imports end to end: what goes in comes out byte for byte, a longer version of a source continues
// its session, and nothing half-written stays behind.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileSource, importSource, streamSource } from "../../src/importers/index.ts";
import { Directory, exportOriginal, forkSession } from "../../src/session/index.ts";
import { corpusPath, withCorpus } from "./outside-corpus.ts";

let folder: string;
let directory: Directory;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-import-"));
  directory = await Directory.open({ path: path.join(folder, "data"), mode: "write" });
});

afterEach(async () => {
  await directory.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const place = path.join(folder, name);
  writeFileSync(place, content);
  return place;
}

async function exported(id: string): Promise<Buffer> {
  const reader = directory.session(id);
  const pieces: Uint8Array[] = [];
  try {
    await exportOriginal(reader, (bytes) => void pieces.push(Uint8Array.from(bytes)));
  } finally {
    reader.close();
  }
  return Buffer.concat(pieces);
}

async function run(source: string, options: { id?: string; path?: string; fresh?: boolean } = {}) {
  return importSource(directory, { ...options, source: fileSource(source) });
}

function lines(count: number, from = 0): string {
  const line = (i: number): string =>
    JSON.stringify({ type: `kind-${i % 3}`, n: i, text: "x".repeat((i * 37) % 5000) });
  return Array.from({ length: count }, (_, i) => `${line(from + i)}\n`).join("");
}

describe("an import", () => {
  it("gives back the bytes it was given, whatever stands between the records", async () => {
    const odd =
      '\ufeff{"a":52.0}\r\n\r\n  {"b":9007199254740993}\n{"c":1}{"d":2}\nnot json\n{"e":3}';
    const source = file("odd.jsonl", odd);
    const report = await run(source);
    expect(report.problemCount).toBeGreaterThan(0);
    expect((await exported(report.id)).toString()).toBe(odd);
  });

  it("is one event per record and one note, and a signed checkpoint over all of them", async () => {
    const report = await run(file("a.jsonl", lines(120)));
    const reader = directory.session(report.id);
    expect(report.records).toBe(120);
    expect(reader.size).toBe(121);
    expect(reader.checkpoint()?.size).toBe(121);
    expect(reader.event(120).type).toBe("reach.import");
    reader.close();
  });

  it("of a large file, hashed in a thread, is the same, also in two parts", async () => {
    const content = lines(7000);
    const source = file("large.jsonl", content);
    expect(content.length).toBeGreaterThan(16 * 1024 * 1024);
    const stop = new AbortController();
    const first = await importSource(directory, {
      source: fileSource(source),
      signal: stop.signal,
      onProgress: ({ bytes }) => bytes > 4 * 1024 * 1024 && stop.abort(),
    });
    expect(first.interrupted).toBe(true);
    const second = await run(source);
    expect(second).toMatchObject({ id: first.id, continuedFrom: first.events, interrupted: false });
    expect(second.bytes).toBe(content.length);
    expect((await exported(first.id)).equals(Buffer.from(content))).toBe(true);
    expect((await run(source)).unchanged).toBe(true);
  });

  it("of pieces that end anywhere, hashed in a thread, gives back every byte", async () => {
    const piece = 1024 * 1024;
    // Characters of two bytes and line ends of two, over every border.
    const line = (size: number): string => `{"a":"${"ü".repeat(size)}"}\r\n`;
    for (const filler of [line(20_001), line(300_000)]) {
      for (const size of [16 * piece - 1, 16 * piece, 16 * piece + 1]) {
        const bytes = Buffer.alloc(size, filler);
        const { id } = await run(file("borders.jsonl", bytes));
        expect((await exported(id)).equals(bytes)).toBe(true);
      }
    }
  });

  it("of the very same file again adds nothing", async () => {
    const source = file("a.jsonl", lines(60));
    const first = await run(source);
    const again = await run(source);
    expect(again).toMatchObject({ id: first.id, unchanged: true, records: 0, events: 61 });
    const fresh = await run(source, { fresh: true });
    expect(fresh.id).not.toBe(first.id);
  });

  it("of another array of the same document is a session of its own", async () => {
    const source = file("doc.json", `{"a": [1, 2], "b": [{"c": 3}]}${" ".repeat(200)}`);
    const whole = await run(source);
    const a = await run(source, { path: "a" });
    const b = await run(source, { path: "b" });
    expect(new Set([whole.id, a.id, b.id]).size).toBe(3);
    expect([whole, a, b].map(({ unchanged }) => unchanged)).toEqual([false, false, false]);
    for (const [path, id] of [["a", a.id] as const, ['["b"]', b.id] as const]) {
      expect(await run(source, { path })).toMatchObject({ id, unchanged: true });
    }
    expect(await run(source)).toMatchObject({ id: whole.id, unchanged: true });
    await expect(run(source, { path: "b", id: a.id })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("refuses a path that has no meaning, the first time and the second", async () => {
    const source = file("a.jsonl", lines(20));
    await expect(run(source, { path: "a.b" })).rejects.toMatchObject({ code: "USAGE" });
    await run(source);
    await expect(run(source, { path: "a.b" })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("into a session that is named goes on from it, also without the hint", async () => {
    const short = '{"a":1}\n';
    const { id } = await run(file("short.jsonl", short));
    const longer = file("short.jsonl", `${short}{"b":2}\n`);
    expect(await run(longer, { id })).toMatchObject({ id, continuedFrom: 2, records: 1 });
    rmSync(path.join(folder, "data", "imports"), { recursive: true });
    expect(await run(longer, { id })).toMatchObject({ id, unchanged: true });
    await expect(run(file("other.jsonl", lines(3)), { id })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect((await exported(id)).toString()).toBe(readFileSync(longer, "utf8"));
  });

  it("does not go on from a fork, in which events may have been set", async () => {
    const source = file("a.jsonl", lines(3));
    const first = await run(source);
    const overrides = new Map([[1, "set"]]);
    const { id } = await forkSession(directory, first.id, { at: first.events, overrides });
    for (const content of [lines(3), lines(4)]) {
      await expect(run(file("a.jsonl", content), { id })).rejects.toMatchObject({
        code: "CONFLICT",
      });
    }
  });

  it("of a longer version continues the session, also when its last line was cut", async () => {
    const whole = lines(200);
    let id: string | undefined;
    let events = 0;
    for (const end of [5000, 5001, 40_000, 123_457, whole.length - 1, whole.length]) {
      const source = file("growing.jsonl", whole.slice(0, end));
      const report = await run(source);
      id ??= report.id;
      expect(report.id).toBe(id);
      expect(report.events).toBeGreaterThan(events);
      events = report.events;
      expect((await exported(id)).toString()).toBe(whole.slice(0, end));
    }
  });

  it("of a file that differs from what was imported makes a session of its own", async () => {
    const first = await run(file("a.jsonl", lines(50)));
    const second = await run(
      file("a.jsonl", `${lines(50).replace("kind-1", "kind-9")}${lines(9)}`),
    );
    expect(second.id).not.toBe(first.id);
    await expect(run(file("b.jsonl", lines(7, 3)), { id: first.id })).rejects.toMatchObject({
      code: "CONFLICT",
    });
  });

  it("that fails leaves no session, no marker and no event behind", async () => {
    const before = readdirSync(path.join(folder, "data", "bulk"));
    await expect(run(file("e", ""))).rejects.toMatchObject({ code: "FORMAT_UNKNOWN" });
    await expect(run(path.join(folder, "missing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    const noArray = file("doc.json", '{"a": {"b": [1, 2]}}');
    await expect(run(noArray, { path: "a.c" })).rejects.toMatchObject({ code: "USAGE" });
    async function* broken() {
      yield Buffer.from(lines(3000));
      throw new Error("the line went dead");
    }
    const source = streamSource("pipe", broken());
    await expect(importSource(directory, { source })).rejects.toThrow("the line went dead");
    expect(directory.sessionIds()).toEqual([]);
    expect(readdirSync(path.join(folder, "data", "bulk"))).toEqual(before);
  });

  it("that is interrupted is valid up to there, and the next import goes on", async () => {
    const whole = Buffer.from(lines(3000));
    const abort = new AbortController();
    async function* slowly() {
      for (let at = 0; at < whole.length; at += 100_000) {
        if (at >= 1_000_000) abort.abort();
        yield whole.subarray(at, at + 100_000);
      }
    }
    const open = (from: number) => (from === 0 && !abort.signal.aborted ? slowly() : again());
    async function* again() {
      yield whole;
    }
    const source = { name: "a.jsonl", size: whole.length, reopenable: true, open };
    const report = await importSource(directory, { source, signal: abort.signal });
    expect(report.interrupted).toBe(true);
    expect(report.records).toBeGreaterThan(0);
    expect((await exported(report.id)).equals(whole.subarray(0, report.bytes))).toBe(true);
    const rest = await run(file("a.jsonl", whole));
    expect(rest).toMatchObject({ id: report.id, interrupted: false });
    expect((await exported(report.id)).equals(whole)).toBe(true);
  });

  it("that is interrupted between a record and its newline keeps the record", async () => {
    const whole = Buffer.from(lines(300));
    const cut = whole.indexOf("\n", 400_000);
    async function* open() {
      yield whole.subarray(0, cut);
      yield whole.subarray(cut);
    }
    const stop = new AbortController();
    const report = await importSource(directory, {
      source: { name: "a.jsonl", size: whole.length, reopenable: true, open },
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(report).toMatchObject({ interrupted: true, bytes: cut });
    expect((await exported(report.id)).equals(whole.subarray(0, cut))).toBe(true);
    const rest = await run(file("a.jsonl", whole));
    expect(rest).toMatchObject({ id: report.id, records: 300 - report.records });
    expect((await exported(report.id)).equals(whole)).toBe(true);
  });

  it("of a folder takes its files as one source", async () => {
    const events = path.join(folder, "events");
    mkdirSync(events);
    for (let i = 0; i < 5; i++) {
      const event = { id: `e${i}`, kind: "MessageEvent", source: "user", timestamp: "2025-01-01" };
      writeFileSync(path.join(events, `event-0000${i}-x.json`), JSON.stringify(event, null, 2));
    }
    const report = await run(events);
    expect(report.records).toBe(5);
    const all = readdirSync(events).map((name) => readFileSync(path.join(events, name)));
    expect((await exported(report.id)).equals(Buffer.concat(all))).toBe(true);
  });

  it("of 8 MiB of blank lines takes no longer than of any other lines", async () => {
    const blank = Buffer.concat([Buffer.from("{}"), Buffer.alloc(64 * 1024, "\n")]);
    const gaps = Buffer.concat([Buffer.from('{"a":1}\n'), ...Array(127).fill(blank)]);
    const long = Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.alloc(3_000_000, "\n")]);
    for (const [bytes, records] of [[gaps, 128] as const, [long, 4] as const]) {
      const report = await run(file("blank.jsonl", bytes), { fresh: true });
      expect(report.records).toBe(records);
      expect((await exported(report.id)).equals(bytes)).toBe(true);
    }
  });

  it("keeps a layout that has no repetition, in notes of bounded size", async () => {
    const odd = Array.from({ length: 3000 }, (_, i) => `{"n":${i}}\n${" ".repeat(i % 400)}\n`);
    const source = file("ragged.jsonl", odd.join(""));
    const report = await run(source);
    expect((await exported(report.id)).toString()).toBe(odd.join(""));
  });
});

describe("the stages of a growing Claude Code log", () => {
  withCorpus(() =>
    it("are one session, and each comes out as it was", async () => {
      const tip = readFileSync(corpusPath("claude-code/entire-720c20f0-chain-tip.jsonl"));
      const chain = JSON.parse(readFileSync(corpusPath("claude-code/chain.json"), "utf8"));
      const sizes: number[] = chain.checkpoints.map((stage: { bytes: number }) => stage.bytes);
      expect(sizes).toHaveLength(9);
      let id: string | undefined;
      for (const size of sizes) {
        const report = await run(file("session.jsonl", tip.subarray(0, size)));
        id ??= report.id;
        expect(report.id).toBe(id);
        expect((await exported(id)).equals(tip.subarray(0, size))).toBe(true);
      }
    }),
  );
});
