// Appends of several events: all or none, also through a crash, and exactly once for whoever
// numbers them.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeValue, limits } from "../../src/base/index.ts";
import {
  Directory,
  type NewEvent,
  Producers,
  producerNumber,
  type SessionWriter,
} from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

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

function events(count: number, bytes = 10, from = 0): NewEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: "emit",
    type: "made",
    time: 1000 + from + i,
    ref: null,
    form: "cbor",
    bytes: encodeValue({ i: from + i, text: "x".repeat(bytes) }),
  }));
}

function sizeOf(id: string): number {
  const reader = directory.session(id);
  try {
    return reader.size;
  } finally {
    reader.close();
  }
}

async function producersOf(id: string): Promise<Producers> {
  const reader = directory.session(id);
  try {
    return await Producers.of(reader);
  } finally {
    reader.close();
  }
}

async function reopen(): Promise<void> {
  directory.crash();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write", takeOver: true });
}

describe("an append of several events", () => {
  it("has them in a row, in batches of their own, among single appends", async () => {
    const writer = directory.createSession();
    const before = writer.append(events(1)[0] as NewEvent);
    const { seq, durable } = await writer.appendTogether(events(120, 6000, 1));
    const after = writer.append(events(1, 10, 121)[0] as NewEvent);
    expect([before.seq, seq, after.seq]).toEqual([0, 1, 121]);
    await durable;
    await after.durable;
    const reader = directory.session(writer.id);
    expect([...reader.events()].map(({ data }) => (data as { i: number }).i)).toEqual(
      Array.from({ length: 122 }, (_, i) => i),
    );
    const counts = [...reader.batches()].map(({ count }) => count);
    reader.close();
    expect(counts).toEqual([1, 50, 50, 20, 1]);
  });

  it("is one unit of the journal: a crash leaves all of it or nothing", async () => {
    const writer = directory.createSession();
    await (await writer.appendTogether(events(3))).durable;
    // Not durable yet when the process dies.
    const lost = await writer.appendTogether(events(200, 4000, 3));
    lost.durable.catch(() => {});
    await reopen();
    expect([3, 203]).toContain(sizeOf(writer.id));
  });

  it("is refused as a whole when one of them cannot be an event", async () => {
    const writer = directory.createSession();
    const bad = [...events(60, 6000), { ...(events(1)[0] as NewEvent), ref: 999 }];
    await expect(writer.appendTogether(bad)).rejects.toMatchObject({ code: "EVENT_INVALID" });
    expect(writer.nextSeq).toBe(0);
    await (await writer.appendTogether(events(2))).durable;
    expect(sizeOf(writer.id)).toBe(2);
  });

  it("is refused when another event has come first", async () => {
    const writer = directory.createSession();
    await (await writer.appendTogether(events(2), { expectedSeq: 0 })).durable;
    await expect(writer.appendTogether(events(2), { expectedSeq: 0 })).rejects.toMatchObject({
      code: "CONFLICT",
      where: `${writer.id}@2`,
    });
    expect(sizeOf(writer.id)).toBe(2);
  });

  it("takes payloads that are too large for the journal", async () => {
    const writer = directory.createSession();
    const large = limits.blobJournalBytesMax + 1;
    const mixed = [...events(1), ...events(2, large, 1), ...events(1, 5000, 3)];
    await (await writer.appendTogether(mixed)).durable;
    const reader = directory.session(writer.id);
    const lengths = [...reader.events()].map(({ data }) => (data as { text: string }).text.length);
    reader.close();
    expect(lengths).toEqual([10, large, large, 5000]);
  });
});

describe("what producers have appended", () => {
  const producer = (name: string, epoch: number, sequence: number) => ({
    id: producerNumber(name),
    epoch,
    sequence,
  });

  async function append(writer: SessionWriter, count: number, by: ReturnType<typeof producer>) {
    return (await writer.appendTogether(events(count), { producer: by })).durable;
  }

  it("is read back from the batches, after a crash as well", async () => {
    const writer = directory.createSession();
    await append(writer, 3, producer("a", 0, 0));
    await append(writer, 120, producer("b", 4, 0));
    await append(writer, 2, producer("a", 0, 1));
    await reopen();
    const found = await producersOf(writer.id);
    expect(found.state(producerNumber("a"))).toMatchObject({
      epoch: 0,
      sequence: 1,
      firstSeq: 123,
      count: 2,
    });
    expect(found.state(producerNumber("b"))).toMatchObject({
      epoch: 4,
      sequence: 0,
      firstSeq: 3,
      count: 120,
    });
    expect(found.state(producerNumber("c"))).toBeUndefined();
  });

  it("decides what an append is", async () => {
    const writer = directory.createSession();
    await append(writer, 1, producer("a", 2, 0));
    await append(writer, 1, producer("a", 2, 1));
    const found = await producersOf(writer.id);
    expect(found.judge(producer("a", 2, 2))).toEqual({ verdict: "append" });
    expect(found.judge(producer("a", 2, 1))).toMatchObject({
      verdict: "duplicate",
      last: { firstSeq: 1, count: 1 },
    });
    expect(found.judge(producer("a", 2, 0))).toEqual({ verdict: "duplicate", last: undefined });
    expect(found.judge(producer("a", 2, 4))).toEqual({
      verdict: "gap",
      expected: 2,
      newEpoch: false,
    });
    expect(found.judge(producer("a", 1, 2))).toEqual({ verdict: "stale", epoch: 2 });
    expect(found.judge(producer("a", 3, 0))).toEqual({ verdict: "append" });
    expect(found.judge(producer("a", 3, 1))).toEqual({
      verdict: "gap",
      expected: 0,
      newEpoch: true,
    });
    expect(found.judge(producer("new", 0, 0))).toEqual({ verdict: "append" });
  });

  it("names producers by numbers that fit a batch header", () => {
    const numbers = Array.from({ length: 1000 }, (_, i) => producerNumber(`p${i}`));
    expect(new Set(numbers).size).toBe(1000);
    for (const number of numbers) {
      expect(Number.isSafeInteger(number) && number > 0).toBe(true);
    }
  });
});
