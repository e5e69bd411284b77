/**
 * A program in its context, in a worker: each call into it is told to the thread that owns the
 * worker, which ends one that does not come back.
 */
import type { ProgramEvent, StepContext } from "../../driver/index.ts";
import { type CompiledProgram, type ContextOptions, ProgramContext } from "../../sandbox/index.ts";
import { enterProgram, leaveProgram, type ProgramPart } from "../whereabouts.ts";

type SandboxActivation = ReturnType<ProgramContext["deliver"]>;

/** Does what `ProgramContext` does. */
export class ToldContext implements StepContext {
  readonly #context: ProgramContext;
  /** The event that the program was given last. */
  #seq = 0;

  constructor(program: CompiledProgram, options: ContextOptions = {}) {
    this.#context = this.#tell("load", 0, () => ProgramContext.create(program, options));
  }

  init(trigger: ProgramEvent): void {
    this.#tell("init", trigger.seq, () => this.#context.init(trigger));
  }

  restore(snapshot: Uint8Array): void {
    this.#context.restore(snapshot);
  }

  fold(event: ProgramEvent): void {
    this.#tell("reduce", event.seq, () => this.#context.fold(event));
  }

  setInbox(unread: readonly ProgramEvent[], now: number): void {
    this.#context.setInbox(unread, now);
  }

  beginStep(firstSeq: number, key: Uint8Array): SandboxActivation {
    return this.#tell("step", firstSeq - 1, () => this.#context.beginStep(firstSeq, key));
  }

  deliver(event: ProgramEvent): SandboxActivation {
    return this.#tell("step", event.seq, () => this.#context.deliver(event));
  }

  snapshot(): Uint8Array {
    return this.#tell("state", this.#seq, () => this.#context.snapshot());
  }

  dispose(): void {
    this.#context.dispose();
  }

  #tell<Value>(part: Exclude<ProgramPart, "none">, seq: number, call: () => Value): Value {
    this.#seq = seq;
    enterProgram(part, seq);
    try {
      return call();
    } finally {
      leaveProgram();
    }
  }
}
