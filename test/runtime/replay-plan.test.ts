// A plan holds every event once, cuts where a root is wanted, and folds every stretch once.

import fc from "fast-check";
import { expect, test } from "vitest";
import { planReplay } from "../../src/runtime/replay-plan.ts";
import type { SnapshotRecord } from "../../src/snapshots/index.ts";

function record(size: number): SnapshotRecord {
  const hash = new Uint8Array(32);
  return { size, root: hash, stateHash: hash, stateBytes: 1, signature: new Uint8Array(64) };
}

const facts = fc.integer({ min: 1, max: 200_000 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    signedSize: fc.option(fc.integer({ min: 1, max: size })),
    sizes: fc.uniqueArray(fc.integer({ min: 1, max: size }), { maxLength: 60 }),
    interval: fc.tuple(fc.nat(size), fc.nat(size)),
    workers: fc.integer({ min: 1, max: 16 }),
  }),
);

test("a plan reads every event once and folds what was asked for, stretch by stretch", () => {
  fc.assert(
    fc.property(facts, ({ size, signedSize, sizes, interval, workers }) => {
      const records = sizes.sort((a, b) => a - b).map(record);
      const from = Math.min(...interval, size - 1);
      const to = Math.max(...interval, from + 1);
      const plan = planReplay({ size, signedSize, records, from, to, workers });

      let next = 0;
      const cuts = new Set<number>();
      for (const job of plan.jobs) {
        expect(job.from).toBe(next);
        const marks = job.marks.map(({ at }) => at);
        expect(marks).toEqual([...new Set(marks)].sort((a, b) => a - b));
        expect(marks.at(-1)).toBe(job.to);
        expect(marks[0]).toBeGreaterThan(job.from);
        for (const at of marks) cuts.add(at);
        next = job.to;
      }
      expect(next).toBe(size);
      for (const at of [...sizes, size, ...(signedSize === null ? [] : [signedSize])]) {
        expect(cuts.has(at)).toBe(true);
      }

      expect(plan.foldFrom).toBeLessThanOrEqual(from);
      expect(plan.foldTo).toBeGreaterThanOrEqual(to);
      expect(plan.foldFrom === 0 || sizes.includes(plan.foldFrom)).toBe(true);
      const folded = plan.jobs.filter((job) => job.folds);
      const boundaries = folded.flatMap(({ marks }) => marks.filter((mark) => mark.boundary));
      const within = sizes.filter((at) => at > plan.foldFrom && at <= plan.coveredTo);
      expect(boundaries.map(({ at }) => at)).toEqual(within);
      expect(folded[0]?.from ?? plan.foldFrom).toBe(plan.foldFrom);
      expect(folded.at(-1)?.to ?? plan.coveredTo).toBe(plan.coveredTo);
      for (const job of folded) expect(job.marks.at(-1)?.boundary).toBe(true);

      const chain = plan.chainMarks.map(({ at }) => at);
      expect(chain.at(-1) ?? plan.coveredTo).toBe(plan.foldTo);
      for (const at of chain) {
        expect(at > plan.coveredTo && cuts.has(at)).toBe(true);
        expect(at % 1_000 === 0 || at === plan.foldTo).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test("a long session is cut into several tasks for each worker, of about the same length", () => {
  const records = Array.from({ length: 40 }, (_, i) => record(1_000 * (i + 1)));
  const facts = { size: 40_000, signedSize: 40_000, records, from: 0, to: 40_000 };
  for (const workers of [1, 2, 4]) {
    const { jobs } = planReplay({ ...facts, workers });
    expect(jobs.length).toBeGreaterThanOrEqual(4 * Math.min(workers, 2));
    const lengths = jobs.map(({ from, to }) => to - from);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2 * (lengths[0] as number));
  }
});
