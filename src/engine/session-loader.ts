/**
 * Gives a session a context in a lane: from its trigger when it is new, else from its log, nearest
 * snapshot first. The orders are sent one behind the other without waiting for answers; the actor
 * compares those with the log as they come.
 */
import { decodeValue, encodeValue } from "../base/index.ts";
import type { MadeEvent, ProgramEvent } from "../driver/index.ts";
import type { Manifest } from "../session/index.ts";
import type { ActorServices } from "./actor-services.ts";
import { CatchUp } from "./catch-up.ts";
import { endReport } from "./end-report.ts";
import type { EndReport } from "./engine-options.ts";
import type { OpenState } from "./host/orders.ts";
import type { Lane } from "./lanes/lane.ts";
import { foldChunks, planResume, programEvent, type ResumePlan } from "./resume-plan.ts";
import type { SessionActor } from "./session-actor.ts";
import type { SessionLog } from "./session-log.ts";

/** Where the context of a session is. */
export interface Place {
  readonly lane: Lane;
  readonly handle: number;
  /** While it is being resumed: what has to come again. */
  catchUp: CatchUp | undefined;
  /** The calls that are open in the log, until somebody has looked after them. */
  openCalls: readonly ProgramEvent[];
  /** What is left of the time that a cancelled session has to end by itself. */
  readonly graceMs: number | undefined;
}

/** What the log of a session led to; `gone`: the session was stopped, or its lane was lost. */
export type Loaded =
  | { readonly kind: "loaded"; readonly size: number; readonly forked: ResumePlan["forked"] }
  | { readonly kind: "gone" }
  /** It has ended before. */
  | { readonly kind: "ended"; readonly report: EndReport }
  /** Its last step said that it is done; the `end` that is to follow. */
  | { readonly kind: "done"; readonly end: MadeEvent };

/** What a loader asks the actor it works for. */
export interface LoadedFor {
  readonly actor: SessionActor;
  readonly manifest: Manifest;
  readonly log: SessionLog;
  /** The context is being made: replies about `place` may come from now on. */
  opened(place: Place): void;
  /** Whether the actor still wants what is being loaded. */
  isCurrent(): boolean;
}

/** Makes contexts. */
export class SessionLoader {
  readonly #services: ActorServices;
  readonly #for: LoadedFor;

  constructor(services: ActorServices, loadedFor: LoadedFor) {
    this.#services = services;
    this.#for = loadedFor;
  }

  /** A new session: there is nothing but its trigger. */
  begin(lane: Lane, event: ProgramEvent): void {
    const nothing = { catchUp: new CatchUp([], 0), openCalls: [], graceMs: undefined };
    const place = this.#open(lane, { from: "trigger", event }, nothing);
    lane.send({ kind: "step", handle: place.handle, unread: [], now: event.time });
  }

  /** A session that has run before. */
  async resume(lane: Lane): Promise<Loaded> {
    const { log, manifest, isCurrent } = this.#for;
    await log.settle();
    if (!isCurrent() || lane.isAside) return { kind: "gone" };
    const reader = this.#services.directory.session(manifest.id);
    try {
      const { cancelGraceMs } = this.#services.limits;
      const program = manifest.program?.bundle ?? new Uint8Array(32);
      const plan = planResume(reader, program, cancelGraceMs);
      if (plan.end !== undefined) {
        const report = endReport(manifest.id, reader.event(plan.end));
        return { kind: "ended", report };
      }
      if (plan.doneStep) return { kind: "done", end: endOf(plan, plan.doneStep) };
      const state: OpenState = plan.start
        ? { from: "snapshot", ...plan.start }
        : { from: "trigger", event: programEvent(reader.event(0)) };
      const { openCalls, cancelledForMs } = plan;
      const graceMs =
        cancelledForMs === undefined ? undefined : Math.max(0, cancelGraceMs - cancelledForMs);
      const catchUp = new CatchUp(plan.tail, plan.logged);
      const place = this.#open(lane, state, { catchUp, openCalls, graceMs });
      for (const events of foldChunks(reader, plan)) {
        lane.send({ kind: "fold", handle: place.handle, events });
        await this.#services.breathe();
        if (!isCurrent()) return { kind: "gone" };
      }
      this.#step(place, plan);
      return { kind: "loaded", size: plan.size, forked: plan.forked };
    } finally {
      reader.close();
    }
  }

  #open(
    lane: Lane,
    state: OpenState,
    known: Pick<Place, "catchUp" | "openCalls" | "graceMs">,
  ): Place {
    const { actor, manifest, opened } = this.#for;
    const order = this.#services.programOf(manifest);
    if (!lane.programs.has(order.program)) {
      lane.programs.add(order.program);
      lane.send(order);
    }
    const place: Place = {
      lane,
      handle: this.#services.newHandle(actor, lane),
      ...known,
    };
    opened(place);
    lane.send({
      kind: "open",
      handle: place.handle,
      program: order.program,
      secrets: this.#services.secretsOf(manifest),
      snapshotEvents: this.#services.limits.snapshotEvents,
      state,
    });
    return place;
  }

  #step({ lane, handle, catchUp }: Place, { unread, now }: ResumePlan): void {
    lane.send({ kind: "step", handle, unread, now });
    for (const { isMade, ...event } of catchUp?.recorded ?? []) {
      if (!isMade) lane.send({ kind: "deliver", handle, event });
    }
  }
}

/** The `end` behind a step that said that the session is done. */
function endOf({ now }: ResumePlan, step: Uint8Array): MadeEvent {
  const { result } = decodeValue(step) as { result?: unknown };
  const data = encodeValue(result === undefined ? {} : { result });
  return { kind: "end", type: "done", time: now, data };
}
