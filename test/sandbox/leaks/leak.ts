// A program with one leak: something other than its inputs would decide what it does. Shared with
// the tests of replay, which take those that only show there.

/** How a leak shows. */
export type Outcome =
  /** Not bundled: `PROGRAM_INVALID` with file, line and column. */
  | "refused"
  /**
   * Fails inside, with a message that says what to do: when it is loaded, or in its first
   * steps.
   */
  | "throws"
  /** No snapshot can be taken: `STATE_UNSUPPORTED` with the path. */
  | "state"
  /** Does something else when it is run again from the bytes of its state. */
  | "diverges"
  /** Does the same again, but its state is not what folding its events alone gives. */
  | "folds differently"
  /** The machine has no say: the same whatever the time zone or language. */
  | "fixed"
  /** Looks like a leak, and does the same again. */
  | "same again";

/** One program. */
export interface Leak {
  readonly name: string;
  readonly outcome: Outcome;
  /** What the refusal or failure says; of a "fixed" one, what it emits (JSON). */
  readonly message?: string;
  /** Code before the program. */
  readonly before?: string;
  readonly init?: string;
  readonly reduce?: string;
  /** Body of `step`, run for at least three turns; then it is done. */
  readonly step?: string;
}

/** The TypeScript source of a leak. Effects echo their input; every step ends a turn. */
export function sourceOf({ name, before = "", init, reduce, step = "" }: Leak): string {
  return `// ${name}
${before}
export default {
  name: "leak",
  version: "1",
  init: ${init ?? "(first: any): any => ({ turn: 0, n: 0, list: [] })"},
  reduce(state: any, event: any): any {
    if (event.kind === "step") state.turn += 1;
    ${reduce ?? ""}
    return state;
  },
  async step(ctx: any): Promise<any> {
    ${step}
    await ctx.call("echo", ctx.state.turn);
    return ctx.state.turn < 3 ? "continue" : "done";
  },
};
`;
}
