// A few hundred programs made at random; `random-programs.slow.test.ts` does ten thousand.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Play, replay } from "./play.ts";
import { answer, expression, programOfTurns } from "./random-programs.ts";

test("random programs do the same again, in fresh contexts at every step", () => {
  let ended = 0;
  fc.assert(
    fc.property(
      fc.array(expression, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(1_000), { minLength: 5, maxLength: 60 }),
      (turns, choices) => {
        const play = new Play(programOfTurns(turns));
        answer(play, choices);
        if (play.activation?.ended?.next === "done") ended += 1;
        const outcome = replay(play);
        expect(typeof outcome === "string" ? outcome : JSON.stringify(outcome)).not.toContain("{");
        play.context.dispose();
      },
    ),
    { numRuns: 150 },
  );
  expect(ended).toBeGreaterThan(30);
});
