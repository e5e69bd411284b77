/**
 * The copy of the state beside a run: a context in which no step ever runs, only `reduce`. A step
 * that changes the state past the view, or a variable that `reduce` reads, changes the other one.
 */
import { codeOf, sha256 } from "../../base/index.ts";
import type { ProgramEvent } from "../../driver/index.ts";
import type { CompiledProgram } from "../../sandbox/index.ts";
import { ToldContext } from "./told-context.ts";

/** A state as bytes, or why it is none. */
export interface EncodedState {
  readonly bytes: Uint8Array | undefined;
  readonly hash: Uint8Array | null;
  /** `STATE_UNSUPPORTED` and the like, as text. */
  readonly refused: string | null;
}

/** Whether an error is the program's, and not of what is below it. */
export function isProgramFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code === "PROGRAM_FAILED" || code === "STATE_UNSUPPORTED" || code === "STATE_TOO_LARGE";
}

/** The state of a context, encoded. */
export function encodedState(context: { snapshot(): Uint8Array }): EncodedState {
  try {
    const bytes = context.snapshot();
    return { bytes, hash: sha256(bytes), refused: null };
  } catch (error) {
    if (!isProgramFailure(error)) throw error;
    return { bytes: undefined, hash: null, refused: (error as Error).message };
  }
}

/** A state that grows out of events alone. */
export class FoldedCopy {
  readonly #program: CompiledProgram;
  #context: ToldContext | undefined;

  constructor(program: CompiledProgram) {
    this.#program = program;
    this.#context = new ToldContext(program);
  }

  /** Whether `reduce` or `init` has thrown: there is no state any more. */
  get failed(): boolean {
    return this.#context === undefined;
  }

  init(trigger: ProgramEvent): void {
    this.#attempt((context) => context.init(trigger));
  }

  restore(state: Uint8Array): void {
    this.#attempt((context) => context.restore(state));
  }

  fold(event: ProgramEvent): void {
    this.#attempt((context) => context.fold(event));
  }

  /** The state; refused where `reduce` has thrown. */
  state(): EncodedState {
    if (this.#context) return encodedState(this.#context);
    return { bytes: undefined, hash: null, refused: "reduce has thrown" };
  }

  /** Goes on from these bytes in a fresh context, as the session did. */
  goOnFrom(state: Uint8Array): void {
    this.dispose();
    this.#context = new ToldContext(this.#program);
    this.restore(state);
  }

  dispose(): void {
    this.#context?.dispose();
    this.#context = undefined;
  }

  #attempt(work: (context: ToldContext) => void): void {
    if (!this.#context) return;
    try {
      work(this.#context);
    } catch (error) {
      if (!isProgramFailure(error)) throw error;
      this.dispose();
    }
  }
}
