/**
 * What waits for a session to take it: events from outside, in the order in which they came. Bytes
 * are counted over all sessions, so that whoever sends too much hears of it.
 */
import { equalBytes } from "../base/index.ts";
import type { Appended } from "../session/index.ts";

/** Something from outside that waits for its turn. */
export interface Arrival {
  readonly kind: "input" | "result" | "timer" | "cancel";
  readonly type: string;
  readonly ref: number | null;
  /** CBOR. */
  readonly data: Uint8Array;
  /** What is noted directly before it, durable with it or not at all: the key of an input. CBOR. */
  readonly keyNote?: Uint8Array | undefined;
  /** Called when it has been appended. */
  readonly taken?: (appended: Appended) => void;
  /** Called when it never will be. */
  readonly refused?: (error: unknown) => void;
}

/** What an arrival takes beside its data, about. */
const arrivalBytes = 128;

/** The arrivals of one session. */
export class Inbox {
  readonly #count: (change: number) => void;
  readonly #arrivals: Arrival[] = [];

  /** `count` is told of bytes that come and go. */
  constructor(count: (change: number) => void) {
    this.#count = count;
  }

  get size(): number {
    return this.#arrivals.length;
  }

  push(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    this.#count(arrival.data.length + arrivalBytes);
  }

  /** Puts what a fork brings along before everything else, unless it is there already. */
  putFirst(arrivals: readonly Arrival[]): void {
    const fresh = arrivals.filter((arrival) => !this.#arrivals.some((one) => isSame(one, arrival)));
    this.#arrivals.unshift(...fresh);
    for (const { data } of fresh) this.#count(data.length + arrivalBytes);
  }

  /** The oldest one that `isWanted`; those before it that are not wanted are dropped. */
  shift(isWanted: (arrival: Arrival) => boolean): Arrival | undefined {
    for (let one = this.#arrivals.shift(); one; one = this.#arrivals.shift()) {
      this.#count(-(one.data.length + arrivalBytes));
      if (isWanted(one)) return one;
    }
    return undefined;
  }

  /** Whether one of this kind about event `ref` is waiting. */
  has(kind: Arrival["kind"], ref: number): boolean {
    return this.#arrivals.some((one) => one.kind === kind && one.ref === ref);
  }

  /** Drops everything; whoever waits is told why. */
  refuseAll(error: unknown): void {
    for (const { refused, data } of this.#arrivals.splice(0)) {
      this.#count(-(data.length + arrivalBytes));
      refused?.(error);
    }
  }
}

/** What tells a caller that its event has been taken, durably, and where it is. */
export function acknowledgement(): Required<Pick<Arrival, "taken" | "refused">> & {
  readonly promise: Promise<{ seq: number }>;
} {
  let taken: (appended: Appended) => void = () => {};
  let refused: (error: unknown) => void = () => {};
  const promise = new Promise<{ seq: number }>((resolve, reject) => {
    taken = ({ seq, durable }) => void durable.then(() => resolve({ seq }), reject);
    refused = reject;
  });
  return { promise, taken, refused };
}

function isSame(a: Arrival, b: Arrival): boolean {
  return a.kind === b.kind && a.type === b.type && a.ref === b.ref && equalBytes(a.data, b.data);
}
