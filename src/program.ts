/**
 * The public entry "reach-replay/program": what the author of a program imports. It holds types and
 * one function that returns its argument, so that nothing of Reach ends up in the author's bundle.
 */
import type { ProgramDefinition } from "./replay/index.ts";

export type { EventKind } from "./event/index.ts";
export type { ProgramDefinition, ReducerEvent } from "./replay/index.ts";

/**
 * Declares a program, with its types inferred from what `init` returns:
 *
 *   export default defineProgram({
 *     name: "tool-counter",
 *     version: "1",
 *     init: () => ({ calls: 0 }),
 *     reduce(state, event) {
 *       if (event.kind === "call") state.calls += 1;
 *       return state;
 *     },
 *   });
 *
 * `init` and `reduce` are synchronous and use nothing but their arguments: no clock, no
 * randomness, no variables of the module. The state is a tree of plain data. `reduce` may change
 * it in place and returns it. `Data` is what the author knows about `event.data`; nothing checks
 * it.
 */
export function defineProgram<State, Data = unknown>(
  definition: ProgramDefinition<State, Data>,
): ProgramDefinition<State, Data> {
  return definition;
}
