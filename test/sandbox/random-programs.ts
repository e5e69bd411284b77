// Programs made at random, out of nested `all`, `race`, calls, timers, inputs and randomness, and a
// world that answers them in an order made at random: whatever happens, it happens the same again.

import fc from "fast-check";
import type { CompiledProgram } from "../../src/sandbox/index.ts";
import { type Play, steps } from "./play.ts";

/** An expression of a step, as JavaScript that yields a promise. */
export const expression: fc.Arbitrary<string> = fc.letrec<{ one: string }>((tie) => ({
  one: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(
      'ctx.call("a", ctx.state.turn)',
      'ctx.call("b").catch((e) => e.name)',
      "ctx.sleep(ctx.random() * 100)",
      'ctx.waitFor("x", { timeout: 50 }).then((e) => e?.data ?? "late")',
      'ctx.waitFor(["x", "y"]).then((e) => e.type)',
      'emit("now", [ctx.now(), Math.random()])',
      'emit("seen", ctx.state.events.length)',
      "Promise.resolve(1)",
    ),
    fc.array(tie("one"), { maxLength: 3 }).map((list) => `Promise.all([${list.join(", ")}])`),
    fc
      .array(tie("one"), { minLength: 1, maxLength: 3 })
      .map((list) => `Promise.race([${list.join(", ")}])`),
    fc
      .array(tie("one"), { maxLength: 2 })
      .map((list) => `Promise.allSettled([${list.join(", ")}]).then((all) => all.length)`),
    fc
      .tuple(tie("one"), tie("one"))
      .map(
        ([a, b]) =>
          `(async () => { const a = await ${a}; const b = await ${b}; return [a, b]; })()`,
      ),
    fc.tuple(tie("one"), tie("one")).map(([a, b]) => `${a}.then(() => ${b}, () => ${b})`),
  ),
})).one;

/** A program whose turns each evaluate one of these expressions. */
export function programOfTurns(turns: readonly string[]): CompiledProgram {
  const cases = turns.map(
    (turn, i) => `if (ctx.state.turn === ${i}) ctx.emit("got", text(await ${turn}));`,
  );
  return steps(
    `const emit = async (type, data) => { ctx.emit(type, data); return type; };
     ${cases.join("\n")}
     return ctx.state.turn < ${turns.length - 1} ? "continue" : "done";`,
    "const text = (value) => JSON.stringify(value) ?? 'nothing';",
  );
}

/** Answers a session with what `choices` pick from what it waits for, until it ends or they do. */
export function answer(play: Play, choices: readonly number[]): void {
  let activation = play.begin();
  const late: number[] = [];
  for (const choice of choices) {
    if (activation.failed || activation.ended?.next === "done") return;
    if (activation.ended) {
      late.push(...activation.ended.abandoned);
      activation = play.next();
      continue;
    }
    const { calls, timers } = activation.waiting;
    const some = <T>(list: readonly T[]): T | undefined => list[choice % Math.max(1, list.length)];
    const call = some(calls);
    const timer = some(timers);
    const kind = choice % 13;
    if (kind === 0) activation = play.input("x", choice);
    else if (kind === 1) activation = play.input("y", choice);
    else if (kind === 2 && late.length > 0) activation = play.result(late.pop() as number, "late");
    else if (kind === 3 && choice % 5 === 0) activation = play.cancel(choice);
    else if (call !== undefined && (kind % 2 === 0 || !timer)) {
      const error = { name: "Refused", message: `${choice}` };
      activation = kind === 4 ? play.failure(call, error) : play.result(call, choice);
    } else if (timer) activation = play.fire(timer.seq);
    else activation = play.input("x", choice);
  }
}
