/**
 * Gathering what is new of one session. What says something about its events (checkpoints, the
 * records of snapshots, the index) is read before the log, so that it is never newer than that;
 * where it seems so all the same, the events are on their way, and are looked for again.
 */
import { fromHex, type SessionId, utf8 } from "../../base/index.ts";
import { readFile } from "../../disk/index.ts";
import { entryKinds, eventLogPath, sessionFolder } from "../../log/index.ts";
import { parseCheckpoint, parseNote } from "../../merkle/index.ts";
import { soundSnapshots } from "../../snapshots/index.ts";
import { decodeManifest } from "../manifest.ts";
import { isRemoved } from "../session-reader.ts";
import type { BackupContext, BackupOutcome } from "./context.ts";
import { LogCopy, type LogOutcome, openIfThere } from "./log-copy.ts";

/** Events that are signed and in no file yet are there within a quarter of a second. */
const looksMax = 8;
const pauseMs = 60;

const noteName = /^checkpoint(\.[0-9a-f]{16})?$/;
const snapshotPath = /^snapshots\/([0-9a-f]{64})\.log$/;

/** Name of the folder of a session below its workspace. */
export function sessionName(id: SessionId): string {
  return sessionFolder("", id).slice(1);
}

/** What says something about the events of a session, as it was before they were read. */
interface Sayings {
  /** Files by their names in the folder of the session. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Events that the largest checkpoint of this directory and the last snapshot are about. */
  readonly size: number;
}

/** One session on its way into the backup. */
export class SessionCopy {
  readonly #context: BackupContext;
  readonly #id: SessionId;
  readonly #name: string;

  constructor(context: BackupContext, id: SessionId) {
    this.#context = context;
    this.#id = id;
    this.#name = sessionName(id);
  }

  /**
   * Gathers; returns nothing where there is no session, or none of which anything counts. `cuts` as
   * for its log.
   */
  async gather(cuts = false): Promise<BackupOutcome | "removed" | undefined> {
    const { staging, source, from } = this.#context;
    if (isRemoved(source, from, this.#id)) return this.#removed();
    const readOnly = `${this.#name}/quarantine.json`;
    const doubtful = staging.disk.exists(staging.place(readOnly));
    const whole = this.#context.whole || doubtful;
    for (let look = 1; ; look++) {
      const sayings = await this.#sayings();
      const log = await new LogCopy(this.#context, this.#id).gather(
        whole,
        this.#signedThere(),
        cuts,
      );
      // What cannot be read any more may have been removed meanwhile.
      if (isRemoved(source, from, this.#id)) return this.#removed();
      if (!log) return undefined;
      if (log.size === 0 && !this.#isThere()) return undefined;
      if (log.kept && log.problem !== undefined) {
        return { events: log.size, presentBytes: log.presentBytes, trouble: log.problem };
      }
      // The manifest of a session that has just begun may be there before its first event.
      const awaited = Math.max(sayings.size, 1);
      const behind = awaited > log.size && log.problem === undefined;
      if (behind && look < looksMax) {
        await this.#context.pause(pauseMs);
        continue;
      }
      const less = behind ? `it has ${log.size} events of at least ${awaited}` : undefined;
      const trouble = this.#manifest() ?? log.problem ?? less;
      this.#take(sayings, log, trouble);
      await staging.relieve();
      const { ahead, presentBytes } = log;
      return { events: log.size, presentBytes, trouble, ahead };
    }
  }

  /** Whether the session has anything by which it is listed. */
  #isThere(): boolean {
    const { source, from, journal } = this.#context;
    const names = [eventLogPath(from, this.#id), `${from}/${this.#name}/manifest.cbor`];
    return names.some((path) => source.exists(path)) || journal.ofSession(this.#id).length > 0;
  }

  #removed(): "removed" {
    const { staging, source, from } = this.#context;
    const name = `${this.#name}/tombstone`;
    this.drop();
    staging.put(name, readFile(source, `${from}/${name}`));
    return "removed";
  }

  /** Forgets what was gathered of the session. */
  drop(): void {
    const { staging } = this.#context;
    staging.forgetFolder(`${this.#name}/snapshots`);
    staging.forgetFolder(this.#name);
  }

  /** Events that the checkpoint in the backup covers. */
  #signedThere(): number {
    const { staging } = this.#context;
    const path = staging.place(`${this.#name}/checkpoint`);
    const note = openIfThere(() => readFile(staging.disk, path));
    return note ? noteSize(note) : 0;
  }

  async #sayings(): Promise<Sayings> {
    const { source, from, turn } = this.#context;
    const files = new Map<string, Uint8Array>();
    const folder = `${from}/${this.#name}`;
    const take = (name: string): void => {
      const bytes = openIfThere(() => readFile(source, `${folder}/${name}`));
      if (bytes) files.set(name, bytes);
    };
    for (const name of source.list(`${folder}/snapshots`)) {
      if (snapshotPath.test(`snapshots/${name}`)) take(`snapshots/${name}`);
    }
    await turn();
    for (const name of source.list(folder)) if (noteName.test(name)) take(name);
    take("quarantine.json");
    take("events.idx");
    await turn();
    this.#checkpointOfJournal(files);
    const signed = files.get("checkpoint");
    return { files, size: signed ? noteSize(signed) : 0 };
  }

  /** The journal may have a larger checkpoint than its place. */
  #checkpointOfJournal(files: Map<string, Uint8Array>): void {
    for (const entry of this.#context.journal.ofSession(this.#id)) {
      if (entry.kind !== entryKinds.checkpoint) continue;
      const there = files.get("checkpoint");
      const note = entry.read();
      if (!there || noteSize(note) > noteSize(there)) files.set("checkpoint", note);
    }
  }

  /** Gathers what the sayings are in the backup; a session that is not whole is read-only there. */
  #take({ files }: Sayings, log: LogOutcome, trouble: string | undefined): void {
    const { staging } = this.#context;
    const signedThere = this.#signedThere();
    for (const [name, bytes] of files) {
      const path = `${this.#name}/${name}`;
      const program = fromHex(snapshotPath.exec(name)?.[1] ?? "-");
      if (program) staging.put(path, soundSnapshots(bytes, program, log.size));
      else if (name !== "checkpoint") staging.put(path, bytes);
      else if (log.replaced || noteSize(bytes) >= signedThere) staging.put(path, bytes);
    }
    if (files.has("quarantine.json")) return;
    const readOnly = `${this.#name}/quarantine.json`;
    if (trouble === undefined) {
      staging.gone(readOnly);
      return;
    }
    const reason = `when it was backed up, ${trouble}`;
    staging.put(readOnly, utf8(`${JSON.stringify({ seq: log.size, reason })}\n`));
  }

  /** Gathers the manifest; returns what is wrong with it. */
  #manifest(): string | undefined {
    const { source, from, journal, staging } = this.#context;
    const name = `${this.#name}/manifest.cbor`;
    const placed = openIfThere(() => readFile(source, `${from}/${name}`));
    const held = journal.ofSession(this.#id).find(({ kind }) => kind === entryKinds.manifest);
    for (const bytes of [placed, held?.read()]) {
      if (!bytes || !this.#isManifest(bytes)) continue;
      staging.put(name, bytes);
      return undefined;
    }
    const there = openIfThere(() => readFile(staging.disk, staging.place(name)));
    if (placed && !there) staging.put(name, placed);
    return there && this.#isManifest(there) ? undefined : "its manifest cannot be read";
  }

  #isManifest(bytes: Uint8Array): boolean {
    try {
      decodeManifest(bytes, this.#id);
      return true;
    } catch {
      return false;
    }
  }
}

/** Events that a checkpoint covers, as it says; 0 for bytes that are none. */
function noteSize(note: Uint8Array): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch {
    return 0;
  }
}
