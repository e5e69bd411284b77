/**
 * A lane: one thread in which contexts live, as the engine sees it, and the runner that holds it: a
 * process, a thread, or this very thread. Orders are carried out in order; what a lane was doing
 * when it was lost is lost with it, and nothing else.
 */
import type { MemoryReply, Order, Reply } from "../host/orders.ts";

/** What a runner tells the engine. */
export interface RunnerEvents {
  onReply(lane: Lane, reply: Reply): void;
  /** For how long an order of the session with this handle has kept a lane; 0: none has. */
  onWork(lane: Lane, handle: number, ms: number): void;
  /**
   * These lanes are gone with everything in them. `why` is for people; `isForeign`: somebody else
   * killed them, so what ran in them is hardly the cause.
   */
  onLost(lanes: readonly Lane[], why: string, isForeign: boolean): void;
  /** A new lane, in place of one that was lost. */
  onLane(lane: Lane): void;
}

/** Carries orders to where they are done. */
export interface Transport {
  send(orders: readonly Order[]): void;
  /** Ends the thread, if need be the process; `onLost` follows. */
  kill(why: string): void;
}

let lastLane = 0;
/** A thread that uses so much of its memory takes no more contexts, and gives some back. */
const tightShare = 0.55;
/** However much they use: somebody has to be able to run. */
const fewSessions = 2;
/** What a thread uses without any context, and what each of those takes that it keeps. */
const emptyShare = 0.05;
const keptShare = 0.002;
/** What fewer contexts take says little about the next ones. */
const contextsTold = 4;
/** Turns that may be under way in any case: what is known of the next contexts is a guess. */
const turnsMin = 4;

/** One thread for contexts. */
export class Lane {
  readonly id: number;
  readonly #transport: Transport;
  #pending: Order[] = [];
  #flushing = false;
  #killed = false;
  /** Programs that it has been given. */
  readonly programs = new Set<string>();
  /** Turns that are awaited. */
  inFlight = 0;
  /** Sessions whose contexts are here. */
  sessions = 0;
  /** What it said of its memory last, and how many contexts have gone since. */
  #memory: Omit<MemoryReply, "kind"> = { share: 0, contexts: 0, kept: 0 };
  #gone = 0;
  #expected = 0;
  alive = true;
  /** Handle of the session that keeps it, when that takes long enough to be seen. */
  keeper: number | undefined;
  /** It is for suspects, one at a time. */
  isQuarantine = false;
  /** Nobody else is sent here: one session has kept it for too long. */
  isAside = false;
  /** When the ping was sent that has not been answered; 0 when none is open. */
  pingedAt = 0;
  /** Whether it has ever answered a ping: before, its thread is being started. */
  hasAnswered = false;

  constructor(transport: Transport) {
    lastLane += 1;
    this.id = lastLane;
    this.#transport = transport;
  }

  /**
   * Sends an order, with all others of this turn of the event loop: each message wakes a thread,
   * and in a burst that cost a tenth of what the server did.
   */
  send(order: Order): void {
    if (!this.alive) return;
    this.#pending.push(order);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  /** So many sessions may come at once, from lanes that are lost or kept by one session. */
  expect(sessions: number): void {
    if (sessions === this.#expected) return;
    this.#expected = sessions;
    this.send({ kind: "expect", sessions });
  }

  /** It has said how much of its memory is in use. */
  noteMemory(memory: Omit<MemoryReply, "kind">): void {
    this.#memory = memory;
    this.#gone = 0;
  }

  /** One of its contexts is gone. */
  leave(): void {
    this.sessions -= 1;
    this.#gone += 1;
  }

  /** The share of its memory that so many contexts use, if all are like those that were there. */
  #shareOf(count: number): number {
    const { share, contexts, kept } = this.#memory;
    const own = emptyShare + kept * keptShare;
    const each = Math.max(0, share - own) / Math.max(contextsTold, contexts);
    return share + (count - contexts) * each;
  }

  /** Whether so much of its memory is in use that contexts are to be given back. */
  get isTight(): boolean {
    const left = Math.max(0, this.#memory.contexts - this.#gone);
    return this.sessions > fewSessions && this.#shareOf(left) > tightShare;
  }

  /** Whether its memory has room for one more context; who is inside may be about to make one. */
  get hasMemory(): boolean {
    if (this.isTight) return false;
    return this.inFlight < turnsMin || this.#shareOf(this.sessions + this.inFlight) < tightShare;
  }

  #flush(): void {
    this.#flushing = false;
    const orders = this.#pending;
    this.#pending = [];
    if (this.alive && orders.length > 0) this.#transport.send(orders);
  }

  /** Ends it, whatever it is doing. */
  kill(why: string): void {
    if (!this.alive || this.#killed) return;
    this.#killed = true;
    this.#transport.kill(why);
  }
}

/** Some lanes that live and die together, or one by one. */
export interface Runner {
  readonly lanes: readonly Lane[];
  /** Resident memory of its process in bytes, where it is one of its own and can be seen. */
  readonly rssBytes?: number | undefined;
  /** So many sessions may come at once to each lane that is kept in reserve. */
  expect?(sessions: number): void;
  close(): Promise<void>;
}
