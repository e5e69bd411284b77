/**
 * Who runs when, and where: lanes with a bounded number of turns under way in each, programs that
 * take turns, sessions that stay where their context is, suspects in a lane of their own, and a
 * heartbeat for every lane.
 */
import type { ContextRoom } from "./context-room.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { FairQueue } from "./fair-queue.ts";
import type { FailedReply, TurnReply } from "./host/orders.ts";
import type { Lane, Runner, RunnerEvents } from "./lanes/lane.ts";
import type { SessionActor } from "./session-actor.ts";

/**
 * How much longer a lane may be silent while nobody says that one session keeps it, since it has
 * much to do, or the machine has. One that is being started takes even longer.
 */
const silentShare = 4;
const startShare = 10;
/**
 * Contexts that a lane keeps for the sessions of another one, which may be lost or set aside: to
 * make them only then took 1.3 s for 100 sessions, with them it is 0.7 s. Each takes 0.4 MiB.
 */
const expectedMax = 48;

/** Makes runners. */
export interface RunnerSource {
  /** The runners that sessions share. */
  start(events: RunnerEvents): readonly Runner[];
  /** One with a single lane, for a suspect. */
  startAlone(events: RunnerEvents): Runner;
}

/** What the scheduler tells the engine. */
export interface SchedulerEvents {
  onReply(reply: TurnReply | FailedReply): void;
  /** These lanes are gone; the scheduler has stopped using them. */
  onLost(lanes: readonly Lane[], why: string, isForeign: boolean): void;
  /** A session keeps a lane: the others that wait in it may go on elsewhere. */
  onAside(lane: Lane): void;
}

interface LaneState {
  readonly lane: Lane;
  readonly queue: FairQueue<SessionActor>;
  /** Turns that may be under way. */
  readonly slots: number;
  /** Contexts that there may be. */
  readonly contextsMax: number;
}

/** Whether a lane has less to do than another, or as much and is home to fewer sessions. */
function isCalmer(one: LaneState, other: LaneState): boolean {
  const load = ({ lane, queue }: LaneState): number => lane.inFlight + queue.size;
  const more = load(one) - load(other);
  return more < 0 || (more === 0 && one.lane.sessions < other.lane.sessions);
}

/** Whether a lane can be given one more turn. */
function hasSlot({ lane, slots }: LaneState): boolean {
  return lane.alive && !lane.isAside && lane.inFlight < slots;
}

/** Whether a lane can take one more context. */
function hasRoom({ lane, contextsMax }: LaneState): boolean {
  return lane.hasMemory && lane.sessions + lane.inFlight < contextsMax;
}

function run(actor: SessionActor, { lane }: LaneState): void {
  lane.inFlight += 1;
  actor.run(lane);
}

/** Hands lanes out. */
export class Scheduler {
  readonly #limits: EngineLimits;
  readonly #events: SchedulerEvents;
  readonly #source: RunnerSource;
  readonly #room: ContextRoom;
  readonly #now: () => number;
  readonly #runners: Runner[] = [];
  readonly #shared = new Map<Lane, LaneState>();
  #alone: LaneState | undefined;
  #aloneRunner: Runner | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastBeat = 0;
  #closed = false;
  lost = 0;

  constructor(
    source: RunnerSource,
    limits: EngineLimits,
    room: ContextRoom,
    now: () => number,
    events: SchedulerEvents,
  ) {
    this.#source = source;
    this.#room = room;
    this.#limits = limits;
    this.#now = now;
    this.#events = events;
    const period = Math.max(20, limits.stuckMs / 5);
    this.#lastBeat = performance.now();
    this.#heartbeat = setInterval(() => this.#beat(period), period);
    this.#heartbeat.unref();
  }

  #runnerEvents(isShared: () => boolean): RunnerEvents {
    return {
      onReply: (lane, reply) => {
        if (reply.kind === "pong") {
          lane.pingedAt = 0;
          lane.hasAnswered = true;
          return;
        }
        if (reply.kind === "memory") {
          lane.noteMemory(reply);
          this.#room.relieve(lane);
          return;
        }
        // Whoever answers lives, however much stands before the ping.
        if (lane.pingedAt !== 0) lane.pingedAt = performance.now();
        if (reply.handle === lane.keeper) this.#takeBack(lane);
        this.#events.onReply(reply);
      },
      onWork: (lane, handle, ms) => this.#onWork(lane, handle, ms),
      onLost: (lanes, why, isForeign) => this.#onLost(lanes, why, isForeign),
      onLane: (lane) => {
        if (isShared()) this.#addLane(lane);
      },
    };
  }

  /** Starts the runners, unless they are there. */
  start(): void {
    if (this.#runners.length > 0 || this.#closed) return;
    for (const runner of this.#source.start(this.#runnerEvents(() => true))) this.#adopt(runner);
  }

  /** Resident memory of each process that sessions share, in bytes, where it can be seen. */
  get rssBytes(): number[] {
    return this.#runners.flatMap(({ rssBytes }) => rssBytes ?? []);
  }

  #adopt(runner: Runner): void {
    this.#runners.push(runner);
    for (const lane of runner.lanes) this.#addLane(lane);
  }

  #addLane(lane: Lane): void {
    const state = this.#stateOf(lane, this.#limits.laneActivationsMax);
    this.#shared.set(lane, state);
    this.#pump(state);
  }

  /** What keeps a lane: it is set aside when that takes long, and killed when it takes too long. */
  #onWork(lane: Lane, handle: number, ms: number): void {
    const state = this.#stateBy(lane);
    if (!state || this.#closed) return;
    if (handle === 0) {
      this.#takeBack(lane);
      return;
    }
    lane.keeper = handle;
    if (ms >= this.#limits.stuckMs) {
      lane.kill(`a session has kept it for ${Math.round(ms)} ms`);
    } else if (ms >= this.#limits.asideMs && !lane.isAside && this.#hasOther(lane)) {
      lane.isAside = true;
      const waiting = state.queue.drain();
      this.#events.onAside(lane);
      for (const actor of waiting) this.enqueue(actor);
    }
  }

  #hasOther(lane: Lane): boolean {
    const others = [...this.#shared.keys()].filter((one) => one !== lane && !one.isAside);
    return this.#shared.has(lane) && others.length > 0;
  }

  /** What kept a lane is over. */
  #takeBack(lane: Lane): void {
    lane.keeper = undefined;
    lane.isAside = false;
    const state = this.#stateBy(lane);
    if (state) this.#pump(state);
  }

  #stateOf(lane: Lane, slots: number): LaneState {
    // Before anything else, so that its answer says that it has been started.
    this.#ping(lane, performance.now());
    const { laneContextsMax } = this.#limits;
    const queue = new FairQueue<SessionActor>(this.#now);
    return { lane, slots, contextsMax: laneContextsMax, queue };
  }

  /** Sessions that wait for a lane. */
  get depth(): number {
    let depth = this.#room.waiting + (this.#alone?.queue.size ?? 0);
    for (const { queue } of this.#shared.values()) depth += queue.size;
    return depth;
  }

  /** When the first of them came; infinite when there is none. */
  get oldest(): number {
    let oldest = Math.min(this.#room.oldest, this.#alone?.queue.oldest ?? this.#room.oldest);
    for (const { queue } of this.#shared.values()) oldest = Math.min(oldest, queue.oldest);
    return oldest;
  }

  /** Turns under way, and how many may be. */
  get inFlight(): { readonly now: number; readonly max: number } {
    let now = this.#alone?.lane.inFlight ?? 0;
    let max = this.#alone ? 1 : 0;
    for (const { lane, slots } of this.#shared.values()) {
      now += lane.inFlight;
      max += slots;
    }
    return { now, max };
  }

  /** Calls `actor.run` with a lane when it is its turn. */
  enqueue(actor: SessionActor): void {
    this.start();
    const state = actor.isSuspect ? this.#quarantine() : this.#ownOf(actor);
    // What it has left elsewhere is not used again.
    if (state?.lane !== actor.lane) actor.unload();
    if (state) {
      state.queue.push(actor.program, actor);
      this.#pump(state);
    } else {
      this.#room.push(actor);
      this.admit();
      if (this.#room.waiting > 0 && !this.#closed) this.#room.seek();
    }
  }

  /** The lane that a session's context is in, if that can be used. */
  #ownOf({ lane }: SessionActor): LaneState | undefined {
    const state = lane && this.#shared.get(lane);
    return state && !lane.isAside ? state : undefined;
  }

  /** Sends sessions that have no context to the calmest lanes, as long as there is room. */
  admit(): void {
    while (this.#room.waiting > 0 && !this.#closed) {
      let best: LaneState | undefined;
      for (const state of this.#shared.values()) {
        if (hasSlot(state) && hasRoom(state) && (!best || isCalmer(state, best))) best = state;
      }
      if (!best) return;
      run(this.#room.take() as SessionActor, best);
    }
  }

  /** Whether nobody who has no context can be given one, unless others give theirs back. */
  get isFull(): boolean {
    const usable = [...this.#shared.values()].filter(({ lane }) => !lane.isAside);
    return usable.length > 0 && !usable.some(hasRoom);
  }

  #quarantine(): LaneState {
    if (this.#alone) return this.#alone;
    const runner = this.#source.startAlone(this.#runnerEvents(() => false));
    this.#aloneRunner = runner;
    const lane = runner.lanes[0] as Lane;
    lane.isQuarantine = true;
    this.#alone = this.#stateOf(lane, 1);
    return this.#alone;
  }

  /** A slot of a lane is free again. */
  release(lane: Lane): void {
    lane.inFlight -= 1;
    const state = this.#stateBy(lane);
    if (state) this.#pump(state);
  }

  #stateBy(lane: Lane): LaneState | undefined {
    return this.#alone?.lane === lane ? this.#alone : this.#shared.get(lane);
  }

  /** Gives a lane what came first: sessions whose contexts it has, or others, if it has room. */
  #pump(state: LaneState): void {
    const { lane, queue } = state;
    while (!this.#closed && hasSlot(state)) {
      const takesMore = hasRoom(state) && !lane.isQuarantine;
      const isNew = takesMore && this.#room.oldest < queue.oldest;
      const actor = isNew ? this.#room.take() : queue.shift();
      if (!actor) return;
      run(actor, state);
    }
  }

  #onLost(lanes: readonly Lane[], why: string, isForeign: boolean): void {
    if (this.#closed) return;
    const waiting: SessionActor[] = [];
    for (const lane of lanes) {
      const state = this.#stateBy(lane);
      if (!state) continue;
      this.lost += 1;
      lane.alive = false;
      this.#shared.delete(lane);
      if (this.#alone === state) {
        this.#alone = undefined;
        void this.#aloneRunner?.close();
        this.#aloneRunner = undefined;
      }
      waiting.push(...state.queue.drain());
    }
    this.#events.onLost(lanes, why, isForeign);
    for (const actor of waiting) this.enqueue(actor);
  }

  /**
   * Asks every lane for a sign of life. A lane that has been silent for very long is killed, unless
   * this thread itself has been held up meanwhile: its runner says no more what keeps it.
   */
  #beat(period: number): void {
    const now = performance.now();
    const heldUp = now - this.#lastBeat > 3 * period;
    this.#lastBeat = now;
    const states = [...this.#shared.values(), ...(this.#alone ? [this.#alone] : [])];
    for (const { lane } of states) {
      const silentMs = this.#limits.stuckMs * (lane.hasAnswered ? silentShare : startShare);
      if (lane.pingedAt === 0 || heldUp) this.#ping(lane, now);
      else if (now - lane.pingedAt > silentMs) lane.kill(`it has not answered for ${silentMs} ms`);
    }
    this.#expect();
  }

  /** Has every lane be prepared for the sessions of the fullest one, as far as it has room. */
  #expect(): void {
    const all = [...this.#shared.values()];
    const most = Math.min(expectedMax, Math.max(0, ...all.map(({ lane }) => lane.sessions)));
    for (const { lane, contextsMax } of all) {
      lane.expect(Math.min(most, contextsMax - lane.sessions));
    }
    for (const runner of this.#runners) runner.expect?.(most);
  }

  #ping(lane: Lane, now: number): void {
    lane.pingedAt = now;
    lane.send({ kind: "ping", nonce: Math.floor(now) });
  }

  /** Hands nothing out any more. */
  stop(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#room.stop();
  }

  /** Ends all runners. */
  async close(): Promise<void> {
    this.stop();
    const runners = [...this.#runners, ...(this.#aloneRunner ? [this.#aloneRunner] : [])];
    await Promise.all(runners.map((runner) => runner.close()));
  }
}
