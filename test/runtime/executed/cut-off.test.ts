// The end of a log in the middle of an activation: only where a crash can have left it so, since an
// activation that fits one batch is there as a whole or not at all.

import { describe, expect, test } from "vitest";
import type { Batch } from "../../../src/event/index.ts";
import type { MadeOperation } from "../../../src/replay/index.ts";
import { mayBeCutOff } from "../../../src/runtime/executed/cut-off.ts";

function emits(count: number, bytes: number): MadeOperation[] {
  const one = { kind: "emit", type: "x", time: 0, data: new Uint8Array(bytes) } as const;
  return Array.from({ length: count }, () => one);
}

function batchOf(count: number, bytes: number): Batch {
  const empty = new Uint8Array(0);
  return { bytes: empty, bodyStart: 40, end: 40 + bytes, firstSeq: 0, count, fileOffset: 0 };
}

describe("what an activation has made may be missing in part", () => {
  test.each([
    ["a few small events", emits(3, 100), batchOf(4, 900), false],
    ["many small events", emits(50, 100), batchOf(7, 900), true],
    ["behind a batch that is full of events", emits(3, 100), batchOf(50, 9000), true],
    ["behind a batch that is full of bytes", emits(3, 100), batchOf(30, 254 * 1024), true],
    ["more bytes than a batch holds", emits(49, 5000).concat(emits(20, 5000)), batchOf(2, 9), true],
    ["payloads that were appended one by one", emits(2, 900 * 1024), batchOf(1, 900), true],
    ["large payloads beside the log", emits(3, 100 * 1024), batchOf(4, 900), false],
  ])("%s", (_, made, last, expected) => {
    expect(mayBeCutOff(made, last)).toBe(expected);
  });
});
