/**
 * Who runs when, and where: lanes with a bounded number of turns under way in each, programs that
 * take turns, sessions that stay where their context is, suspects in a lane of their own, and a
 * heartbeat for every lane.
 */
import type { EngineLimits } from "./engine-limits.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Reply } from "./host/orders.ts";
import type { Lane, Runner, RunnerEvents } from "./lanes/lane.ts";
import type { SessionActor } from "./session-actor.ts";

/** How much longer a lane may be silent that is being started: on a busy machine that takes. */
const startShare = 10;

/** Makes runners. */
export interface RunnerSource {
  /** The runners that sessions share. */
  start(events: RunnerEvents): readonly Runner[];
  /** One with a single lane, for a suspect. */
  startAlone(events: RunnerEvents): Runner;
}

/** What the scheduler tells the engine. */
export interface SchedulerEvents {
  onReply(reply: Exclude<Reply, { kind: "pong" }>): void;
  /** These lanes are gone; the scheduler has stopped using them. */
  onLost(lanes: readonly Lane[], why: string, isForeign: boolean): void;
}

interface LaneState {
  readonly lane: Lane;
  readonly queue: FairQueue<SessionActor>;
  readonly slots: number;
}

/** Hands lanes out. */
export class Scheduler {
  readonly #limits: EngineLimits;
  readonly #events: SchedulerEvents;
  readonly #source: RunnerSource;
  readonly #now: () => number;
  readonly #runners: Runner[] = [];
  readonly #shared = new Map<Lane, LaneState>();
  #alone: LaneState | undefined;
  #aloneRunner: Runner | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastBeat = 0;
  #closed = false;
  /** Sessions that found no lane: all have been lost, and others are on their way. */
  readonly #homeless: SessionActor[] = [];
  lost = 0;

  constructor(
    source: RunnerSource,
    limits: EngineLimits,
    now: () => number,
    events: SchedulerEvents,
  ) {
    this.#source = source;
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
        } else this.#events.onReply(reply);
      },
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
    this.#shared.set(lane, this.#stateOf(lane, this.#limits.laneActivationsMax));
    for (const actor of this.#homeless.splice(0)) this.enqueue(actor);
  }

  #stateOf(lane: Lane, slots: number): LaneState {
    // Before anything else, so that its answer says that it has been started.
    this.#ping(lane, performance.now());
    return { lane, slots, queue: new FairQueue<SessionActor>(this.#now) };
  }

  /** Sessions that wait for a lane. */
  get depth(): number {
    let depth = this.#homeless.length + (this.#alone?.queue.size ?? 0);
    for (const { queue } of this.#shared.values()) depth += queue.size;
    return depth;
  }

  /** For how long the oldest of them has, in seconds. */
  get ageSeconds(): number {
    let oldest = this.#alone?.queue.oldest ?? Number.POSITIVE_INFINITY;
    for (const { queue } of this.#shared.values()) oldest = Math.min(oldest, queue.oldest);
    return oldest === Number.POSITIVE_INFINITY ? 0 : (this.#now() - oldest) / 1000;
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
    const state = this.#choose(actor);
    if (!state) {
      this.#homeless.push(actor);
      return;
    }
    state.queue.push(actor.program, actor);
    this.#pump(state);
  }

  #choose(actor: SessionActor): LaneState | undefined {
    if (actor.isSuspect) return this.#quarantine();
    const own = actor.lane;
    const there = own && (this.#shared.get(own) ?? (this.#alone?.lane === own && this.#alone));
    if (there) return there;
    let best: LaneState | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const state of this.#shared.values()) {
      const load = state.lane.inFlight + state.queue.size;
      if (load < least) [best, least] = [state, load];
    }
    return best;
  }

  #quarantine(): LaneState {
    if (this.#alone) return this.#alone;
    const runner = this.#source.startAlone(this.#runnerEvents(() => false));
    this.#aloneRunner = runner;
    const lane = runner.lanes[0] as Lane;
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

  #pump({ lane, queue, slots }: LaneState): void {
    while (!this.#closed && lane.alive && lane.inFlight < slots) {
      const actor = queue.shift();
      if (!actor) return;
      lane.inFlight += 1;
      actor.run(lane);
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
   * Asks every lane for a sign of life. A lane that has not answered for too long is killed, unless
   * this thread itself has been held up meanwhile.
   */
  #beat(period: number): void {
    const now = performance.now();
    const heldUp = now - this.#lastBeat > 3 * period;
    this.#lastBeat = now;
    const states = [...this.#shared.values(), ...(this.#alone ? [this.#alone] : [])];
    for (const { lane } of states) {
      if (lane.pingedAt === 0 || heldUp) {
        this.#ping(lane, now);
      } else if (now - lane.pingedAt > this.#limits.stuckMs * (lane.hasAnswered ? 1 : startShare)) {
        lane.kill(`it has not answered for ${this.#limits.stuckMs} ms`);
      }
    }
  }

  #ping(lane: Lane, now: number): void {
    lane.pingedAt = now;
    lane.send({ kind: "ping", nonce: Math.floor(now) });
  }

  /** Hands nothing out any more. */
  stop(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
  }

  /** Ends all runners. */
  async close(): Promise<void> {
    this.stop();
    const runners = [...this.#runners, ...(this.#aloneRunner ? [this.#aloneRunner] : [])];
    await Promise.all(runners.map((runner) => runner.close()));
  }
}
