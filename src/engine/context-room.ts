/**
 * Room for contexts: which there are, who waits for one, and who gives one back for that. A session
 * that has a context keeps it through its short waits, as long as nobody else has waited for long;
 * one that waits for something that takes long gives it back as soon as somebody wants it. So a
 * thousand sessions that come at once are run some hundreds at a time, instead of all of them
 * taking each other's contexts away, or the memory of their runner.
 */
import { FairQueue } from "./fair-queue.ts";
import type { Lane } from "./lanes/lane.ts";
import type { SessionActor } from "./session-actor.ts";

/** Having waited for longer than this is worth a context that has to be made again. */
const longWaitMs = 1000;
/** When somebody has waited for a context for so long, those that wait shortly give theirs. */
const patienceMs = 5000;
/** So many of them between two looks: to make a context again takes some milliseconds. */
const shortAtOnce = 5;
/** Between two looks while somebody waits. */
const lookMs = 100;

/** What is needed of the engine around. */
export interface RoomServices {
  /** Contexts that there may be, in all lanes together. */
  readonly contextsMax: number;
  now(): number;
  delay(ms: number, wake: () => void): () => void;
  /** There may be room for those that wait. */
  onRoom(): void;
}

/** The contexts of an engine. */
export class ContextRoom {
  readonly #services: RoomServices;
  readonly #byHandle = new Map<number, SessionActor>();
  #lastHandle = 0;
  /** Sessions that were sent to a lane and have no context there yet. */
  readonly #entering = new Set<SessionActor>();
  readonly #waiting: FairQueue<SessionActor>;
  #stopLook: (() => void) | undefined;
  #tellsRoom = false;

  constructor(services: RoomServices) {
    this.#services = services;
    this.#waiting = new FairQueue<SessionActor>(services.now);
  }

  /** Contexts that there are. */
  get size(): number {
    return this.#byHandle.size;
  }

  /** Sessions that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** When the first of them came; infinite when nobody waits. */
  get oldest(): number {
    return this.#waiting.oldest;
  }

  /** The same of who may be taken now; infinite when there is no room. */
  get next(): number {
    return this.#hasRoom ? this.#waiting.oldest : Number.POSITIVE_INFINITY;
  }

  /** Whose context has this handle. */
  actorOf(handle: number): SessionActor | undefined {
    return this.#byHandle.get(handle);
  }

  /** A context is made; returns a handle by which replies find its session. */
  open(actor: SessionActor, lane: Lane): number {
    this.#entering.delete(actor);
    lane.sessions += 1;
    this.#lastHandle += 1;
    this.#byHandle.set(this.#lastHandle, actor);
    return this.#lastHandle;
  }

  /** A context is gone. */
  close(handle: number, lane: Lane): void {
    lane.sessions -= 1;
    this.#byHandle.delete(handle);
    this.#tellRoom();
  }

  /** A session has left its lane, with or without having had a context there. */
  left(actor: SessionActor): void {
    if (this.#entering.delete(actor)) this.#tellRoom();
  }

  get #hasRoom(): boolean {
    return this.size + this.#entering.size < this.#services.contextsMax;
  }

  /** A session without a context wants one. */
  push(actor: SessionActor): void {
    this.#waiting.push(actor.program, actor);
    const { delay } = this.#services;
    this.#stopLook ??= delay(this.#hasRoom ? lookMs : 0, () => this.#look());
  }

  /** The next one, which is sent to a lane, if there is room. */
  take(): SessionActor | undefined {
    const actor = this.#hasRoom ? this.#waiting.shift() : undefined;
    if (actor) this.#entering.add(actor);
    return actor;
  }

  /** Not in the middle of what an actor does. */
  #tellRoom(): void {
    if (this.#tellsRoom || this.#waiting.size === 0) return;
    this.#tellsRoom = true;
    setImmediate(() => {
      this.#tellsRoom = false;
      this.#services.onRoom();
    });
  }

  /** Has those give their contexts back that have waited longest, for those that wait for one. */
  #look(): void {
    this.#stopLook = undefined;
    if (this.#waiting.size === 0) return;
    const now = this.#services.now();
    let short = now - this.#waiting.oldest > patienceMs ? shortAtOnce : 0;
    for (const actor of this.#idle().slice(0, this.#waiting.size)) {
      const isLong = now - actor.idleSince >= longWaitMs;
      if (!isLong && !actor.lane?.isFull) {
        if (short === 0) continue;
        short -= 1;
      }
      actor.evict();
    }
    this.#services.onRoom();
    this.#stopLook = this.#services.delay(lookMs, () => this.#look());
  }

  /** Sessions that can give their contexts back, the one that has waited longest first. */
  #idle(): SessionActor[] {
    return [...this.#byHandle.values()]
      .filter((actor) => actor.isIdle)
      .sort((a, b) => a.idleSince - b.idleSince);
  }

  /** A lane has said how much memory it uses: when that is much, its sessions give some back. */
  relieve(lane: Lane): void {
    if (!lane.isFull) return;
    for (const actor of this.#idle()) {
      if (!lane.isFull) return;
      if (actor.lane === lane) actor.evict();
    }
  }

  /** Nobody is admitted any more. */
  stop(): void {
    this.#stopLook?.();
    this.#waiting.drain();
  }
}
