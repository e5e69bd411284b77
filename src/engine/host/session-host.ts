/**
 * The place where contexts live: carries orders out, one after the other. The same code in a thread
 * of a runner process, in a thread of this one, and inline.
 */
import { codeOf, messageOf, ReachError } from "../../base/index.ts";
import { SessionDriver, type StepContext } from "../../driver/index.ts";
import { machineNow } from "./machine-clock.ts";
import type { OpenOrder, Order, ProgramOrder, Reply } from "./orders.ts";

/** Makes contexts of programs: `src/sandbox`, or something smaller in tests. */
export interface ContextMaker {
  /** Makes ready what every program needs, in a thread that has nothing to do yet. */
  prepare?(): void;
  /** Contexts that are kept for the next sessions. */
  kept?(): number;
  /** Has so many be kept for sessions that may come all at once. */
  expect?(sessions: number): void;
  /** Takes the code of a program; throws `PROGRAM_INVALID`. Returns what makes contexts of it. */
  compile(program: ProgramOrder): () => StepContext;
}

/** A program that a place has been given: how to make contexts, or why there are none. */
type Compiled = { readonly create: () => StepContext } | { readonly error: unknown };

/** Carries out orders. */
export class SessionHost {
  readonly #contexts: ContextMaker;
  readonly #reply: (reply: Reply) => void;
  readonly #programs = new Map<string, Compiled>();
  readonly #sessions = new Map<number, SessionDriver>();
  /** Sessions that have begun and not had their first turn: when their program was entered. */
  readonly #entered = new Map<number, number>();

  constructor(contexts: ContextMaker, reply: (reply: Reply) => void) {
    this.#contexts = contexts;
    this.#reply = reply;
  }

  /** Contexts that are here, and those that are kept for the next sessions. */
  get contexts(): { readonly contexts: number; readonly kept: number } {
    return { contexts: this.#sessions.size, kept: this.#contexts.kept?.() ?? 0 };
  }

  /** Carries an order out; what goes wrong is a reply. */
  handle(order: Order): void {
    switch (order.kind) {
      case "program":
        this.#compile(order);
        return;
      case "ping":
        this.#reply({ kind: "pong", nonce: order.nonce });
        return;
      case "expect":
        this.#contexts.expect?.(order.sessions);
        return;
      case "close":
        this.#close(order.handle);
        return;
      default:
        this.#guarded(order);
    }
  }

  #compile(order: ProgramOrder): void {
    try {
      this.#programs.set(order.program, { create: this.#contexts.compile(order) });
    } catch (error) {
      this.#programs.set(order.program, { error });
    }
  }

  #guarded(order: Exclude<Order, { kind: "program" | "ping" | "expect" | "close" }>): void {
    const { handle } = order;
    try {
      if (order.kind === "open") {
        this.#open(order);
        return;
      }
      const driver = this.#sessions.get(handle);
      if (!driver) return;
      if (order.kind === "fold") for (const event of order.events) driver.fold(event);
      else {
        const turn =
          order.kind === "step"
            ? driver.beginStep(order.unread, order.now)
            : driver.deliver(order.event);
        const enteredAt = this.#entered.get(handle);
        this.#entered.delete(handle);
        const first = enteredAt === undefined ? {} : { enteredAt };
        this.#reply({ kind: "turn", handle, turn, ...first });
        if (turn.ended) this.#close(handle);
      }
    } catch (error) {
      this.#close(handle);
      const code = codeOf(error) ?? "BUG";
      this.#reply({ kind: "failed", handle, code, message: messageOf(error) });
    }
  }

  #open({ handle, program, secrets, snapshotEvents, state }: OpenOrder): void {
    const compiled = this.#programs.get(program);
    if (!compiled) throw new ReachError("BUG", "a program is sent before its sessions");
    if ("error" in compiled) throw compiled.error;
    const driver = new SessionDriver({ create: compiled.create, secrets, snapshotEvents });
    this.#sessions.set(handle, driver);
    if (state.from === "trigger") {
      this.#entered.set(handle, machineNow());
      driver.begin(state.event);
    } else driver.restore(state.size, state.state);
  }

  #close(handle: number): void {
    const driver = this.#sessions.get(handle);
    if (!driver) return;
    this.#sessions.delete(handle);
    this.#entered.delete(handle);
    try {
      driver.dispose();
    } catch {
      // The context is given up in any case.
    }
  }
}
