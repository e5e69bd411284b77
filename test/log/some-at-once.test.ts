// A few at a time, each once, and after a failure no more.

import fc from "fast-check";
import { expect, it } from "vitest";
import { someAtOnce } from "../../src/log/some-at-once.ts";

it("is done for each once, with at most so many under way, and waits for all of them", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      fc.option(fc.nat(29)),
      async (turns, most, failsAt) => {
        const done: number[] = [];
        let begun = 0;
        let under = 0;
        let widest = 0;
        const work = async (turnsOfIt: number): Promise<void> => {
          const number = begun;
          begun += 1;
          under += 1;
          widest = Math.max(widest, under);
          for (let turn = 0; turn < turnsOfIt; turn++) await Promise.resolve();
          under -= 1;
          if (number === failsAt) throw new Error("this one");
          done.push(number);
        };
        const all = someAtOnce(turns, most, work);
        if (failsAt !== null && failsAt < turns.length) {
          await expect(all).rejects.toThrow("this one");
          expect(begun).toBeLessThan(Math.min(failsAt + 4 * most, turns.length) + 1);
        } else {
          await all;
          expect(done.sort((a, b) => a - b)).toEqual(turns.map((_, i) => i));
        }
        expect(under).toBe(0);
        expect(widest).toBeLessThanOrEqual(most);
        const waits = turns.every((turn) => turn > 0) && failsAt === null;
        if (waits) expect(widest).toBe(Math.min(most, turns.length));
      },
    ),
  );
});
