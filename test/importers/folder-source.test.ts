// A folder as one source: its files in the order that a person counts in, links followed, what is
// left out told, and an error that says where it comes from.

import fs, { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compareNames } from "../../src/importers/file-order.ts";
import { fileSource, importSource } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  mkdirSync(scratch.at("events"));
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  await directory.close();
  scratch.remove();
});

function put(name: string, content: string): void {
  writeFileSync(scratch.at("events", name), content);
}

/** A step of OpenHands V0: even numbers act, odd ones observe what the one before did. */
function step(id: number): string {
  const head = { id, source: "agent", timestamp: "2025-01-01T00:00:00" };
  const body = id % 2 === 0 ? { action: "run" } : { observation: "run", cause: id - 1 };
  return JSON.stringify({ ...head, ...body });
}

function run(options: { fresh?: boolean } = {}) {
  return importSource(directory, { ...options, source: fileSource(scratch.at("events")) });
}

describe("the files of a folder", () => {
  it("come by number, so that what answers stands behind what it answers", async () => {
    for (let id = 0; id < 24; id++) put(`${id}.json`, step(id));
    const { id, records } = await run();
    expect(records).toBe(24);
    const reader = directory.session(id);
    for (let seq = 0; seq < 24; seq++) {
      const event = reader.event(seq);
      expect(event.data).toMatchObject({ id: seq });
      expect(event.ref).toBe(seq % 2 === 0 ? null : seq - 1);
    }
    reader.close();
  });

  it("are read through links; what is no file is left out and told, each time", async () => {
    writeFileSync(scratch.at("elsewhere.jsonl"), '{"n":1}\n');
    symlinkSync(scratch.at("elsewhere.jsonl"), scratch.at("events", "1.jsonl"));
    put("2.jsonl", '{"n":2}\n');
    mkdirSync(scratch.at("events", "older"));
    symlinkSync("nowhere", scratch.at("events", "3.jsonl"));
    put(".hidden", "x");
    const first = await run();
    expect(first.records).toBe(2);
    const told = ".hidden (hidden), 3.jsonl (a link that leads nowhere), older (a folder)";
    expect(first.problems).toEqual([
      { line: null, offset: 0, message: `left out of events: ${told}` },
    ]);
    expect(await run()).toMatchObject({ unchanged: true, problemCount: 1 });
    mkdirSync(scratch.at("events", "newer"));
    const again = await run();
    expect(again).toMatchObject({ unchanged: true, problemCount: 2 });
    expect(again.problems[0]?.message).toContain("newer (a folder)");
  });

  it("that are only folders and links to nowhere are none, and the hint says so", () => {
    mkdirSync(scratch.at("events", "older"));
    const hint = expect.stringContaining("older (a folder)");
    const error = { code: "SOURCE_UNREADABLE", where: scratch.at("events"), hint };
    expect(() => fileSource(scratch.at("events"))).toThrow(expect.objectContaining(error));
  });

  it.each([
    ["readdirSync", "EACCES", "events", "permissions"],
    ["readdirSync", "EMFILE", "events", "ulimit"],
    ["statSync", "EACCES", "events/1.jsonl", "permissions"],
  ] as const)("that %s refuses with %s are unreadable", (call, code, where, hint) => {
    put("1.jsonl", "{}\n");
    const real = fs[call] as (path: fs.PathLike, ...rest: unknown[]) => unknown;
    vi.spyOn(fs, call as "statSync").mockImplementation(((path: string, ...rest: unknown[]) => {
      if (path !== scratch.at(where)) return real(path, ...rest);
      throw Object.assign(new Error(`${code}: refused`), { code });
    }) as typeof fs.statSync);
    syncBuiltinESMExports();
    const error = { code: "SOURCE_UNREADABLE", where: scratch.at(where) };
    const told = expect.objectContaining({ ...error, hint: expect.stringContaining(hint) });
    expect(() => fileSource(scratch.at("events"))).toThrow(told);
  });
});

describe("the order of names", () => {
  it("counts, and leaves what has no numbers as it was", () => {
    const ordered = ["2.json", "010.json", "10.json", "event-9-b", "event-10-a", "log.1", "log1"];
    expect([...ordered].reverse().sort(compareNames)).toEqual(ordered);
    expect(compareNames("B", "a")).toBeLessThan(0);
    const large = `${"9".repeat(40)}.json`;
    expect(compareNames(large, `1${"0".repeat(40)}.json`)).toBeLessThan(0);
  });

  it("is one order, whichever two are compared", () => {
    const name = fc.array(fc.constantFrom("0", "1", "10", "a", ".", "b"), { maxLength: 5 });
    const joined = name.map((parts) => parts.join(""));
    fc.assert(
      fc.property(joined, joined, joined, (a, b, c) => {
        const sign = Math.sign(compareNames(a, b));
        expect(sign + Math.sign(compareNames(b, a))).toBe(0);
        expect(sign === 0).toBe(a === b);
        if (sign < 0 && compareNames(b, c) < 0) expect(compareNames(a, c)).toBeLessThan(0);
      }),
    );
  });
});

it("a folder that was imported in another order makes a session of its own", async () => {
  for (const n of [1, 2, 10]) put(`${n}.jsonl`, `{"n":${n},"text":"${"x".repeat(200)}"}\n`);
  const [one, two, ten] = [1, 2, 10].map((n) =>
    fs.readFileSync(scratch.at("events", `${n}.jsonl`)),
  );
  const old = Buffer.concat([one, ten, two] as Buffer[]);
  async function* open(offset: number): AsyncGenerator<Uint8Array> {
    yield old.subarray(offset);
  }
  const before = { name: "events", size: old.length, reopenable: true, open };
  const first = await importSource(directory, { source: before });
  put("11.jsonl", '{"n":11}\n');
  const second = await run();
  expect(second).toMatchObject({ continuedFrom: null, records: 4 });
  expect(second.id).not.toBe(first.id);
});
