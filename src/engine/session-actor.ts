/**
 * One session that is being run: its inbox, its place in a lane, its calls and timers. Everything
 * that happens to it goes through here, one thing at a time: an outside event is appended, handed
 * to the program, and what the program makes of it is appended before the next one is looked at.
 */
import { decodeValue, encodeValue, messageOf, ReachError, type SessionId } from "../base/index.ts";
import type { MadeEvent, ProgramEvent, Turn } from "../driver/index.ts";
import type { Appended, Manifest } from "../session/index.ts";
import type { ActorServices } from "./actor-services.ts";
import { ArmedTimers } from "./armed-timers.ts";
import { CancelGrace } from "./cancel-grace.ts";
import { endReport } from "./end-report.ts";
import type { EndReport, SessionStatus } from "./engine-options.ts";
import type { FailedReply, TurnReply } from "./host/orders.ts";
import { type Arrival, acknowledgement, Inbox } from "./inbox.ts";
import { appendArrival } from "./input-keys.ts";
import { LaneSlot } from "./lane-slot.ts";
import type { Lane } from "./lanes/lane.ts";
import { OpenCalls } from "./open-calls.ts";
import { PendingNotes } from "./pending-notes.ts";
import { engineClosing, isLogTrouble, isSendersFault, sessionEnded, stuckBy } from "./refusals.ts";
import { RunnerDeaths } from "./runner-deaths.ts";
import { type Place, SessionLoader } from "./session-loader.ts";
import type { LoggedEvent, SessionLog } from "./session-log.ts";
import { SessionStanding } from "./session-standing.ts";

/** Only `idle` begins something new; `ending` and `over` stay, unless the log took no `end`. */
type Business = "idle" | "queued" | "loading" | "turn" | "appending" | "ending" | "over";

const nullData = encodeValue(null);

/** A session that is being run. */
export class SessionActor {
  readonly id: SessionId;
  readonly manifest: Manifest;
  readonly #services: ActorServices;
  readonly #log: SessionLog;
  readonly #calls: OpenCalls;
  readonly #inbox: Inbox;
  readonly #timers = new ArmedTimers();
  /** Where it stands, for those who ask. */
  readonly standing: SessionStanding;
  readonly #notes: PendingNotes;
  /** The trigger of a session that has not run yet. */
  #trigger: ProgramEvent | undefined;
  #place: Place | undefined;
  #business: Business = "idle";
  /** Counts beginnings: work that waited for something sees whether it is still wanted. */
  #begun = 0;
  readonly #slot: LaneSlot;
  readonly #deaths: RunnerDeaths;
  readonly #grace: CancelGrace;
  #parking = false;
  /** When a new session began, on the clock of the machine; `undefined` once it has run. */
  #spawnedAt: number | undefined;
  /** Since when it waits. */
  idleSince = 0;

  constructor(
    services: ActorServices,
    manifest: Manifest,
    log: SessionLog,
    trigger: ProgramEvent | undefined,
  ) {
    this.#services = services;
    this.id = manifest.id;
    this.manifest = manifest;
    this.#log = log;
    log.onLost = (error) => this.#logLost(error);
    this.#trigger = trigger;
    this.standing = new SessionStanding((phase) => services.phaseChanged(this, phase));
    const { delay, limits } = services;
    this.#slot = new LaneSlot({
      enter: () => services.enqueue(this),
      release: (lane) => services.release(lane),
    });
    this.#deaths = new RunnerDeaths(limits);
    const overdue = (): void => {
      if (this.#business !== "appending") this.#forceEnd();
    };
    this.#grace = new CancelGrace(delay, overdue);
    this.#notes = new PendingNotes(log, (error) => {
      services.trouble(`session ${this.id}: its log took no note: ${messageOf(error)}`);
    });
    this.#inbox = new Inbox((change) => services.inboxBytes(change));
    this.#calls = new OpenCalls(manifest.id, services.effects, {
      onStart: () => services.count("calls"),
      onResult: (seq, name, data) => this.#arrive({ kind: "result", type: name, ref: seq, data }),
      onNote: (type, ref, data) => this.#note(type, ref, data),
    });
  }

  /** Name of the program, for taking turns. */
  get program(): string {
    return this.manifest.program?.name ?? "";
  }

  /** Where its context is. */
  get lane(): Lane | undefined {
    return this.#place?.lane;
  }

  /** Whether it has never run. */
  get isNew(): boolean {
    return this.#trigger !== undefined;
  }

  /** Whether it runs by itself, away from others: it was there when a runner died. */
  get isSuspect(): boolean {
    return this.#deaths.isSuspect;
  }

  /** Whether it waits, and nothing of it is under way: it may give its context back. */
  get isIdle(): boolean {
    const waits = this.#business === "idle" && this.standing.phase === "waiting";
    return waits && this.#inbox.size === 0;
  }

  /** Whether nothing of it has to stay in memory. */
  get isDormant(): boolean {
    return (
      this.isIdle && this.#calls.size === 0 && this.#notes.size === 0 && !this.#grace.isRunning
    );
  }

  /** When its next timer is due, milliseconds since the epoch; `undefined` without one. */
  get due(): number | undefined {
    return this.#timers.next;
  }

  /** Whether it goes on without anybody's doing. */
  get isRunnable(): boolean {
    const waits = this.isIdle && this.standing.calls.length === 0 && this.#calls.size === 0;
    return !waits || this.#grace.isRunning;
  }

  /** Whether something is under way that an orderly end waits for. */
  get isBusy(): boolean {
    return this.#slot.isHeld || ["appending", "ending"].includes(this.#business);
  }

  status(): SessionStatus {
    return this.standing.status(this.#log.nextSeq, this.due);
  }

  /** Its trigger is durable, since `acceptedAt`: it runs for the first time when there is room. */
  begin(acceptedAt: number): void {
    if (this.#trigger) this.#spawnedAt ??= acceptedAt;
    this.wake();
  }

  /** Goes on as soon as there is room, if there is something to do. */
  wake(): void {
    if (this.#business !== "idle" || this.#parking) return;
    if (this.#place && this.#inbox.size === 0) {
      this.#notes.flush();
      this.idleSince = this.#services.now();
      this.standing.become("waiting");
      return;
    }
    this.#business = "queued";
    this.standing.become("queued");
    this.#slot.ask();
  }

  /** Takes an input or a cancel; resolves when it is durable. */
  post(event: Pick<Arrival, "kind" | "type" | "data" | "keyNote">): Promise<{ seq: number }> {
    const { promise, ...told } = acknowledgement();
    this.#arrive({ ...event, ref: null, ...told });
    return promise;
  }

  #arrive(arrival: Arrival): void {
    const refusal = this.#refusal();
    if (refusal) arrival.refused?.(refusal);
    else {
      this.#inbox.push(arrival);
      this.wake();
    }
  }

  #refusal(): ReachError | undefined {
    if (this.standing.error) return this.standing.error;
    const over = this.#business === "over" || this.#business === "ending" || this.#grace.isOver;
    if (over) return sessionEnded(this.id);
    return this.#parking ? engineClosing() : undefined;
  }

  /** A timer of this session is due. */
  timerDue(): void {
    const due = this.#timers.dueAt(this.#services.clock());
    for (const ref of due) {
      if (this.#inbox.has("timer", ref)) continue;
      this.#arrive({ kind: "timer", type: "fired", ref, data: nullData });
    }
    if (this.#timers.next !== undefined && due.length === 0)
      this.#services.setTimer(this.id, this.due);
    // One that has slept since a restart does not know its timers yet.
    else if (!this.#place) this.wake();
  }

  #note(type: string, ref: number | null, data: Uint8Array): void {
    if (this.#refusal()) return;
    this.#notes.add({ type, time: this.#services.clock(), ref, data });
    if (this.#business === "idle") this.#notes.flush();
  }

  /** Uses a slot of `lane`, which is given back when a turn is over. */
  run(lane: Lane): void {
    if (!this.#slot.take(lane, this.#business === "queued")) return;
    this.standing.become("running");
    const place = this.#place;
    void this.#guarded(() => (place ? this.#deliverNext(place) : this.#load(lane)));
  }

  /** Nothing is under way any more: looks for what comes next. */
  #goOn(): void {
    this.#business = "idle";
    this.#slot.release();
    if (this.#grace.isOver) this.#forceEnd();
    else this.wake();
  }

  async #deliverNext(place: Place): Promise<void> {
    const arrival = this.#inbox.shift(({ kind, ref }) => {
      return kind !== "timer" || this.#timers.has(ref as number);
    });
    if (!arrival) return this.#goOn();
    this.#business = "appending";
    this.#notes.flush();
    const { kind, type, ref, data } = arrival;
    const header = { kind, type, ref, time: this.#services.clock() };
    const appended = await this.#appendOutside({ ...header, data }, arrival);
    // When the lane was lost meanwhile, the log has it.
    if (!appended || this.#place !== place) return this.#goOn();
    this.#business = "turn";
    const event: ProgramEvent = { ...header, seq: appended.seq, form: "cbor", payload: data };
    place.lane.send({ kind: "deliver", handle: place.handle, event });
  }

  /** `undefined` for what cannot be an event: only whoever sent it hears of that. */
  async #appendOutside(event: LoggedEvent, arrival: Arrival): Promise<Appended | undefined> {
    let appended: Appended;
    try {
      appended = await appendArrival(this.#log, event, arrival);
    } catch (error) {
      arrival.refused?.(error);
      if (arrival.refused && isSendersFault(error)) return undefined;
      throw error;
    }
    arrival.taken?.(appended);
    if (event.kind === "timer") this.#timers.delete(event.ref as number);
    if (event.kind === "cancel") this.#grace.begin(this.#services.limits.cancelGraceMs);
    return appended;
  }

  /** Makes the context: from the trigger of a new session, else from the log. */
  async #load(lane: Lane): Promise<void> {
    this.#business = "loading";
    this.#begun += 1;
    const begun = this.#begun;
    const loader = new SessionLoader(this.#services, {
      actor: this,
      manifest: this.manifest,
      log: this.#log,
      opened: (place) => {
        this.#place = place;
      },
      isCurrent: () => this.#begun === begun && lane.alive,
    });
    if (this.#trigger) return loader.begin(lane, this.#trigger);
    this.#services.count("resumed");
    const endTurn = await this.#services.resumeTurn();
    try {
      const loaded = await loader.resume(lane);
      if (this.#begun !== begun) return;
      if (loaded.kind === "loaded") {
        this.standing.size = loaded.size;
        // What a fork brings along comes first.
        this.#inbox.putFirst(loaded.forked);
      } else if (loaded.kind === "ended") this.#close(loaded.report);
      else if (loaded.kind === "done") this.#appendEnd(loaded.end);
      else this.#goOn();
    } finally {
      endTurn();
    }
  }

  /** Resolves when everything appended so far can be read. */
  flushed(): Promise<void> {
    return this.#log.flush();
  }

  /** What the lane answered about this session. */
  onReply(reply: TurnReply | FailedReply): void {
    const place = this.#place;
    if (!place || place.handle !== reply.handle) return;
    if (reply.kind === "failed") {
      this.#stop(new ReachError(reply.code, reply.message, { where: this.id }));
      return;
    }
    const { turn, enteredAt } = reply;
    void this.#guarded(async () => {
      const { catchUp } = place;
      const made = catchUp ? catchUp.take(turn) : turn.made;
      if (catchUp && !catchUp.done) return;
      place.catchUp = undefined;
      if (place.graceMs !== undefined) this.#grace.begin(place.graceMs);
      const { openCalls } = place;
      place.openCalls = [];
      this.#noteTurn(enteredAt);
      await this.#takeTurn(catchUp ? catchUp.behindNotes(turn) : turn, made, openCalls);
    });
  }

  /** Appends what the program made and the log does not hold yet, then does what it asks for. */
  async #takeTurn(
    turn: Turn,
    made: readonly MadeEvent[],
    openCalls: readonly ProgramEvent[],
  ): Promise<void> {
    this.#business = "appending";
    const begun = this.#begun;
    const first = turn.firstSeq + turn.made.length - made.length;
    const marks = turn.snapshots.map(({ size }) => this.#log.markRoot(size));
    const time = this.#services.clock();
    const notes = turn.logs.map((data) => ({ type: "log", time, ref: null, data }));
    // Nothing comes behind an end: there they stand in front of it, all in one go.
    const appended = await this.#log.appendMade(made, first, notes);
    if (this.#begun !== begun) return;
    const last = appended.at(-1);
    if (last && turn.snapshots.length > 0) {
      this.#services.keepSnapshots(this.manifest, this.#log, turn.snapshots, marks, last.durable);
    }
    if (turn.ended) {
      this.#ending(last as Appended, made.at(-1) as MadeEvent);
      return;
    }
    this.standing.waitsFor(turn.waiting);
    this.#timers.set(turn.waiting.timers);
    this.#services.setTimer(this.id, this.due);
    this.#calls.startMade(made, appended);
    this.#calls.startAgain(openCalls, (seq) => this.#inbox.has("result", seq));
    this.#goOn();
  }

  #noteTurn(enteredAt: number | undefined): void {
    this.#services.count("activations");
    if (this.#spawnedAt !== undefined && enteredAt !== undefined)
      this.#services.spawned(enteredAt - this.#spawnedAt);
    this.#spawnedAt = undefined;
    this.#trigger = undefined;
    this.#deaths.clear();
  }

  /** Appends an `end` that no turn brought. */
  #appendEnd(end: MadeEvent): void {
    this.#ending(this.#log.append({ ...end, ref: null }), end);
  }

  /** The `end` has been appended: everything stops; when it is durable, everybody hears of it. */
  #ending({ seq, durable }: Appended, { type, time, data }: MadeEvent): void {
    this.#business = "ending";
    this.#slot.release();
    this.#calls.abort();
    const report = endReport(this.id, { seq, type, time, data: decodeValue(data) });
    const close = (): void => this.#close(report);
    durable.then(close, () => {}); // `onLost` of the log hears of it
  }

  #close(report: EndReport): void {
    this.standing.report = report;
    this.standing.size = report.seq + 1;
    this.#settleForGood(sessionEnded(this.id));
    this.standing.become("ended");
    this.#services.ended(this, report, this.#log);
  }

  /** The session cannot go on: nothing is appended, it stays as it is. */
  #stop(error: ReachError): void {
    if (this.#business === "over") return;
    this.standing.error = error;
    this.#settleForGood(error);
    this.standing.become("stuck");
    this.#services.stuck(this, error, this.#log);
  }

  #settleForGood(refusal: ReachError): void {
    this.#business = "over";
    this.#calls.abort();
    this.#giveUp();
    this.#grace.end();
    this.#inbox.refuseAll(refusal);
    this.#services.setTimer(this.id, undefined);
  }

  #guarded(work: () => Promise<void>): Promise<void> {
    const working = work();
    const begun = this.#begun;
    return working.catch((error: unknown) => {
      // What came of something that is wanted no more is told by whatever took its place.
      if (this.#begun !== begun) return;
      if (isLogTrouble(error)) this.#logLost(error);
      else this.#stop(stuckBy(error));
    });
  }

  /** The log stands on what is durable, and the session goes on from there. */
  #logLost(error: unknown): void {
    if (this.#business === "over" || this.#parking) return;
    this.#calls.abort();
    this.#business = "idle";
    this.#giveUp();
    // It goes on in a moment, unless it has by then: until it does it is not one that only waits.
    this.standing.become("queued");
    const begun = this.#begun;
    this.#services.trouble(`session ${this.id}: its log took no event: ${messageOf(error)}`);
    this.#services.later(() => this.#begun === begun && this.wake());
  }

  /** Gives the context back; the session goes on from its log. */
  unload(): void {
    const place = this.#place;
    if (!place) return;
    this.#place = undefined;
    place.lane.send({ kind: "close", handle: place.handle });
    this.#services.forget(place);
  }

  /** The same in the middle of something, which is wanted no more. */
  #giveUp(): void {
    this.#begun += 1;
    this.unload();
    this.#slot.release();
  }

  /** Gives the context back, if the session waits. */
  evict(): void {
    if (this.isIdle) this.unload();
  }

  /** Another session keeps its lane: what it waits for there is done elsewhere, from its log. */
  onLaneAside(lane: Lane): void {
    if (this.#place?.lane !== lane || this.#place.handle === lane.keeper || !this.#isInside) return;
    this.#giveUp();
    this.#goOn();
  }

  /** Whether its lane has something to do for it: not while something is being appended. */
  get #isInside(): boolean {
    return this.#business === "turn" || this.#business === "loading";
  }

  /** Its lane is gone. Suspected is who kept a lane; if nobody is known to have, who was inside. */
  onLaneLost(lane: Lane, why: string, isForeign: boolean, keepers: readonly number[]): void {
    const place = this.#place;
    if (place?.lane !== lane) return;
    this.#services.forget(place);
    this.#place = undefined;
    if (!this.#isInside) return;
    this.#begun += 1;
    const isSuspected = keepers.length === 0 || keepers.includes(place.handle);
    if (isSuspected && this.#deaths.add(isForeign, why)) {
      void this.#finish("infrastructure", this.#deaths.report());
    } else this.#goOn();
  }

  #forceEnd(): void {
    if (this.#business === "ending" || this.#business === "over") return;
    void this.#finish("cancelled", encodeValue({ forced: true }));
  }

  /** Appends an `end` of the host's own, whatever the program is doing. */
  async #finish(type: "cancelled" | "infrastructure", data: Uint8Array): Promise<void> {
    this.#business = "ending";
    this.#giveUp();
    await this.#guarded(async () => {
      await this.#log.settle();
      this.#appendEnd({ kind: "end", type, time: this.#services.clock(), data });
    });
  }

  /** Begins nothing any more; what is under way comes to the next boundary between activations. */
  park(): void {
    this.#parking = true;
    this.#calls.abort();
    this.#grace.end();
    this.#inbox.refuseAll(engineClosing());
    if (this.#business === "queued") this.#business = "idle";
    if (this.#business !== "over") this.standing.become("parked");
  }

  /** Gives everything back, whatever is under way; the session goes on from its log. */
  async leave(): Promise<void> {
    this.#giveUp();
    await this.#log.close();
  }
}
