/**
 * `ctx`, as a step has it: a thin, frozen face of the session in this context. Each step has its
 * own, which can do nothing once the step has returned. Its types are in `src/replay/program.ts`.
 */
import type { SessionRun } from "./session-run.ts";
import { stateView } from "./state-view.ts";

/** The argument of `step`. */
export class StepContext {
  readonly #run: SessionRun;

  constructor(run: SessionRun) {
    this.#run = run;
    Object.freeze(this);
  }

  get state(): unknown {
    this.#run.check(this);
    return stateView(this.#run.state);
  }

  call(name: unknown, input?: unknown, options?: unknown): Promise<unknown> {
    return this.#run.call(this, name, input, options);
  }

  emit(type: unknown, data?: unknown): void {
    this.#run.emit(this, type, data);
  }

  now(): number {
    this.#run.check(this);
    return this.#run.now();
  }

  random(): number {
    this.#run.check(this);
    return this.#run.random();
  }

  uuid(): string {
    this.#run.check(this);
    return this.#run.uuid();
  }

  sleep(span: unknown): Promise<void> {
    return this.#run.sleep(this, span);
  }

  waitFor(types: unknown, options?: { readonly timeout?: unknown }): Promise<unknown> {
    return this.#run.waitFor(this, types, options?.timeout);
  }

  log(...values: unknown[]): void {
    this.#run.log(this, values);
  }
}
