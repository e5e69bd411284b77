// A source that somebody works on while it is imported: what is kept is what was read, or nothing
// is kept and the error says why. No file stays open, and no error comes out of nowhere.

import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { fileSource, importSource, type Source } from "../../src/importers/index.ts";
import { Directory, exportOriginal, verifySession } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

const lines = (count: number, from = 0, word = "x"): Buffer => {
  const line = (i: number): string => `{"n":${from + i},"text":"${word.repeat(400)}"}\n`;
  return Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(""));
};
const changed = { code: "SOURCE_UNREADABLE", message: "a.jsonl changed while it was imported" };

/** A source that is something else each time it is opened. */
function fickle(versions: readonly Buffer[], pieceBytes = 100_000): Source {
  let opened = 0;
  const [first = Buffer.alloc(0)] = versions;
  async function* open() {
    const bytes = versions[Math.min(opened++, versions.length - 1)] ?? first;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
    }
  }
  return { name: "a.jsonl", size: first.length, reopenable: true, open };
}

async function exported(id: string): Promise<Buffer> {
  const reader = directory.session(id);
  const pieces: Uint8Array[] = [];
  await exportOriginal(reader, (bytes) => void pieces.push(Uint8Array.from(bytes)));
  reader.close();
  return Buffer.concat(pieces);
}

/** Sources that this process has open, where the system tells. */
function openFiles(): string[] {
  if (!existsSync("/proc/self/fd")) return [];
  const links = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return links.filter((link) => link.startsWith(scratch.at("")) && link.endsWith(".jsonl"));
}

describe("an import of a source that changes", () => {
  it("that was interrupted keeps nothing where its bytes are not there any more", async () => {
    const whole = lines(3000);
    for (const later of [lines(3000, 0, "y"), whole.subarray(0, 500_000), Buffer.alloc(0)]) {
      const stop = new AbortController();
      const run = importSource(directory, {
        source: fickle([whole, later]),
        signal: stop.signal,
        onProgress: ({ bytes }) => bytes > 600_000 && stop.abort(),
      });
      await expect(run).rejects.toMatchObject(changed);
    }
    expect(directory.sessionIds()).toEqual([]);
  });

  it("does not go on from an import whose bytes were there only when it began", async () => {
    const before = lines(1000);
    const longer = Buffer.concat([before, lines(500, 1000)]);
    const first = await importSource(directory, { source: fickle([before]) });
    // The head is the same in all of them.
    const cut = before.subarray(0, 300_000);
    const rewritten = Buffer.concat([cut, lines(1500, 0, "y").subarray(cut.length)]);
    for (const read of [rewritten, cut]) {
      // What is compared with the earlier import is `longer`, which is opened later.
      const source = { ...fickle([read, longer]), size: longer.length };
      await expect(importSource(directory, { source })).rejects.toMatchObject(changed);
      expect((await exported(first.id)).equals(before)).toBe(true);
    }
    const again = await importSource(directory, { source: fickle([longer]) });
    expect(again).toMatchObject({ id: first.id, continuedFrom: first.events });
    expect((await exported(first.id)).equals(longer)).toBe(true);
  });

  it("and is interrupted before it is past the earlier import keeps that", async () => {
    const before = lines(1000);
    const longer = Buffer.concat([before, lines(500, 1000)]);
    const first = await importSource(directory, { source: fickle([before]) });
    const signal = AbortSignal.abort();
    const second = await importSource(directory, { source: fickle([longer]), signal });
    expect(second).toMatchObject({ id: first.id, interrupted: true });
    expect((await exported(first.id)).equals(before)).toBe(true);
    await importSource(directory, { source: fickle([longer]) });
    expect((await exported(first.id)).equals(longer)).toBe(true);
  });

  it.each(["shrinks", "grows", "is replaced"])(
    "as a file that %s keeps what was read",
    async (how) => {
      const file = scratch.at("large.jsonl");
      writeFileSync(file, lines(45_000));
      let touched = false;
      const report = await importSource(directory, {
        source: fileSource(file),
        onProgress: ({ bytes }) => {
          if (touched || bytes < 3_000_000) return;
          touched = true;
          if (how === "shrinks") truncateSync(file, 5_000_123);
          else if (how === "grows") appendFileSync(file, lines(10, 45_000));
          else writeFileSync(file, lines(45_000, 0, "y"));
        },
      });
      const original = await exported(report.id);
      expect(original.length).toBe(report.bytes);
      expect(original.subarray(0, 1000).equals(lines(10).subarray(0, 1000))).toBe(true);
      if (how === "grows") expect(original.equals(lines(45_010))).toBe(true);
      const verified = await verifySession(directory, report.id);
      expect(verified.problems).toEqual([]);
      expect(openFiles()).toEqual([]);
    },
  );
});

function sizeOf(from: Directory, id: string): number {
  const reader = from.session(id as SessionId);
  const { size } = reader;
  reader.close();
  return size;
}

/** Copies a directory that is being written, without its sockets. */
function copyData(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (name) => !name.endsWith(".sock") });
}

describe("an import that goes on from an earlier one", () => {
  it("and fails late leaves that as it was, and the next one goes on from it", async () => {
    const before = lines(1000);
    const longer = Buffer.concat([before, lines(25_000, 1000, "xx")]);
    const first = await importSource(directory, { source: fickle([before]) });
    let opened = 0;
    const whole = fickle([longer], 1_000_000);
    async function* dying(from: number): AsyncGenerator<Uint8Array> {
      opened += 1;
      const isRead = opened === 1;
      let read = 0;
      for await (const piece of whole.open(from)) {
        read += piece.length;
        if (isRead && read > 18_000_000) throw new Error("the line went dead");
        // The disk gets time to acknowledge.
        await sleep(0);
        yield piece;
      }
    }
    const crashed = scratch.at("crashed");
    const run = importSource(directory, {
      source: { ...whole, open: dying },
      onProgress({ bytes }) {
        if (bytes > 15_000_000 && !existsSync(crashed)) copyData(scratch.at("data"), crashed);
      },
    });
    await expect(run).rejects.toThrow("the line went dead");
    expect(sizeOf(directory, first.id)).toBe(first.events);
    const recovered = await Directory.open({ path: crashed, mode: "write", takeOver: true });
    expect(sizeOf(recovered, first.id)).toBe(first.events);
    await recovered.close();
    const again = await importSource(directory, { source: whole });
    expect(again).toMatchObject({ id: first.id, continuedFrom: first.events, records: 25_000 });
    expect((await exported(first.id)).equals(longer)).toBe(true);
  });
});

describe("a source", () => {
  it("is closed whatever comes of its import", async () => {
    const file = scratch.at("a.jsonl");
    writeFileSync(file, lines(5000));
    const source = (): Source => fileSource(file);
    const { id } = await importSource(directory, { source: source() });
    expect((await importSource(directory, { source: source() })).unchanged).toBe(true);
    expect(openFiles()).toEqual([]);
    const other = { source: source(), format: "temporal", path: "a" };
    await expect(importSource(directory, other)).rejects.toMatchObject({ code: "USAGE" });
    const none = { source: source(), format: "nothing" };
    await expect(importSource(directory, none)).rejects.toMatchObject({ code: "USAGE" });
    writeFileSync(file, lines(5000, 1));
    const taken = importSource(directory, { source: source(), id });
    await expect(taken).rejects.toMatchObject({ code: "CONFLICT" });
    expect(openFiles()).toEqual([]);
  });

  it("that fails while nobody waits for it says so when it is asked again", async () => {
    const file = scratch.at("a.jsonl");
    writeFileSync(file, lines(10));
    const lost: unknown[] = [];
    const hear = (error: unknown): void => void lost.push(error);
    process.on("unhandledRejection", hear);
    try {
      let taken = 0;
      const take = async (): Promise<Uint8Array> => {
        taken += 1;
        if (taken > 1) throw new Error("no more memory");
        return new Uint8Array(64);
      };
      const pieces = fileSource(file).open(0, take)[Symbol.asyncIterator]();
      expect((await pieces.next()).value).toHaveLength(64);
      await sleep(50);
      await expect(pieces.next()).rejects.toThrow("no more memory");
      expect(lost).toEqual([]);
    } finally {
      process.off("unhandledRejection", hear);
    }
  });
});
