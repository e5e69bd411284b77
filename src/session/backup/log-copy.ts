/**
 * Gathering what is new of one event log: valid batches only, from the place behind which the
 * backup has nothing, as far as they are acknowledged. What stands in the log counts; what the
 * journal alone has comes behind it.
 */
import { codeOf, equalBytes, readU64, type SessionId, sessionIdBytes } from "../../base/index.ts";
import type { DiskFile } from "../../disk/index.ts";
import { batchHeaderBytes, readBatch } from "../../event/index.ts";
import {
  type BulkWatermark,
  EventLog,
  encodeEventLogHeader,
  entryKinds,
  eventLogPath,
  eventLogStart,
  LogWalk,
  readBulkMarker,
  sessionFolder,
} from "../../log/index.ts";
import type { BackupContext } from "./context.ts";
import { isSameUpTo, type StagedFile } from "./staging.ts";

/** A batch that is being written looks damaged for a moment. */
const looksMax = 4;
const pauseMs = 30;

/** What was gathered of a log. */
export interface LogOutcome {
  /** Events and bytes of the log in the backup. */
  readonly size: number;
  readonly end: number;
  /** Bytes of it that were there before. */
  readonly presentBytes: number;
  /** The log of the data directory is damaged or has less: the backup keeps its own. */
  readonly kept: boolean;
  /**
   * Events of the data directory, where the backup has more behind them: of a group that a power
   * loss has taken before it was acknowledged, or the end of a log that was lost.
   */
  readonly ahead: number | undefined;
  /** What is wrong with the log of the data directory, from event `size` on. */
  readonly problem: string | undefined;
  /** The log that is there is to be replaced. */
  readonly replaced: boolean;
}

interface Place {
  readonly seq: number;
  readonly offset: number;
}

/** The log of the data directory as far as it is acknowledged. */
interface AcknowledgedLog {
  readonly file: DiskFile | undefined;
  /** How far an import under way is acknowledged; nothing without one. */
  readonly watermark: BulkWatermark | undefined;
  /** Bytes that are to be found in the file. */
  readonly bytes: number;
}

/**
 * Opens a log with the watermark that belongs to it; `undefined` where nothing is acknowledged.
 * An import that begins or ends in between is noticed.
 */
async function openAcknowledged(
  { source, from, turn }: BackupContext,
  id: SessionId,
): Promise<AcknowledgedLog> {
  for (;;) {
    const before = readBulkMarker(source, from, id);
    await turn();
    const file = openIfThere(() => source.open(eventLogPath(from, id), "read"));
    const size = file?.size() ?? 0;
    await turn();
    const after = readBulkMarker(source, from, id);
    if ((before === undefined) === (after === undefined)) {
      if (before === undefined) return { file, watermark: undefined, bytes: size };
      const nothing = { end: eventLogStart, size: 0, pack: 0, packSize: 0 };
      const watermark = before === "damaged" ? nothing : before;
      return { file, watermark, bytes: watermark.end };
    }
    file?.close();
  }
}

/** What `open` opens, unless there is none. */
export function openIfThere<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** One log on its way into the backup. */
export class LogCopy {
  readonly #context: BackupContext;
  readonly #id: SessionId;
  readonly #identity: Uint8Array;
  readonly #name: string;
  #target: StagedFile | undefined;
  #openTarget: () => StagedFile = () => this.#context.staging.whole(this.#name);
  /** What the backup has behind the end of the log, and whether what is gathered is another. */
  #there: { readonly copy: DiskFile; readonly end: number } | undefined;
  #differs = false;
  /** Nothing is in the backup yet, so that the header goes with the first batch. */
  #headless = true;

  constructor(context: BackupContext, id: SessionId) {
    this.#context = context;
    this.#id = id;
    this.#identity = sessionIdBytes(id);
    this.#name = eventLogPath("", id).slice(1);
  }

  /**
   * Gathers; `whole` compares everything that is there. `leastSize` events are those that the
   * backup knows to have been signed. With `cuts` a backup that has more than a log that is whole
   * becomes as short. Returns nothing where no event is acknowledged.
   */
  async gather(whole: boolean, leastSize: number, cuts: boolean): Promise<LogOutcome | undefined> {
    const log = await openAcknowledged(this.#context, this.#id);
    const copy = this.#openCopy();
    try {
      if (log.watermark?.size === 0) return undefined;
      const copied = copy?.size() ?? 0;
      if (!copy) return await this.#append(log, { seq: 0, offset: eventLogStart }, 0);
      const common = Math.min(copied, log.bytes);
      const { turn } = this.#context;
      const same = log.file && (await isSameUpTo(log.file, copy, common, whole, turn));
      if (same && log.bytes >= copied) {
        return await this.#append(log, this.#placeAt(log, copied), copied);
      }
      if (!log.file || (same && !cuts)) return await this.#shorter(log, copy, copied, leastSize);
      return await this.#replace(log, copy, copied, leastSize);
    } finally {
      log.file?.close();
      copy?.close();
    }
  }

  /** What is there of the log: what an interrupted backup has gathered, or what is in its place. */
  #openCopy(): DiskFile | undefined {
    const { staging } = this.#context;
    const gathered = openIfThere(() => staging.disk.open(staging.path(this.#name), "read"));
    if (gathered && isWholeLog(gathered, this.#identity)) {
      this.#openTarget = () => staging.again(this.#name);
      return gathered;
    }
    gathered?.close();
    staging.forget(this.#name);
    const placed = openIfThere(() => staging.disk.open(staging.place(this.#name), "read"));
    const copied = placed?.size() ?? 0;
    if (placed) this.#openTarget = () => staging.part(this.#name, copied);
    return placed;
  }

  /** The place at `offset`: of the batch that stands there, or behind the last one. */
  #placeAt({ file, bytes }: AcknowledgedLog, offset: number): Place {
    const header = new Uint8Array(batchHeaderBytes);
    if (file && offset < bytes && file.read(header, offset) === batchHeaderBytes) {
      const place = { seq: readU64(header, 16), offset };
      if (new LogWalk(file, this.#identity, place, bytes).next()) return place;
    }
    return { seq: this.#countUpTo(offset), offset };
  }

  /** Events before `offset`, with the help of the index. */
  #countUpTo(offset: number): number {
    const { source, from } = this.#context;
    const index = `${sessionFolder(from, this.#id)}/events.idx`;
    const log = openIfThere(
      () => new EventLog(source, eventLogPath(from, this.#id), index, this.#id, false),
    );
    log?.boundAt(offset);
    const size = log?.extent().size ?? 0;
    log?.close();
    return size;
  }

  /** Gathers what stands behind `start`, where the backup ends. */
  async #append(log: AcknowledgedLog, start: Place, presentBytes: number): Promise<LogOutcome> {
    this.#headless = presentBytes === 0;
    const { place, problem } = await this.#walk(log, start);
    const { seq: size, offset: end } = place;
    return { size, end, presentBytes, kept: false, ahead: undefined, problem, replaced: false };
  }

  /**
   * The log has less than the backup, where the journal had more: that, or still more, is in the
   * journal yet. If not, the backup keeps what it has.
   */
  async #shorter(
    log: AcknowledgedLog,
    copy: DiskFile,
    copied: number,
    leastSize: number,
  ): Promise<LogOutcome> {
    this.#headless = false;
    this.#there = { copy, end: copied };
    const start = { seq: this.#countUpTo(log.bytes), offset: Math.max(log.bytes, eventLogStart) };
    const { place, problem } = await this.#walk(log, start);
    this.#there = undefined;
    if (this.#differs) return await this.#replace(log, copy, copied, leastSize);
    const { seq, offset } = place;
    const presentBytes = copied;
    if (offset >= copied) {
      const kept = { kept: false, ahead: undefined, replaced: false };
      return { size: seq, end: offset, presentBytes, problem, ...kept };
    }
    const size = await this.#countCopy(copy, copied);
    const missing = !log.file && seq === 0 ? "its log is missing" : problem;
    const ahead = missing === undefined ? seq : undefined;
    return {
      size,
      end: copied,
      presentBytes,
      kept: true,
      ahead,
      problem: missing,
      replaced: false,
    };
  }

  /** Events of the log in the backup. */
  async #countCopy(copy: DiskFile, copied: number): Promise<number> {
    const walk = new LogWalk(copy, this.#identity, { seq: 0, offset: eventLogStart }, copied);
    while (walk.next()) await this.#context.turn();
    return walk.seq;
  }

  /** The log is another one than the backup has: it takes its place if it is whole. */
  async #replace(
    log: AcknowledgedLog,
    copy: DiskFile,
    copied: number,
    leastSize: number,
  ): Promise<LogOutcome> {
    const { staging } = this.#context;
    staging.forget(this.#name);
    this.#target = undefined;
    this.#differs = false;
    this.#openTarget = () => staging.whole(this.#name);
    this.#headless = true;
    const { place, problem } = await this.#walk(log, { seq: 0, offset: eventLogStart });
    const { seq: size, offset: end } = place;
    const ahead = undefined;
    if (problem === undefined && size >= leastSize) {
      return { size, end, presentBytes: 0, kept: false, ahead, problem, replaced: true };
    }
    staging.forget(this.#name);
    const less = `it has ${size} events, and ${leastSize} are signed`;
    return {
      size: await this.#countCopy(copy, copied),
      end: copied,
      presentBytes: copied,
      kept: true,
      ahead,
      problem: problem ?? less,
      replaced: false,
    };
  }

  /** Gathers the batches from `start` to the end of what is acknowledged. */
  async #walk(
    log: AcknowledgedLog,
    start: Place,
  ): Promise<{ place: Place; problem: string | undefined }> {
    let place = start;
    for (let look = 1; ; ) {
      const before = place.offset;
      place = await this.#fromFile(log, place);
      const { end, gap } = this.#fromJournal(log, place);
      place = end;
      // What has come behind since is for the next backup.
      if (place.offset >= log.bytes && !gap) return { place, problem: undefined };
      look = place.offset > before ? 1 : look + 1;
      if (look > looksMax) {
        const problem = `event ${place.seq}, at byte ${place.offset} of its log, cannot be read`;
        return { place, problem };
      }
      await this.#context.pause(pauseMs);
    }
  }

  async #fromFile(log: AcknowledgedLog, start: Place): Promise<Place> {
    const { file, watermark } = log;
    if (!file || !this.#hasHeader(file)) return start;
    const bound = Math.min(file.size(), watermark?.end ?? Number.POSITIVE_INFINITY);
    const walk = new LogWalk(file, this.#identity, start, bound);
    for (let batch = walk.next(); batch; batch = walk.next()) {
      const bytes = batch.bytes.subarray(batch.bodyStart - batchHeaderBytes, batch.end);
      this.#write(bytes, batch.fileOffset);
      await this.#context.turn();
    }
    return { seq: walk.seq, offset: walk.offset };
  }

  #hasHeader(file: DiskFile): boolean {
    const header = new Uint8Array(eventLogStart);
    file.read(header, 0);
    return equalBytes(header, encodeEventLogHeader(this.#identity));
  }

  /**
   * What the journal has behind the end of the log. An import goes past it, so everything that was
   * acknowledged before that began is in its place. `gap`: what it has does not follow.
   */
  #fromJournal({ watermark }: AcknowledgedLog, start: Place): { end: Place; gap: boolean } {
    let end = start;
    if (watermark) return { end, gap: false };
    for (const entry of this.#context.journal.ofSession(this.#id)) {
      if (entry.kind !== entryKinds.events) continue;
      const { offset, length } = entry;
      if (offset < end.offset) {
        // A group that was given up, whose place others have taken: nothing behind it counts.
        if (offset + length > end.offset) return { end, gap: false };
        continue;
      }
      if (offset > end.offset) return { end, gap: true };
      const bytes = entry.read();
      const batch = readBatch(bytes, 0, this.#identity, offset);
      if (typeof batch === "string" || batch.firstSeq !== end.seq) return { end, gap: true };
      this.#write(bytes.subarray(0, batch.end), offset);
      end = { seq: end.seq + batch.count, offset: offset + batch.end };
    }
    return { end, gap: false };
  }

  #write(bytes: Uint8Array, offset: number): void {
    if (this.#there && offset < this.#there.end) {
      const there = new Uint8Array(bytes.length);
      this.#there.copy.read(there, offset);
      if (!equalBytes(there, bytes)) this.#differs = true;
    }
    if (this.#differs || (this.#there && offset < this.#there.end)) return;
    if (!this.#target) {
      this.#target = this.#openTarget();
      if (this.#headless) this.#target.write(encodeEventLogHeader(this.#identity), 0);
    }
    this.#target.write(bytes, offset);
  }
}

/** Whether a gathered log holds whole batches up to its end. */
function isWholeLog(file: DiskFile, identity: Uint8Array): boolean {
  const header = new Uint8Array(eventLogStart);
  file.read(header, 0);
  if (!equalBytes(header, encodeEventLogHeader(identity))) return false;
  const walk = new LogWalk(file, identity, { seq: 0, offset: eventLogStart }, file.size());
  while (walk.next());
  return walk.problem === undefined && walk.offset === file.size();
}
