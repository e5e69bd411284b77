// Batches: what was framed is found again, only in its place and only whole, whatever single thing
// was changed; and the bytes of version 1 stay what they are.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  concat,
  crc32,
  encodeValue,
  fromHex,
  limits,
  noBytes,
  toHex,
} from "../../src/base/index.ts";
import {
  type Batch,
  BatchBuilder,
  BatchWalk,
  batchHeaderBytes,
  batchProducer,
  batchSize,
  type EventHeader,
  EventView,
  encodeEvent,
  encodeInline,
  eventBytesBound,
  eventFramingBytes,
  payloadForms,
  positionCrc,
  readBatch,
  sealBatch,
} from "../../src/event/index.ts";

const session = Uint8Array.from({ length: 16 }, (_, i) => i);
const salt = new Uint8Array(16).fill(0x5a);

function headerAt(seq: number, type = "t"): EventHeader {
  return { seq, time: 1000 + seq, kind: "emit", type, ref: seq > 0 ? seq - 1 : null };
}

/** A sealed batch of events with these data, from `firstSeq` on, for offset `offset`. */
function batchOf(datas: readonly Uint8Array[], firstSeq = 0, offset = 0): Uint8Array {
  const builder = new BatchBuilder();
  for (const [i, data] of datas.entries()) builder.add(headerAt(firstSeq + i), salt, data);
  const bytes = builder.finish();
  sealBatch(bytes, session, offset);
  return bytes;
}

/** The events of a batch that has to be there. */
function eventsOf(batch: Batch | string): string[] {
  if (typeof batch === "string") throw new Error(`the batch is ${batch}`);
  const events: string[] = [];
  for (const walk = new BatchWalk(batch); walk.next(); ) {
    expect(new EventView(walk.event()).seq).toBe(walk.seq);
    expect(toHex(walk.preimage())).toBe(`00${toHex(walk.event())}`);
    events.push(toHex(walk.event()));
  }
  return events;
}

function resealed(bytes: Uint8Array): Uint8Array {
  sealBatch(bytes, session, 0);
  return bytes;
}

function codeThrownBy(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return codeOf(error) ?? `not an error of Reach: ${String(error)}`;
  }
  return undefined;
}

const datas = fc.array(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => encodeInline("bytes", bytes)),
  { minLength: 1, maxLength: 50 },
);
const small = [encodeValue("one"), encodeValue({ two: 2 }), encodeValue(null)];

describe("a batch", () => {
  it("gives back its events and its header, wherever it lies", () => {
    const offsets = fc.oneof(fc.nat(1000), fc.constantFrom(2 ** 32, 2 ** 40));
    const producers = fc.record({
      id: fc.maxSafeNat(),
      epoch: fc.nat(),
      sequence: fc.maxSafeNat(),
    });
    const seqs = fc.nat(2 ** 40);
    fc.assert(
      fc.property(datas, seqs, offsets, producers, fc.nat(99), (all, firstSeq, offset, by, at) => {
        const builder = new BatchBuilder();
        const written = all.map((data, i) => {
          builder.add(headerAt(firstSeq + i), salt, data);
          return toHex(encodeEvent(headerAt(firstSeq + i), salt, data));
        });
        expect(builder.count).toBe(all.length);
        const bytes = builder.finish(by);
        sealBatch(bytes, session, offset);
        const file = concat(new Uint8Array(at), bytes, new Uint8Array(7).fill(0xff));
        expect(batchSize(file, at)).toBe(bytes.length);
        const batch = readBatch(file, at, session, offset);
        expect(eventsOf(batch)).toEqual(written);
        expect(batch).toMatchObject({ firstSeq, count: all.length, fileOffset: offset });
        expect(batchProducer(file, at)).toEqual(by);
      }),
      { numRuns: 200 },
    );
  });

  it("frames the very bytes of an event", () => {
    const bytes = batchOf(small, 5);
    const alone = small.map((data, i) => toHex(encodeEvent(headerAt(5 + i), salt, data)));
    expect(eventsOf(readBatch(bytes, 0, session, 0))).toEqual(alone);
    const framing = alone.reduce((sum, event) => sum + eventFramingBytes + event.length / 2, 0);
    expect(bytes.length).toBe(batchHeaderBytes + framing);
  });

  it("of version 1 has these bytes for ever", () => {
    const builder = new BatchBuilder();
    const header = { seq: 7, time: 1.7e12, kind: "call", type: "llm.chat", ref: null } as const;
    builder.add(header, salt, encodeValue({ n: 1 }));
    builder.add({ ...header, seq: 8, kind: "result", ref: 7 }, salt, encodeValue("ok"));
    const bytes = builder.finish({ id: 1, epoch: 2, sequence: 3 });
    sealBatch(bytes, session, 4096);
    const hex = [
      "52425431",
      "5b000000",
      "2c306b7a",
      "0200",
      "0000",
      "0700000000000000",
      "0100000000000000",
      "0200000000000000",
      "0300000000000000",
      "2b0000",
      `87071b0000018bcfe5680002686c6c6d2e63686174f650${"5a".repeat(16)}a1616e01`,
      "2a0000",
      `87081b0000018bcfe5680003686c6c6d2e636861740750${"5a".repeat(16)}626f6b`,
    ].join("");
    expect(toHex(bytes)).toBe(hex);
    expect(eventsOf(readBatch(fromHex(hex) as Uint8Array, 0, session, 4096))).toHaveLength(2);
  });
});

describe("a batch is not valid", () => {
  it("at another offset, or in another session", () => {
    const bytes = batchOf(small, 0, 4096);
    expect(eventsOf(readBatch(bytes, 0, session, 4096))).toHaveLength(3);
    for (const offset of [0, 1, 4095, 4097, 2 ** 32 + 4096]) {
      expect(readBatch(bytes, 0, session, offset)).toBe("invalid");
    }
    for (let i = 0; i < 16; i++) {
      const other = session.slice();
      other[i] = 0x80;
      expect(readBatch(bytes, 0, other, 4096)).toBe("invalid");
    }
    expect(positionCrc(session, 4096)).toBe(
      crc32(fromHex("0010000000000000") as Uint8Array, crc32(session)),
    );
  });

  it("with any byte of it changed to anything", () => {
    const bytes = batchOf(small);
    for (let at = 0; at < bytes.length; at++) {
      for (let change = 1; change < 256; change++) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ change;
        const found = readBatch(changed, 0, session, 0);
        if (found !== "invalid" && found !== "short") expect.fail(`byte ${at} ^ ${change} passes`);
        // Only a length that grew may ask for more bytes; nothing else may look like a torn end.
        if (found === "short") expect(at >= 4 && at < 8).toBe(true);
      }
    }
  });

  it("but short where it is cut, at every length", () => {
    const bytes = batchOf(small);
    for (let length = 0; length < bytes.length; length++) {
      expect(readBatch(bytes.subarray(0, length), 0, session, 0)).toBe("short");
    }
    expect(batchSize(bytes.subarray(0, batchHeaderBytes - 1), 0)).toBe("short");
    expect(batchSize(bytes.subarray(0, batchHeaderBytes), 0)).toBe(bytes.length);
  });

  it("where its counts and lengths lie, even under a right checksum", () => {
    const lies: [string, (bytes: Uint8Array, view: DataView) => void][] = [
      ["fewer events than there are", (_, view) => view.setUint16(12, 2, true)],
      ["more events than there are", (_, view) => view.setUint16(12, 4, true)],
      ["no events", (_, view) => view.setUint16(12, 0, true)],
      ["more events than a batch may have", (_, view) => view.setUint16(12, 51, true)],
      ["a flag that version 1 does not know", (_, view) => view.setUint16(14, 1, true)],
      ["another first seq", (_, view) => view.setBigUint64(16, 1n, true)],
      ["a first seq above 2^53", (_, view) => view.setBigUint64(16, 2n ** 53n, true)],
      ["a body larger than any", (_, view) => view.setUint32(4, 0xffffffff, true)],
      ["an event shorter than it is", (_, view) => view.setUint16(48, 3, true)],
      ["an event longer than it is", (_, view) => view.setUint16(48, 65_535, true)],
      ["an event of no bytes", (_, view) => view.setUint16(48, 0, true)],
      ["a preimage of a node and not of a leaf", (bytes) => bytes.fill(1, 50, 51)],
      ["an event that is none", (bytes) => bytes.fill(0xff, 52, 60)],
      ["another magic", (bytes) => bytes.fill(0x53, 0, 1)],
    ];
    for (const [name, lie] of lies) {
      const bytes = batchOf(small);
      lie(bytes, new DataView(bytes.buffer, bytes.byteOffset));
      expect(readBatch(resealed(bytes), 0, session, 0), name).toBe("invalid");
    }
    expect(eventsOf(readBatch(resealed(batchOf(small)), 0, session, 0))).toHaveLength(3);
  });

  it("in random bytes, also behind a right magic", () => {
    const magic = fromHex("52425431") as Uint8Array;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(["short", "invalid"]).toContain(readBatch(bytes, 0, session, 0));
        expect(["short", "invalid"]).toContain(readBatch(concat(magic, bytes), 0, session, 0));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("while a batch is built", () => {
  const large = encodeInline("bytes", new Uint8Array(60_000));

  it("it takes 50 events, or 256 KiB, whichever comes first", () => {
    const builder = new BatchBuilder();
    for (let seq = 0; seq < limits.batchEventsMax; seq++) {
      expect(builder.fits(1)).toBe(true);
      builder.add(headerAt(seq), salt, encodeValue(null));
    }
    expect(builder.fits(1)).toBe(false);
    expect(codeThrownBy(() => builder.add(headerAt(50), salt, encodeValue(null)))).toBe("BUG");

    const heavy = new BatchBuilder();
    let seq = 0;
    while (heavy.fits(large.length)) heavy.add(headerAt(seq++), salt, large);
    expect(seq).toBe(4);
    expect(heavy.size).toBeLessThanOrEqual(limits.batchBytesMax);
    expect(heavy.size + eventBytesBound(large.length)).toBeGreaterThan(limits.batchBytesMax);
  });

  it("an inline payload encoded in place gives the bytes of one that was encoded before", () => {
    for (const form of payloadForms) {
      for (const size of [1, 23, 24, 255, 256, 4000]) {
        const payload = new Uint8Array(size).fill(0x61);
        const batches = [new BatchBuilder(), new BatchBuilder()].map((builder, i) => {
          builder.add(headerAt(0), salt, encodeValue(null));
          if (i === 0) builder.add(headerAt(1), salt, encodeInline(form, payload));
          else builder.addInline(headerAt(1), salt, form, payload);
          builder.add(headerAt(2), salt, encodeValue(null));
          return toHex(builder.finish());
        });
        expect(batches[1]).toBe(batches[0]);
      }
    }
    const builder = new BatchBuilder();
    const tooLarge = new Uint8Array(limits.eventBytesMax);
    expect(codeThrownBy(() => builder.addInline(headerAt(0), salt, "json", tooLarge))).toBe(
      "EVENT_TOO_LARGE",
    );
    expect(codeThrownBy(() => builder.addInline(headerAt(0), salt, "cbor", noBytes))).toBe("BUG");
    expect(builder.count).toBe(0);
  });

  it("the largest event fits, alone, and one byte more does not", () => {
    const header = headerAt(0, "x".repeat(256));
    const overhead = encodeEvent(header, salt, encodeValue(null)).length - 1;
    const framed = limits.eventBytesMax - overhead - 3;
    const builder = new BatchBuilder();
    builder.add(header, salt, encodeInline("bytes", new Uint8Array(framed)));
    const bytes = builder.finish();
    sealBatch(bytes, session, 0);
    expect(eventsOf(readBatch(bytes, 0, session, 0))[0]).toHaveLength(2 * limits.eventBytesMax);
    for (const size of [framed + 1, 10 * limits.eventBytesMax]) {
      const data = encodeInline("bytes", new Uint8Array(size));
      expect(codeThrownBy(() => builder.add(header, salt, data))).toBe("EVENT_TOO_LARGE");
    }
  });

  it("an event that is refused leaves it as it was", () => {
    const builder = new BatchBuilder();
    builder.add(headerAt(3), salt, encodeValue("first"));
    const { size, count } = builder;
    const wrong = { ...headerAt(4), type: "\ud83d" };
    expect(codeThrownBy(() => builder.add(wrong, salt, encodeValue(1)))).toBe("EVENT_INVALID");
    expect(codeThrownBy(() => builder.add(headerAt(9), salt, encodeValue(1)))).toBe("BUG");
    const huge = encodeInline("bytes", new Uint8Array(65_600));
    expect(codeThrownBy(() => builder.add(headerAt(4), salt, huge))).toBe("EVENT_TOO_LARGE");
    expect([builder.size, builder.count]).toEqual([size, count]);
    builder.add(headerAt(4), salt, encodeValue("second"));
    const bytes = builder.finish();
    sealBatch(bytes, session, 0);
    const alone = ["first", "second"].map((text, i) =>
      toHex(encodeEvent(headerAt(3 + i), salt, encodeValue(text))),
    );
    expect(eventsOf(readBatch(bytes, 0, session, 0))).toEqual(alone);
  });

  it("it is empty again when it is finished, and what was finished does not change", () => {
    const builder = new BatchBuilder();
    builder.add(headerAt(0), salt, large);
    const first = builder.finish();
    const before = toHex(first);
    expect([builder.count, builder.size]).toEqual([0, batchHeaderBytes]);
    expect(codeThrownBy(() => builder.finish())).toBe("BUG");
    builder.add(headerAt(1), salt, encodeValue("other"));
    const second = builder.finish();
    sealBatch(second, session, 0);
    expect(toHex(first)).toBe(before);
    expect(eventsOf(readBatch(second, 0, session, 0))).toHaveLength(1);
    expect(batchProducer(second, 0)).toEqual({ id: 0, epoch: 0, sequence: 0 });
  });
});
