/**
 * A lane: one thread in which contexts live, as the engine sees it, and the runner that holds it: a
 * process, a thread, or this very thread. Orders are carried out in order; what a lane was doing
 * when it was lost is lost with it, and nothing else.
 */
import type { Order, Reply } from "../host/orders.ts";

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
/** What a thread uses without any context. */
const emptyShare = 0.05;

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
  /** How much of its memory was in use when that was last heard, and by how many contexts. */
  #memory = { share: 0, contexts: 0 };
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

  /** It has said which share of its memory is in use, with so many contexts. */
  noteMemory(share: number, contexts: number): void {
    this.#memory = { share, contexts };
  }

  /** The share that so many contexts would use, if they are like those that were there. */
  #shareOf(contexts: number): number {
    const { share, contexts: before } = this.#memory;
    const each = Math.max(0, share - emptyShare) / Math.max(1, before);
    return share + (contexts - before) * each;
  }

  /** Whether so much of its memory is in use that contexts are to be given back. */
  get isTight(): boolean {
    return this.sessions > fewSessions && this.#shareOf(this.sessions) > tightShare;
  }

  /** Whether its memory has room for one more context; who is inside may be about to make one. */
  get hasMemory(): boolean {
    const contexts = this.sessions + this.inFlight;
    return contexts < fewSessions || this.#shareOf(contexts + 1) <= tightShare;
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
  close(): Promise<void>;
}
