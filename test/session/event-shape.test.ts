/** The quick look at events and their blob names: it agrees with the careful one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeValue, sha256 } from "../../src/base/index.ts";
import {
  EventView,
  encodeBlobRef,
  encodeEvent,
  encodeInline,
  eventKinds,
  payloadForms,
  payloadOf,
} from "../../src/event/index.ts";
import { BlobNames } from "../../src/session/blob-names.ts";
import { dataShape, saltOffset } from "../../src/session/event-shape.ts";

const event = fc
  .record({
    seq: fc.nat(2 ** 31),
    time: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER), fc.constant(1.7e12)),
    kind: fc.constantFrom(...eventKinds),
    type: fc.string({ maxLength: 60, unit: "grapheme" }),
    withRef: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 400 }),
    shape: fc.constantFrom("cbor", "json", "bytes", "blob"),
    form: fc.constantFrom(...payloadForms),
  })
  .map(({ withRef, bytes, shape, form, ...header }) => {
    const ref = withRef && header.seq > 0 ? header.seq - 1 : null;
    const data =
      shape === "blob"
        ? encodeBlobRef({ sha256: Uint8Array.from(sha256(bytes)), size: bytes.length, form })
        : shape === "cbor"
          ? encodeValue({ bytes, list: [1, "two"] })
          : encodeInline(shape as "json" | "bytes", bytes);
    return encodeEvent({ ...header, ref }, new Uint8Array(16).fill(7), data);
  });

/** What the careful way makes of an event; `undefined` when it refuses it. */
function carefully(bytes: Uint8Array): { salt: Uint8Array; data: Uint8Array } | undefined {
  try {
    const view = new EventView(bytes);
    return { salt: view.salt, data: view.dataBytes };
  } catch {
    return undefined;
  }
}

test("salt and data of every event are found where they are", () => {
  fc.assert(
    fc.property(event, (bytes) => {
      const salt = saltOffset(bytes, 0, bytes.length);
      const view = new EventView(bytes);
      expect(bytes.subarray(salt, salt + 16)).toEqual(view.salt);
      const isBlob = payloadOf(view.dataBytes).form === "blob";
      expect(dataShape(bytes, salt + 16, bytes.length)).toBe(isBlob ? "blob" : "inline");
    }),
  );
});

test("nothing is taken for an event, or for data, that the careful way refuses", () => {
  fc.assert(
    fc.property(event, fc.nat(), fc.nat(255), fc.nat(60), (bytes, at, byte, cut) => {
      const changed = bytes.slice(0, bytes.length - (cut < 50 ? 0 : cut));
      // Behind the head of the seq, which is checked elsewhere.
      const place = 10 + (at % Math.max(changed.length - 10, 1));
      if (place < changed.length) changed[place] = byte;
      const salt = saltOffset(changed, 0, changed.length);
      if (salt < 0) return;
      const careful = carefully(changed);
      expect(careful?.salt).toEqual(changed.subarray(salt, salt + 16));
      const shape = dataShape(changed, salt + 16, changed.length);
      if (shape === "inline") expect(payloadOf(careful?.data as Uint8Array).form).not.toBe("blob");
    }),
    { numRuns: 3000 },
  );
});

test("a set of names knows what was added, its sizes and its marks, and no more", () => {
  const name = (i: number): Uint8Array => sha256(Uint8Array.of(i & 0xff, i >>> 8, i >>> 16));
  const names = new BlobNames();
  for (let i = 0; i < 5000; i++) names.add(name(i), i);
  for (let i = 0; i < 5000; i += 2) names.mark(name(i));
  names.mark(name(0));
  names.mark(name(9999));
  expect(names).toMatchObject({ count: 5000, marked: 2500 });
  for (let i = 0; i < 5000; i++) expect(names.sizeOf(name(i))).toBe(i);
  expect(names.sizeOf(name(5000))).toBe(undefined);
  const few = new BlobNames(100);
  for (let i = 0; i < 1000; i++) few.add(name(i), i);
  expect(few.count).toBeLessThanOrEqual(100);
  expect(few.sizeOf(name(999))).toBe(999);
});
