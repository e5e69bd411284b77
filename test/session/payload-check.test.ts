// Checking payloads: each is read whole, however large it is and whatever an event says of it.

import { expect, test } from "vitest";
import { sha256 } from "../../src/base/index.ts";
import { PayloadCheck } from "../../src/session/payload-check.ts";
import { MemoryBlobs } from "../blobs/memory-blobs.ts";

const large = 17 * 1024 * 1024;

test.each([
  ["a small payload", 10_000, 10_000, undefined],
  ["a small payload that should be large", 10_000, large, "has 10000 bytes"],
  ["a large payload", large, large, undefined],
  ["a large payload that should be small", large, 10_000, `has ${large} bytes`],
])("%s is read and its size compared", async (_, size, claimed, fault) => {
  const blobs = new MemoryBlobs();
  const bytes = new Uint8Array(size).fill(7);
  const writer = blobs.openBulk();
  writer.put(bytes);
  await writer.sync();
  const reads: string[] = [];
  const check = new PayloadCheck(watched(blobs, reads));
  const name = sha256(bytes);
  if (fault === undefined) expect(check.fault(name, claimed)).toBeUndefined();
  else expect(check.fault(name, claimed)).toContain(fault);
  expect([check.count, check.bytes]).toEqual([1, size]);
  expect(reads.at(-1)).toBe(size > 16 * 1024 * 1024 || claimed > size ? "stream" : "get");
});

/** The same store; notes how payloads come out of it. */
function watched(blobs: MemoryBlobs, reads: string[]): MemoryBlobs {
  return new Proxy(blobs, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return (...values: unknown[]): unknown => {
        reads.push(String(key));
        return Reflect.apply(member, target, values);
      };
    },
  });
}
