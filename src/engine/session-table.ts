/**
 * The sessions of an engine that have not ended: those that are held in memory, and those that
 * sleep, of which only an entry is kept. Wakes them when a timer is due or somebody asks, lets them
 * sleep when nothing is to be done, and keeps the registry from which the next engine begins.
 */
import { messageOf, type SessionId } from "../base/index.ts";
import { eventLogPath } from "../log/index.ts";
import type { Directory } from "../session/index.ts";
import type { ActorServices } from "./actor-services.ts";
import { breathe } from "./background-work.ts";
import { isLogTrouble, sessionEnded } from "./refusals.ts";
import {
  markBehind,
  type RegistryContent,
  type RegistryEntry,
  readRegistry,
  writeRegistry,
} from "./registry.ts";
import { SessionActor } from "./session-actor.ts";
import { SessionLog } from "./session-log.ts";
import { isNothingToRun, storedSession } from "./stored-sessions.ts";
import { TimerHeap } from "./timer-heap.ts";

/** What a table needs of its engine. */
export interface TableServices extends ActorServices {
  readonly directory: Directory;
}

const sweepMsMax = 1000;
/** Before a session that could not be read is looked at again. */
const againMs = 1000;
/** Sessions looked at in one go while the store is searched. */
const searchedAtOnce = 32;

/** Sessions that have not ended. */
export class SessionTable {
  readonly #services: TableServices;
  readonly #actors = new Map<SessionId, SessionActor>();
  readonly #falling = new Map<SessionId, Promise<void>>();
  readonly #asleep = new Map<SessionId, RegistryEntry>();
  readonly #timers: TimerHeap;
  #stopSweep: () => void = () => {};
  #lastWrite = 0;
  #changed = false;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;
  /** Whether all sessions that have not ended are known. */
  #complete = false;
  /** Resolves when sessions that a crash may have hidden have been looked for. */
  searched: Promise<void> = Promise.resolve();

  constructor(services: TableServices) {
    this.#services = services;
    const { clock, delay } = services;
    this.#timers = new TimerHeap({ now: clock, delay }, (id) => this.#timerDue(id));
  }

  /** Sessions in memory. */
  get active(): number {
    return this.#actors.size;
  }

  actors(): Iterable<SessionActor> {
    return this.#actors.values();
  }

  /** The actor of a session, if it is in memory. */
  get(id: SessionId): SessionActor | undefined {
    return this.#actors.get(id);
  }

  /** Whether a session sleeps: it has not ended, and nothing of it is in memory. */
  sleeps(id: SessionId): boolean {
    return this.#asleep.has(id) || this.#falling.has(id);
  }

  add(actor: SessionActor): void {
    this.#actors.set(actor.id, actor);
    this.#changed = true;
  }

  /** A session is over, or never began. */
  delete(id: SessionId): void {
    this.#actors.delete(id);
    this.#asleep.delete(id);
    this.#timers.delete(id);
    this.#changed = true;
  }

  setTimer(id: SessionId, due: number | undefined): void {
    this.#changed = true;
    if (due === undefined) this.#timers.delete(id);
    else this.#timers.set(id, due);
  }

  #timerDue(id: SessionId): void {
    if (this.#closed) return;
    const actor = this.#actors.get(id);
    if (actor) actor.timerDue();
    else this.#wake(id);
  }

  #wake(id: SessionId): void {
    this.actorOf(id).then(
      (actor) => actor.timerDue(),
      (error: unknown) => this.#notReached(id, error),
    );
  }

  /**
   * A session could not be read when it was to go on. Unless there is nothing to run it stays
   * known, here and in the registry; when the disk may work again, it is woken once more.
   */
  #notReached(id: SessionId, error: unknown): void {
    this.#changed = true;
    if (isNothingToRun(error)) {
      this.#asleep.delete(id);
      return;
    }
    const { due = null } = this.#asleep.get(id) ?? {};
    this.#asleep.set(id, { due, runnable: true });
    const again = this.#services.clock() + againMs;
    if (isLogTrouble(error) && !this.#closed) this.#timers.set(id, again);
    this.#services.trouble(`session ${id} cannot be woken: ${messageOf(error)}`);
  }

  /**
   * The actor of a session, made when it sleeps. Throws `NOT_FOUND`, `GONE`, `SESSION_ENDED`,
   * `USAGE` for a recorded session.
   */
  async actorOf(id: SessionId): Promise<SessionActor> {
    for (let falling = this.#falling.get(id); falling; falling = this.#falling.get(id)) {
      await falling;
    }
    const there = this.#actors.get(id);
    if (there) return there;
    const { directory } = this.#services;
    const { manifest, report } = storedSession(directory, id);
    if (report) {
      this.#asleep.delete(id);
      throw sessionEnded(id);
    }
    const log = new SessionLog(directory, id, undefined);
    const actor = new SessionActor(this.#services, manifest, log, undefined);
    this.#asleep.delete(id);
    this.add(actor);
    return actor;
  }

  /**
   * Takes over what an engine before has left: reads the registry, sets the timers of those that
   * sleep, and goes on, in the background, with those that have something to do. Where the registry
   * may be behind, what the journal held is looked at first, then everything. With `asked` nothing
   * goes on by itself, and what is known is kept for an engine that takes over everything. Throws
   * when the registry cannot be read or marked; then nothing goes on.
   */
  async open(resumes: "all" | "asked"): Promise<void> {
    const { disk, path, recovery } = this.#services.directory;
    const registry = readRegistry(disk, path);
    for (const [id, entry] of registry?.sessions ?? []) this.#asleep.set(id, entry);
    // Before anything goes on that it does not say.
    await this.#markBehind(registry);
    if (resumes === "asked") this.#complete = registry?.clean === true;
    else this.#search(registry, recovery?.sessions ?? []);
    this.#sweep();
  }

  /**
   * From now on the registry may be behind. What it says is known, and not written anew. Throws
   * when that cannot be made durable: after a crash what it says would be believed.
   */
  async #markBehind(registry: RegistryContent | undefined): Promise<void> {
    const { disk, path, writable } = this.#services.directory;
    if (!registry) return this.#write(false);
    this.#lastWrite = this.#services.now();
    if (writable) await markBehind(disk, path, registry);
  }

  #search(registry: RegistryContent | undefined, hidden: Iterable<SessionId>): void {
    const runnable: SessionId[] = [];
    for (const [id, { runnable: goesOn, due }] of registry?.sessions ?? []) {
      if (goesOn) runnable.push(id);
      else if (due !== null) this.#timers.set(id, due);
    }
    const behind = registry?.clean !== true;
    this.searched = this.#goOnWith(runnable, behind ? [...hidden] : [], behind).then(
      () => {
        this.#complete = !this.#closed;
      },
      (error: unknown) => this.#services.trouble(`looking for sessions: ${messageOf(error)}`),
    );
  }

  async #goOnWith(
    runnable: readonly SessionId[],
    hidden: readonly SessionId[],
    everything: boolean,
  ): Promise<void> {
    const seen = new Set<SessionId>();
    await this.#goOn(runnable, seen);
    await this.#goOn(hidden, seen);
    if (!everything) return;
    const stored: SessionId[] = [];
    for (const ids of this.#services.directory.sessionIdsByFolder()) {
      await breathe();
      if (this.#closed) return;
      for (const id of ids) if (!seen.has(id)) stored.push(id);
    }
    await this.#goOn(stored.sort(), seen);
  }

  async #goOn(ids: readonly SessionId[], seen: Set<SessionId>): Promise<void> {
    let looked = 0;
    for (const id of ids) {
      if (this.#closed) return;
      if (seen.has(id) || this.#actors.has(id)) continue;
      seen.add(id);
      looked += 1;
      if (looked % searchedAtOnce === 0) await breathe();
      await this.#goOnWithOne(id);
    }
  }

  async #goOnWithOne(id: SessionId): Promise<void> {
    try {
      if (this.#stillSleeps(id)) return;
      const actor = await this.actorOf(id);
      actor.wake();
    } catch (error) {
      this.#notReached(id, error);
    }
  }

  /** Whether a session was put to sleep and nothing has been appended to it since. */
  #stillSleeps(id: SessionId): boolean {
    const { logBytes, runnable } = this.#asleep.get(id) ?? {};
    return logBytes !== undefined && !runnable && logBytes === this.#logBytes(id);
  }

  /** Bytes of the log of a session; `undefined` where there is none. */
  #logBytes(id: SessionId): number | undefined {
    const { disk, path } = this.#services.directory;
    const log = eventLogPath(path, id);
    if (!disk.exists(log)) return undefined;
    const file = disk.open(log, "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  }

  /** Looks now and then who may sleep. */
  #sweep(): void {
    const { limits, delay } = this.#services;
    const period = Math.min(sweepMsMax, Math.max(20, limits.idleMs / 4));
    this.#stopSweep = delay(period, () => {
      this.#letSleep();
      const due = this.#services.now() - this.#lastWrite >= limits.registryMs;
      if (this.#changed && due) void this.#write(false);
      if (!this.#closed) this.#sweep();
    });
  }

  #letSleep(): void {
    const { limits, now } = this.#services;
    const before = now() - limits.idleMs;
    for (const actor of this.#actors.values()) {
      if (actor.isIdle && actor.idleSince <= before) this.#putAway(actor);
    }
  }

  #putAway(actor: SessionActor): void {
    actor.evict();
    if (!actor.isDormant) return;
    const { id, due } = actor;
    this.#actors.delete(id);
    const entry = { due: due ?? null, runnable: false };
    this.#asleep.set(id, entry);
    const falling = actor
      .leave()
      .then(() => {
        // Its log is closed, and nobody opens it before this has settled.
        this.#asleep.set(id, { ...entry, logBytes: this.#logBytes(id) });
        this.#changed = true;
      })
      .catch((error: unknown) => this.#services.trouble(`session ${id}: ${messageOf(error)}`))
      .finally(() => this.#falling.delete(id));
    this.#falling.set(id, falling);
  }

  #write(clean: boolean, active = this.#entries()): Promise<void> {
    this.#changed = false;
    this.#lastWrite = this.#services.now();
    const { disk, path, writable } = this.#services.directory;
    if (!writable) return Promise.resolve();
    const sessions = new Map([...this.#asleep, ...active]);
    this.#writing = this.#queued(() => writeRegistry(disk, path, { clean, sessions }));
    return this.#writing;
  }

  #queued(write: () => Promise<void>): Promise<void> {
    return this.#writing.then(write).catch((error: unknown) => {
      this.#services.trouble(`the registry of sessions was not written: ${messageOf(error)}`);
    });
  }

  #entries(): [SessionId, RegistryEntry][] {
    return [...this.#actors.values()]
      .filter(({ standing }) => standing.phase !== "ended")
      .map((actor) => [actor.id, { due: actor.due ?? null, runnable: actor.isRunnable }]);
  }

  /**
   * Parks all sessions at a boundary between activations, waits at most `graceMs` for that, and
   * writes the registry.
   */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#stopSweep();
    this.#timers.close();
    await this.searched;
    const { now } = this.#services;
    const until = now() + graceMs;
    const entries = this.#entries();
    for (const actor of this.#actors.values()) actor.park();
    while (now() < until && [...this.#actors.values()].some((actor) => actor.isBusy)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const ended = new Set(
      [...this.#actors.values()]
        .filter(({ standing }) => standing.phase === "ended")
        .map(({ id }) => id),
    );
    await Promise.all([...this.#actors.values()].map((actor) => actor.leave()));
    await Promise.all(this.#falling.values());
    await this.#write(
      this.#complete,
      entries.filter(([id]) => this.#actors.has(id) && !ended.has(id)),
    );
  }
}
