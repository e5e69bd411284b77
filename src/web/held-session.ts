/**
 * A session out of a bundle in memory, asked as a server is. States are folded here, through the
 * same boundaries as everywhere, so they have the same hashes; only of recorded sessions, whose
 * program is built in: the code of an executed one is not run in a page.
 */
import { decodeValue, limits, nextTurn, ReachError, toHex } from "../base/index.ts";
import type { EventObject, SessionInfo, StateInfo } from "../client/index.ts";
import { decodePayload, type EventView, typeFilter } from "../event/index.ts";
import { transcript } from "../programs/index.ts";
import { type Boundary, Fold, type Program } from "../replay/index.ts";
import type { HeldBundle } from "../session/index.ts";
import type { SessionSource } from "./session-source.ts";

const program = transcript as Program;
const everyEvents = limits.snapshotEventsDefault;
const foldMs = 25;

type EventsOptions = NonNullable<Parameters<SessionSource["events"]>[1]>;

/** A bundle as the panes of the page ask for it. */
export class HeldSession implements SessionSource {
  readonly #bundle: HeldBundle;
  /** States at multiples of `everyEvents`, as far as somebody has looked. */
  readonly #boundaries: Boundary[] = [];
  /** Folds go one after the other: each begins where the last one has left states. */
  #folding: Promise<unknown> = Promise.resolve();

  constructor(bundle: HeldBundle) {
    this.#bundle = bundle;
  }

  /** Whether states can be folded: nothing is withheld, and the program is one of the page. */
  get hasStates(): boolean {
    const { manifest, report, size } = this.#bundle;
    return manifest?.kind === "recorded" && report.withheld === 0 && size > 0;
  }

  async session(): Promise<SessionInfo> {
    const { manifest, report, size } = this.#bundle;
    if (!manifest) throw new ReachError("BUNDLE_INVALID", "the bundle does not say what it is of");
    const { id, kind, name, format, created } = manifest;
    const last = this.#bundle.event(size - 1);
    const ended = kind === "executed" && last?.kind === "end";
    return {
      ...{ id, kind, name, format, created, size },
      status: kind === "recorded" ? "recorded" : ended ? "ended" : "parked",
      outcome: ended ? last.type : null,
      program: manifest.program?.name ?? null,
      signed: report.signedSize,
      root: report.root,
      problem: null,
    };
  }

  async *events(_: string, options: EventsOptions = {}): AsyncGenerator<EventObject, void> {
    const { after = -1, limit = Number.POSITIVE_INFINITY, kind, type } = options;
    const matches = type ? typeFilter(type) : () => true;
    let left = limit;
    for (let seq = after + 1; seq < this.#bundle.size && left > 0; seq++) {
      const event = this.#bundle.event(seq);
      if (!event || (kind !== undefined && event.kind !== kind) || !matches(event.type)) continue;
      left -= 1;
      yield eventObject(event);
    }
  }

  /** Nothing comes any more. */
  tail(...asked: Parameters<SessionSource["tail"]>): AsyncGenerator<EventObject, void> {
    return this.events(...asked);
  }

  async payload(sha256: string): Promise<Uint8Array> {
    return this.#bundle.payload(sha256);
  }

  state(_: string, at: number = this.#bundle.size): Promise<StateInfo> {
    const folded = this.#folding.then(() => this.#fold(at));
    this.#folding = folded.catch(() => {});
    return folded;
  }

  async #fold(at: number): Promise<StateInfo> {
    const first = this.#bundle.event(0);
    if (!first || at > this.#bundle.size) {
      throw new ReachError("NOT_FOUND", `the bundle has ${this.#bundle.size} events, not ${at}`);
    }
    const kept = Math.min(this.#boundaries.length, Math.floor(at / everyEvents));
    const start = this.#boundaries[kept - 1];
    let seq = start ? kept * everyEvents : 0;
    const fold = start ? Fold.resume(program, start.bytes) : Fold.begin(program, first);
    let found = start;
    for (let turned = performance.now(); seq < at; ) {
      const event = this.#bundle.event(seq);
      if (!event) throw new ReachError("NOT_FOUND", `event ${seq} is withheld`);
      fold.apply(event);
      seq += 1;
      if (seq % everyEvents === 0) {
        found = fold.boundary();
        this.#boundaries[seq / everyEvents - 1] = found;
      }
      if (performance.now() - turned < foldMs) continue;
      await nextTurn();
      turned = performance.now();
    }
    const { bytes, hash } = found && at % everyEvents === 0 ? found : fold.boundary();
    return {
      at,
      program: { name: program.name, version: program.version, hash: toHex(transcript.hash) },
      stateHash: toHex(hash),
      snapshotUsed: start ? kept * everyEvents : null,
      state: decodeValue(bytes),
    };
  }
}

function eventObject(event: EventView): EventObject {
  const { seq, time, kind, type, ref, payload } = event;
  const header = { seq, time, kind, type, ref };
  if (payload.form !== "blob") {
    return { ...header, form: payload.form, data: decodePayload(payload.form, payload.bytes) };
  }
  const { sha256, size, form } = payload.ref;
  return { ...header, form, blob: { sha256: toHex(sha256), size } };
}
