// Ten thousand programs made at random, each run again from the bytes of its states; and contexts
// in numbers that would fill the memory if one of them were kept.

import process from "node:process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Play, replay, steps } from "./play.ts";
import { answer, expression, programOfTurns } from "./random-programs.ts";

test("ten thousand random programs do the same again", () => {
  fc.assert(
    fc.property(
      fc.array(expression, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(1_000), { minLength: 5, maxLength: 80 }),
      (turns, choices) => {
        const play = new Play(programOfTurns(turns));
        answer(play, choices);
        const outcome = replay(play);
        expect(typeof outcome === "string" ? outcome : JSON.stringify(outcome)).not.toContain("{");
        play.context.dispose();
      },
    ),
    { numRuns: 10_000 },
  );
});

test.each([
  ["given up", true],
  ["dropped while they wait", false],
])("5,000 contexts that are %s leave nothing behind", async (_, disposed) => {
  // A program that adds a global cannot be evaluated twice in one context: each is a new one.
  const program = steps('await ctx.call("x"); return "done";', "globalThis.mark = {};");
  const peaks: number[] = [];
  for (let i = 0; i < 5_000; i++) {
    const play = new Play(program);
    play.begin();
    if (disposed) play.context.dispose();
    if (i % 100 !== 99) continue;
    peaks.push(process.memoryUsage().rss);
    await new Promise(setImmediate);
  }
  const early = Math.max(...peaks.slice(0, 10));
  expect(Math.max(...peaks.slice(-10))).toBeLessThan(early + 150 * 1024 * 1024);
});
