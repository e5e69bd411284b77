// A data directory on the real disk: what is appended is there, in order, for readers beside the
// writer and after a crash of the process; batches follow their rule; derived files can go.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeValue, equalBytes, limits, toHex } from "../../src/base/index.ts";
import { eventLogPath, sessionFolder } from "../../src/log/index.ts";
import { Directory, type NewEvent, type SessionWriter } from "../../src/session/index.ts";

let folder: string;
let place: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-directory-"));
  place = path.join(folder, "data", "default");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function open(mode: "read" | "write" = "write", takeOver = false): Promise<Directory> {
  return Directory.open({ path: place, mode, takeOver });
}

function event(i: number, data: unknown = { i }): NewEvent {
  const bytes = encodeValue(data);
  return { kind: "emit", type: "made", time: 1000 + i, ref: null, form: "cbor", bytes };
}

function contents(directory: Directory, id: string): unknown[] {
  const reader = directory.session(id);
  try {
    return [...reader.events()].map(({ data }) => data);
  } finally {
    reader.close();
  }
}

/** Events in each batch of a session. */
function batches(directory: Directory, id: string): number[] {
  const reader = directory.session(id);
  try {
    return [...reader.batches()].map(({ count }) => count);
  } finally {
    reader.close();
  }
}

async function appendMany(writer: SessionWriter, count: number): Promise<void> {
  const durable = Array.from({ length: count }, (_, i) => writer.append(event(i)).durable);
  await Promise.all(durable);
}

describe("an event that has been acknowledged", () => {
  it("is there after the process died, in the order of the calls", async () => {
    const first = await open();
    const writers = Array.from({ length: 20 }, () => first.createSession());
    const all = writers.flatMap((writer) =>
      Array.from({ length: 30 }, (_, i) => writer.append(event(i)).durable),
    );
    await Promise.all(all);
    first.crash();
    const second = await open("write", true);
    for (const { id } of writers) {
      expect(contents(second, id)).toEqual(Array.from({ length: 30 }, (_, i) => ({ i })));
    }
    await second.close();
  });

  it("can be read by another directory handle while the writer goes on", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await writer.append(event(0)).durable;
    const observer = await open("read");
    expect(contents(observer, writer.id)).toEqual([{ i: 0 }]);
    await writer.append(event(1)).durable;
    expect(contents(observer, writer.id)).toEqual([{ i: 0 }, { i: 1 }]);
    expect(() => observer.createSession()).toThrow(expect.objectContaining({ code: "READ_ONLY" }));
    await observer.close();
    await directory.close();
  });

  it("keeps a payload of any size, each stored once", async () => {
    const directory = await open();
    const writer = directory.createSession();
    const sizes = [0, 100, 4096, 4097, 70_000, limits.blobJournalBytesMax + 5, 3_000_000];
    const data = sizes.map((size) => new Uint8Array(size).map((_, i) => (i * i + size) % 251));
    for (const bytes of [...data, ...data]) {
      const appended = await writer.appendLarge(event(0, bytes));
      await appended.durable;
    }
    await directory.close();
    const again = await open("read");
    const found = contents(again, writer.id) as Uint8Array[];
    const same = found.map((bytes, i) => equalBytes(bytes, data[i % data.length] as Uint8Array));
    expect(same).toEqual(sizes.concat(sizes).map(() => true));
    const stored = again.blobs.packs().reduce((sum, { size }) => sum + size, 0);
    const once = sizes.filter((size) => size > 4096).reduce((sum, size) => sum + size, 0);
    expect(stored).toBeLessThan(1.1 * once);
    await again.close();
  });
});

describe("batches", () => {
  it("hold at most 50 events, and the first event of a session goes out at once", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await writer.append(event(0)).durable;
    await appendMany(writer, 500);
    const counts = batches(directory, writer.id);
    expect(counts[0]).toBe(1);
    expect(Math.max(...counts)).toBe(50);
    expect(counts.reduce((sum, count) => sum + count)).toBe(501);
    await directory.close();
  });

  it("of a flood in one turn are full, not one per event", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await appendMany(writer, 5000);
    expect(batches(directory, writer.id).length).toBeLessThan(110);
    await directory.close();
  });
});

describe("a session", () => {
  it("has one writer, and takes nothing once that is closed", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await writer.append(event(0)).durable;
    expect(() => directory.appendTo(writer.id)).toThrow(
      expect.objectContaining({ code: "CONFLICT" }),
    );
    await directory.closeWriter(writer);
    expect(() => writer.append(event(1))).toThrow(expect.objectContaining({ code: "CLOSED" }));
    const next = directory.appendTo(writer.id);
    await next.append(event(1)).durable;
    expect(contents(directory, writer.id)).toEqual([{ i: 0 }, { i: 1 }]);
    await directory.close();
  });

  it("refuses what cannot be an event and goes on", async () => {
    const directory = await open();
    const writer = directory.createSession();
    const long = { ...event(0), type: "t".repeat(300) };
    expect(() => writer.append(long)).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
    const ahead = { ...event(0), ref: 7 };
    expect(() => writer.append(ahead)).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
    const big = { ...event(0, "x".repeat(9000)), ref: 7 };
    expect(() => writer.append(big)).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
    await writer.append(event(0)).durable;
    expect(contents(directory, writer.id)).toEqual([{ i: 0 }]);
    await directory.close();
  });

  it("is signed when the directory is closed, and goes on from there", async () => {
    let directory = await open();
    const { id } = directory.createSession();
    await directory.close();
    directory = await open();
    const writer = directory.createSession({ name: "signed" });
    await appendMany(writer, 1234);
    await directory.close();
    for (let round = 1; round <= 3; round++) {
      directory = await open();
      const reader = directory.session(writer.id);
      const size = 1234 + (round - 1) * 7;
      const signed = reader.checkpoint();
      expect(signed?.size).toBe(size);
      expect(toHex(signed?.root ?? new Uint8Array())).toBe(toHex(reader.computedRoot()));
      reader.close();
      await appendMany(directory.appendTo(writer.id), 7);
      await directory.close();
    }
    expect(id).not.toBe(writer.id);
  });

  it("answers the same when its derived files are gone", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await appendMany(writer, 3000);
    const root = writer.tail.root();
    await directory.close();
    const session = sessionFolder(place, writer.id);
    rmSync(path.join(session, "events.idx"), { force: true });
    rmSync(path.join(session, "tree.log"), { force: true });
    for (const name of readdirSync(path.join(place, "blobs"))) {
      if (name.endsWith(".idx")) rmSync(path.join(place, "blobs", name));
    }
    const again = await open();
    const reader = again.session(writer.id);
    expect(toHex(reader.root())).toBe(toHex(root));
    expect(reader.event(2999).data).toEqual({ i: 2999 });
    expect(() => reader.event(3000)).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    reader.close();
    await appendMany(again.appendTo(writer.id), 1);
    await again.close();
  });
});

describe("a directory that was closed", () => {
  it("has no journal left, and a log that lost its end is corrupt and not shorter", async () => {
    const directory = await open();
    const writer = directory.createSession();
    await appendMany(writer, 200);
    await directory.close();
    expect(readdirSync(path.join(place, "journal"))).toEqual(["reserve"]);
    const log = eventLogPath(place, writer.id);
    const { truncateSync, statSync } = await import("node:fs");
    truncateSync(log, statSync(log).size - 10);
    const reading = await open("read");
    expect(() => contents(reading, writer.id)).toThrow(
      expect.objectContaining({ code: "CORRUPT" }),
    );
    await reading.close();
    const writing = await open();
    expect(() => writing.appendTo(writer.id)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    await writing.close();
  });
});
