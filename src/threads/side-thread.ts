/**
 * A thread that takes over a part of one piece of work: it is sent orders and answers each of them,
 * in order. It lives as long as that work; tasks of their own go to a pool instead. Orders are
 * copied, but for what lies in memory that both see and that goes to and fro: the first buffer that
 * a thread gives away makes all its compiled code for arrays void.
 */
import { parentPort, Worker, workerData } from "node:worker_threads";
import { messageOf, ReachError } from "../base/index.ts";
import { builtFile } from "../disk/index.ts";

/** Answers one order. */
export type Answering<Order, Answer> = (order: Order) => Answer;

/** Memory that a thread shares, in pieces that go to and fro. */
export interface SharedMemory {
  /** Bytes of a piece. */
  readonly bytes: number;
  /** How many may be with the thread. */
  readonly pieces: number;
  /** Whether `onAnswer` looks at the piece that the order came in: it is free only afterwards. */
  readonly readBack?: boolean;
}

/** What a thread is there for. */
export interface SideThreadOptions<Order, Answer> {
  /** What it runs, a path below `dist`. */
  readonly file: string;
  /** What it does, to follow "the thread that" in errors. */
  readonly what: string;
  /** Called in the order of the orders; what it throws comes out of `answered`. */
  readonly onAnswer: (answer: Answer) => void;
  /** Memory that it shares. */
  readonly memory: SharedMemory;
  /**
   * Called when the thread has died or could not be started: what answers the orders here that it
   * has not answered, going on behind the last answer. Missing: then the work fails.
   */
  readonly goOn?: () => Answering<Order, Answer> | Promise<Answering<Order, Answer>>;
}

/** The side of whoever has the thread. */
export class SideThread<Order, Answer> {
  readonly #options: SideThreadOptions<Order, Answer>;
  #worker: Worker | undefined;
  /** Orders without an answer, the oldest first. */
  readonly #orders: Order[] = [];
  #sent = 0;
  /** How many the thread has answered: it counts them here, since answers only come in turn. */
  readonly #done = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** Memory that is with the thread, and the number of the order that is about it. */
  readonly #lent: { readonly memory: Uint8Array; readonly order: number }[] = [];
  readonly #free: Uint8Array[] = [];
  #pieces = 0;
  #failure: { readonly error: unknown } | undefined;
  #isDead = false;
  #here: Promise<Answering<Order, Answer>> | undefined;
  #waiting: (() => void)[] = [];

  /** Starts the thread. */
  constructor(options: SideThreadOptions<Order, Answer>) {
    this.#options = options;
    let cause: unknown;
    try {
      const worker = new Worker(builtFile(options.file), { workerData: this.#done });
      worker.on("message", (answer: Answer) => this.#take(answer));
      worker.on("error", (error) => {
        cause = error;
      });
      // By now everything that it has answered has come in.
      worker.on("exit", () => this.#die(cause));
      this.#worker = worker;
    } catch (error) {
      this.#die(error);
    }
  }

  /**
   * Memory to lend with an order, that nobody looks at any more; nothing while the thread is not
   * done with any. Where none is with it, whoever asks holds all of it: then there is one more.
   */
  take(): Uint8Array | undefined {
    const { bytes, pieces, readBack } = this.#options.memory;
    const answered = this.#sent - this.#orders.length;
    const done = readBack ? answered : Math.max(answered, Atomics.load(this.#done, 0));
    for (let [first] = this.#lent; first && first.order <= done; [first] = this.#lent) {
      this.#free.push(first.memory);
      this.#lent.shift();
    }
    const free = this.#free.pop();
    if (free) return free;
    if (this.#lent.length > 0 && this.#pieces >= pieces) return undefined;
    this.#pieces += 1;
    return new Uint8Array(new SharedArrayBuffer(bytes));
  }

  /**
   * Sends an order, a copy but for what lies in `lent`: memory from `take`, which is not written to
   * again before `take` gives it out once more.
   */
  send(order: Order, lent?: Uint8Array): void {
    this.#orders.push(order);
    this.#sent += 1;
    if (lent) this.#lent.push({ memory: lent, order: this.#sent });
    this.#worker?.postMessage(order);
  }

  /** Orders that wait for an answer. */
  get waiting(): number {
    return this.#orders.length;
  }

  /**
   * Resolves when at most `most` orders wait for an answer. Throws `WORKER_FAILED` when the thread
   * has died and nobody can go on.
   */
  async answered(most = 0): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      if (this.#orders.length <= most) return;
      if (this.#isDead) await this.#answerHere();
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Ends the thread, whatever it is doing, and fails whoever waits. */
  async close(): Promise<void> {
    this.#fail(undefined);
    await this.#worker?.terminate();
  }

  #take(answer: Answer): void {
    this.#orders.shift();
    try {
      if (!this.#failure) this.#options.onAnswer(answer);
    } catch (error) {
      this.#failure = { error };
    }
    this.#wake();
  }

  #die(cause: unknown): void {
    this.#worker = undefined;
    this.#isDead = true;
    if (!this.#options.goOn) this.#fail(cause);
    this.#wake();
  }

  #fail(cause: unknown): void {
    const how = cause === undefined ? "it has ended" : messageOf(cause);
    const message = `the thread that ${this.#options.what} failed: ${how}`;
    this.#failure ??= { error: new ReachError("WORKER_FAILED", message, { cause }) };
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Answers the oldest order, in the place of the thread. */
  async #answerHere(): Promise<void> {
    try {
      this.#here ??= Promise.resolve(this.#options.goOn?.() as Answering<Order, Answer>);
      const answer = await this.#here;
      const [order] = this.#orders;
      if (order !== undefined && !this.#failure) this.#take(answer(order));
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}

/** The side of the thread: answers every order. What `answer` throws ends the thread. */
export function serve<Order, Answer>(answer: Answering<Order, Answer>): void {
  const done = workerData as Int32Array;
  parentPort?.on("message", (order: Order) => {
    parentPort?.postMessage(answer(order));
    // Last: of an order that counts as done there is an answer, even if the thread dies here.
    Atomics.add(done, 0, 1);
  });
}
