/**
 * A thread that takes over a part of one piece of work: it is sent orders and answers each of them,
 * in order. It lives as long as that work; tasks of their own go to a pool instead. Everything is
 * copied: the first buffer that a thread gives away makes all its compiled code for arrays void.
 */
import { parentPort, Worker } from "node:worker_threads";
import { messageOf, ReachError } from "../base/index.ts";
import { builtFile } from "../disk/index.ts";

/** The side of whoever has the thread. */
export class SideThread<Order, Answer> {
  readonly #worker: Worker;
  readonly #what: string;
  #unanswered = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  /**
   * Starts a thread that runs `file`, a path below `dist`; `what` says in errors what it does.
   * `onAnswer` is called in the order of the orders; what it throws comes out of `answered`.
   */
  constructor(file: string, what: string, onAnswer: (answer: Answer) => void) {
    this.#what = what;
    this.#worker = new Worker(builtFile(file));
    this.#worker.on("message", (answer: Answer) => {
      this.#unanswered -= 1;
      try {
        if (!this.#failure) onAnswer(answer);
      } catch (error) {
        this.#failure = { error };
      }
      this.#wake();
    });
    this.#worker.on("error", (cause) => this.#fail(messageOf(cause), cause));
    this.#worker.on("exit", () => this.#fail("it has ended", undefined));
  }

  #fail(how: string, cause: unknown): void {
    const message = `the thread that ${this.#what} failed: ${how}`;
    this.#failure ??= { error: new ReachError("WORKER_FAILED", message, { cause }) };
    this.#wake();
  }

  /** Sends an order, a copy. */
  send(order: Order): void {
    this.#unanswered += 1;
    this.#worker.postMessage(order);
  }

  /**
   * Resolves when at most `most` orders wait for an answer. Throws `WORKER_FAILED` when the thread
   * has died. Only one call waits at a time.
   */
  async answered(most = 0): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      if (this.#unanswered <= most) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the thread, whatever it is doing. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The side of the thread: answers every order. What `answer` throws ends the thread. */
export function serve<Order, Answer>(answer: (order: Order) => Answer): void {
  parentPort?.on("message", (order: Order) => parentPort?.postMessage(answer(order)));
}
