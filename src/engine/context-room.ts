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
const shortAtOnce = 1;
/** Between two looks while somebody waits. */
const lookMs = 20;
/** Contexts, of all that there are, that are given back before somebody waits for them. */
const spareShare = 1 / 16;

/** What is needed of the engine around. */
export interface RoomServices {
  now(): number;
  delay(ms: number, wake: () => void): () => void;
  /** Whether nobody can be given a context unless others give theirs back. */
  isFull(): boolean;
  /** There may be room for those that wait. */
  onRoom(): void;
}

/** The contexts of an engine. */
export class ContextRoom {
  readonly #services: RoomServices;
  readonly #byHandle = new Map<number, SessionActor>();
  #lastHandle = 0;
  /** Sessions that have not run yet, and those that go on: they take turns. */
  readonly #beginning: FairQueue<SessionActor>;
  readonly #goingOn: FairQueue<SessionActor>;
  #beginsNext = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stopLook: (() => void) | undefined;
  #tellsRoom = false;

  constructor(services: RoomServices) {
    this.#services = services;
    this.#beginning = new FairQueue<SessionActor>(services.now);
    this.#goingOn = new FairQueue<SessionActor>(services.now);
  }

  /** Contexts that there are. */
  get size(): number {
    return this.#byHandle.size;
  }

  /** Sessions that wait for one. */
  get waiting(): number {
    return this.#beginning.size + this.#goingOn.size;
  }

  /** When the first of them came; infinite when nobody waits. */
  get oldest(): number {
    return Math.min(this.#beginning.oldest, this.#goingOn.oldest);
  }

  /** Whose context has this handle. */
  actorOf(handle: number): SessionActor | undefined {
    return this.#byHandle.get(handle);
  }

  /** A context is made; returns a handle by which replies find its session. */
  open(actor: SessionActor, lane: Lane): number {
    lane.sessions += 1;
    this.#lastHandle += 1;
    this.#byHandle.set(this.#lastHandle, actor);
    return this.#lastHandle;
  }

  /** A context is gone. */
  close(handle: number, lane: Lane): void {
    lane.leave();
    this.#byHandle.delete(handle);
    this.#tellRoom();
  }

  /** A session without a context wants one. */
  push(actor: SessionActor): void {
    const queue = actor.isNew ? this.#beginning : this.#goingOn;
    queue.push(actor.program, actor);
  }

  /** The session that is to have the next one: a thousand that begin hold up nobody who goes on. */
  take(): SessionActor | undefined {
    const first = this.#beginsNext ? this.#beginning : this.#goingOn;
    const other = this.#beginsNext ? this.#goingOn : this.#beginning;
    this.#beginsNext = !this.#beginsNext;
    return first.shift() ?? other.shift();
  }

  /** Not in the middle of what an actor does. */
  #tellRoom(): void {
    if (this.#tellsRoom || this.waiting === 0) return;
    this.#tellsRoom = true;
    setImmediate(() => {
      this.#tellsRoom = false;
      this.#services.onRoom();
    });
  }

  /** Looks soon, and again while somebody waits, whether others can give their contexts back. */
  seek(): void {
    const { now, delay } = this.#services;
    const wait = Math.max(0, this.#lookedAt + lookMs - now());
    this.#stopLook ??= delay(wait, () => this.#look());
  }

  #look(): void {
    this.#stopLook = undefined;
    this.#lookedAt = this.#services.now();
    if (this.waiting === 0) return;
    if (this.#services.isFull()) this.#makeRoom(this.#lookedAt);
    this.seek();
  }

  /**
   * Has those give their contexts back that have waited longest: as many as are waited for, and
   * some more for those that come next.
   */
  #makeRoom(now: number): void {
    let short = now - this.oldest > patienceMs ? shortAtOnce : 0;
    const wanted = this.waiting + Math.ceil(this.size * spareShare);
    for (const actor of this.#idle().slice(0, wanted)) {
      const isLong = now - actor.idleSince >= longWaitMs;
      if (!isLong && !actor.lane?.isTight) {
        if (short === 0) continue;
        short -= 1;
      }
      actor.evict();
    }
  }

  /** Sessions that can give their contexts back, the one that has waited longest first. */
  #idle(): SessionActor[] {
    return [...this.#byHandle.values()]
      .filter((actor) => actor.isIdle)
      .sort((a, b) => a.idleSince - b.idleSince);
  }

  /** A lane has said how much memory it uses: when that is much, its sessions give some back. */
  relieve(lane: Lane): void {
    if (!lane.isTight) return;
    for (const actor of this.#idle()) {
      if (!lane.isTight) return;
      if (actor.lane === lane) actor.evict();
    }
  }

  /** Nobody is admitted any more. */
  stop(): void {
    this.#stopLook?.();
    this.#beginning.drain();
    this.#goingOn.drain();
  }
}
