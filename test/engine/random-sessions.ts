// What is promised about every program, checked on one: the engine runs it to its end, a replay of
// the session is identical, and a session that a crash left at any event goes on to the very same
// log, byte by byte.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import fc from "fast-check";
import { newSessionId, type SessionId, systemClock, systemEntropy } from "../../src/base/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import type { EventView } from "../../src/event/index.ts";
import { isMade } from "../../src/replay/index.ts";
import { programFor, replaySession } from "../../src/runtime/index.ts";
import { Directory } from "../../src/session/index.ts";
import { programOfTurns, type Turns, turns } from "./program-tree.ts";
import { eventsOf, RandomWorld } from "./random-world.ts";

/** Sessions after which a data directory is replaced, so that none grows without end. */
const sessionsMax = 2000;

/** In memory where there is such a place: nothing here is about a disk, and it is much faster. */
const shared = "/dev/shm";
const folder = existsSync(shared) ? shared : tmpdir();

/** What was checked. */
export interface Tally {
  programs: number;
  events: number;
  resumed: number;
  /** Sessions by how they ended. */
  readonly ended: Record<string, number>;
  /** Sessions with a state in their log. */
  withStates: number;
  /** Sessions that left calls over. */
  withLeftOver: number;
  /** Sessions that logged something before they ended, in the same turn. */
  withLastWords: number;
  /** Sessions that went on without some of what had been logged. */
  withLessNotes: number;
}

/** Runs random programs, one after the other. */
export class RandomSessions {
  readonly tally: Tally = {
    programs: 0,
    events: 0,
    resumed: 0,
    ended: {},
    withStates: 0,
    withLeftOver: 0,
    withLastWords: 0,
    withLessNotes: 0,
  };
  #data = "";
  #world = new RandomWorld();
  #directory: Directory | undefined;
  #engine: Engine | undefined;
  #sessions = 0;

  async #open(): Promise<{ readonly engine: Engine; readonly directory: Directory }> {
    if (!this.#engine || !this.#directory) {
      this.#data = mkdtempSync(path.join(folder, "reach-random-"));
      this.#world = new RandomWorld();
      this.#directory = await Directory.open({ path: `${this.#data}/default`, mode: "write" });
      this.#engine = await this.#world.open(this.#directory);
    }
    return { engine: this.#engine, directory: this.#directory };
  }

  async close(): Promise<void> {
    await this.#engine?.close({ graceMs: 100 });
    await this.#directory?.close();
    this.#engine = undefined;
    this.#directory = undefined;
    this.#sessions = 0;
    if (this.#data !== "") rmSync(this.#data, { recursive: true, force: true });
  }

  /** Everything about one program in one world; throws what is wrong. */
  async check(turns: Turns, seed: number): Promise<void> {
    try {
      await this.#check(turns, seed);
    } catch (error) {
      // What it left behind is of no use to the next one.
      this.#sessions = Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  async #check(turns: Turns, seed: number): Promise<void> {
    if (this.#sessions > sessionsMax) await this.close();
    const { engine, directory } = await this.#open();
    this.#world.time = undefined;
    const { id } = await engine.start(programOfTurns(turns), { seed });
    await this.#world.play(engine, directory, id, seed);
    const events = eventsOf(directory, id);
    this.#count(events);
    await this.#replay(directory, id);
    for (let size = 1; size < events.length; size++) await this.#resume(id, events, size, seed);
    const { troubles } = this.#world;
    if (troubles.length > 0) throw new Error(troubles.splice(0).join("\n"));
  }

  #count(events: readonly EventView[]): void {
    const { tally } = this;
    const end = events.at(-1)?.type ?? "";
    tally.programs += 1;
    tally.events += events.length;
    tally.ended[end] = (tally.ended[end] ?? 0) + 1;
    const steps = events.filter(({ kind }) => kind === "step");
    const has = (name: string): boolean =>
      steps.some(({ data }) => Object.hasOwn(data as object, name));
    if (has("state")) tally.withStates += 1;
    if (has("abandoned")) tally.withLeftOver += 1;
    if (events.at(-2)?.kind === "note") tally.withLastWords += 1;
    this.#sessions += 1;
  }

  async #replay(directory: Directory, id: SessionId): Promise<void> {
    const program = await programFor(directory, id);
    const strict = this.tally.programs % 2 === 0;
    const report = await replaySession(directory, id, { program, workers: 1, strict });
    if (report.verdict === "identical") return;
    throw new Error(`replayed: ${report.verdict} ${JSON.stringify(report.divergence)}`);
  }

  /** A session of the same secret that a crash left with the first `size` of these events. */
  async #resume(
    id: SessionId,
    events: readonly EventView[],
    size: number,
    seed: number,
  ): Promise<void> {
    const { engine, directory } = await this.#open();
    const source = directory.session(id);
    source.close();
    const own = newSessionId(systemClock, systemEntropy);
    const writer = directory.createSession({ manifest: { ...source.manifest, id: own } });
    for (const { kind, type, time, ref, payloadBytes } of events.slice(0, size)) {
      await writer.appendLarge({ kind, type, time, ref, form: "cbor", bytes: payloadBytes });
    }
    await directory.closeWriter(writer);
    if (size % 2 === 0) await keepStates(directory, id, own, size);
    this.#world.time = Math.max(...events.slice(0, size).map(({ time }) => time));
    await engine.resume(own);
    await this.#world.play(engine, directory, own, seed);
    this.#sessions += 1;
    this.tally.resumed += 1;
    if (!losesNotes(events, size)) return compare(events, eventsOf(directory, own), size);
    this.tally.withLessNotes += 1;
    await this.#replay(directory, own);
  }
}

/**
 * Whether a crash took what was logged by a step that had ended by then: it is not run again. Notes
 * have seqs, so programs may see other ones from there on.
 */
function losesNotes(events: readonly EventView[], size: number): boolean {
  const isOutside = (event: EventView): boolean => !isMade(event) && event.kind !== "note";
  const from = events.slice(0, size).findLastIndex(isOutside);
  const next = events.findIndex((event, i) => i >= size && isOutside(event));
  const later = events.slice(size, next < 0 ? undefined : next);
  const hasStep = events.slice(from, size).some(({ kind }) => kind === "step");
  return hasStep && later.some(({ kind }) => kind === "note");
}

/** The states that a session kept, up to a size, for one that goes on from the same events. */
async function keepStates(
  directory: Directory,
  from: SessionId,
  to: SessionId,
  size: number,
): Promise<void> {
  const source = directory.session(from);
  try {
    const program = source.manifest.program?.bundle ?? new Uint8Array(32);
    const kept = source
      .snapshots(program)
      .filter((record) => record.size < size)
      .map((record) => ({ ...record, state: directory.blobs.get(record.stateHash) }));
    if (kept.length > 0) await directory.keepSnapshots(to, program, kept);
  } finally {
    source.close();
  }
}

function compare(whole: readonly EventView[], resumed: readonly EventView[], size: number): void {
  const count = Math.max(whole.length, resumed.length);
  for (let i = 0; i < count; i++) {
    const [before, now] = [lineOf(whole[i]), lineOf(resumed[i])];
    if (before === now) continue;
    throw new Error(`resumed from ${size} events, event ${i}:\n  was ${before}\n  is  ${now}`);
  }
}

function lineOf(event: EventView | undefined): string {
  if (!event) return "nothing";
  const { kind, type, time, ref, payloadBytes } = event;
  return `${kind} ${type} ${time} ${ref} ${Buffer.from(payloadBytes).toString("hex")}`;
}

/** Checks programs made at random; a failure says the seed, the program and its world. */
export async function checkPrograms(count: number): Promise<Tally> {
  const seed = Number(process.env["REACH_SEED"] ?? Date.now() % 2 ** 31);
  const sessions = new RandomSessions();
  try {
    await fc.assert(
      fc.asyncProperty(turns, fc.nat(), (trees, world) => sessions.check(trees, world)),
      { numRuns: count, seed },
    );
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`REACH_SEED=${seed} shows it again: ${message}\n${cause ?? ""}`, { cause });
  } finally {
    await sessions.close();
  }
  return sessions.tally;
}
