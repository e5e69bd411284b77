/**
 * The public entry "reach-replay/program": what the author of a program imports. It holds types and
 * two small functions, so that nothing of Reach ends up in the author's bundle.
 */
import type { ProgramTypes, StateOf, TypedProgram } from "./replay/index.ts";

export type { EventKind } from "./event/index.ts";
export type {
  Duration,
  EffectFailure,
  ProgramDefinition,
  ProgramEventOf,
  ProgramTypes,
  ReadOnly,
  ReceivedInput,
  ReducerEvent,
  StepContext,
  StepOutcome,
  TypedProgram,
} from "./replay/index.ts";

/**
 * Declares a program. Types are inferred from what `init` returns:
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
 * or given, and then checked from end to end:
 *
 *   export default defineProgram<{
 *     State: { messages: string[] };
 *     Effects: { "llm.chat": (input: { messages: readonly string[] }) => { text: string } };
 *     Events: { message: string };
 *     Inputs: { approval: { by: string } };
 *   }>({ name, version, init, reduce, step });
 *
 * `init` and `reduce` are synchronous and use nothing but their arguments. `step` is one turn of a
 * session that Reach executes: ordinary async code that does everything it cannot compute through
 * `ctx`. The state is a tree of plain data. docs/PROGRAMS.md says what a program may use.
 */
export function defineProgram<Types extends ProgramTypes = ProgramTypes, State = StateOf<Types>>(
  definition: TypedProgram<Types, State>,
): TypedProgram<Types, State> {
  return definition;
}

/** Whether an error says that the session is being cancelled; clean up, then throw it on. */
export function isCancelled(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === "CANCELLED";
}
