/**
 * Verifies a stored session: one pass over its log, from the bytes on disk alone. Nothing derived
 * is believed, and nothing that the directory says about itself where a key is given. It never
 * stops at what is wrong: it names the first bad event and counts the others.
 */
import * as os from "node:os";
import {
  codeOf,
  equalBytes,
  messageOf,
  ReachError,
  type SessionId,
  sessionIdBytes,
  toHex,
} from "../base/index.ts";
import { type DiskFile, readFile } from "../disk/index.ts";
import { type Batch, BatchWalk } from "../event/index.ts";
import {
  type BulkWatermark,
  currentHolder,
  encodeEventLogHeader,
  eventLogPath,
  eventLogStart,
  journalFolder,
  manifestPath,
  parseSegmentName,
  readWatermark,
} from "../log/index.ts";
import { watchPayloads, watchRecovery } from "./awaiting-recovery.ts";
import { damageText, findBadEvent } from "./damage-search.ts";
import { DerivedCheck } from "./derived-check.ts";
import type { Directory } from "./directory.ts";
import { EventCheck } from "./event-check.ts";
import { forkClaim, forkShortfall } from "./fork-claim.ts";
import { GrowingTree } from "./growing-tree.ts";
import { type LogDamage, LogScan } from "./log-scan.ts";
import { type Manifest, programPayloads, secretsOf } from "./manifest.ts";
import { PayloadCheck } from "./payload-check.ts";
import type { ErrorReport } from "./rebuilding.ts";
import { RootMarks } from "./root-marks.ts";
import { isRemoved, type Quarantine, readManifest, readQuarantine } from "./session-reader.ts";
import { type SignedClaims, storedClaims, type TrustOptions } from "./signed-claims.ts";
import { ProblemList, type Progress, type VerifyReport } from "./verify-report.ts";

/** How a session is verified. */
export interface VerifyOptions extends TrustOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  /** Whether a second thread hashes the tree; default: of long logs, where there are two cores. */
  readonly inThread?: boolean;
}

const logName = "events.log";
/** Bytes of a log from which on a second thread is worth its 30 ms. */
const threadLogBytesMin = 16 * 1024 * 1024;
/** Other work gets its turn after so many milliseconds. */
const turnMs = 25;

/**
 * Verifies session `id`. What is wrong with the session is in the report; throws only `NOT_FOUND`
 * and `GONE` where there is no session, `INTERRUPTED`, and what the disk throws.
 */
export async function verifySession(
  directory: Directory,
  id: SessionId,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const settled = directory.writable || (await isSettled(directory));
  const check = new SessionCheck(directory, id, options, settled);
  try {
    await check.run(options);
    return check.report();
  } finally {
    await check.close();
  }
}

/** Whether nobody writes the directory and no journal is left that could mend a torn end. */
async function isSettled({ disk, path, processes }: Directory): Promise<boolean> {
  if (await currentHolder(disk, path, processes)) return false;
  return !disk.list(journalFolder(path)).some((name) => parseSegmentName(name));
}

class SessionCheck {
  readonly #id: SessionId;
  readonly #directory: Directory;
  readonly #settled: boolean;
  /** How far an import that had not ended was acknowledged when verifying began. */
  readonly #watermark: BulkWatermark | undefined;
  /** What an error is to be reported as: perhaps only the next writer can tell. */
  readonly #reported: ErrorReport;
  readonly #started = performance.now();
  readonly #problems = new ProblemList();
  readonly #payloads: PayloadCheck;
  /** What no event names. */
  readonly #unnamed: PayloadCheck;
  readonly #derived: DerivedCheck;
  /** `undefined` when it is damaged, or has yet to be recovered. */
  readonly #manifest: Manifest | undefined;
  readonly #file: DiskFile | undefined;
  readonly #scan: LogScan | undefined;
  readonly #events: EventCheck;
  readonly #signed: SignedClaims;
  readonly #marks: RootMarks;
  readonly #tree: GrowingTree;
  /** Root over the events before the first ones whose hashes nobody knows. */
  #cutRoot: Uint8Array | undefined;
  /** Events that are intact, and seq behind the last one. */
  #intact = 0;
  #end = 0;
  #unrecovered = 0;
  #turned = performance.now();

  constructor(directory: Directory, id: SessionId, options: VerifyOptions, settled: boolean) {
    const { disk, path } = directory;
    const identity = sessionIdBytes(id);
    if (isRemoved(disk, path, id)) {
      throw new ReachError("GONE", `session ${id} has been removed`, { where: id });
    }
    this.#id = id;
    this.#directory = directory;
    this.#settled = settled;
    this.#reported = settled ? (error) => error : watchRecovery(disk, path, id);
    const manifest = this.#readManifest();
    this.#manifest = manifest;
    this.#events = new EventCheck(manifest ? secretsOf(manifest) : [], false);
    const { blobs } = directory;
    const ofPayloads = settled ? this.#reported : watchPayloads(disk, path, blobs, true);
    this.#payloads = new PayloadCheck(blobs, ofPayloads);
    this.#unnamed = new PayloadCheck(blobs, ofPayloads);
    this.#signed = storedClaims(directory, id, options, this.#problems, this.#reported);
    const shared = manifest ? forkClaim(manifest, this.#problems) : [];
    this.#marks = new RootMarks([...this.#signed.claims, ...shared]);
    this.#derived = new DerivedCheck(disk, path, id, identity);
    this.#watermark = readWatermark(disk, path, id);
    this.#file = this.#openLog();
    const end = this.#file ? this.#logEnd(this.#file) : 0;
    const long = end >= threadLogBytesMin && os.availableParallelism() > 1;
    this.#tree = new GrowingTree(this.#marks, this.#derived, options.inThread ?? long);
    if (this.#file) this.#scan = new LogScan(this.#file, identity, end, this.#tree.memory);
  }

  /** The manifest, or a problem; throws `NOT_FOUND` when there is no session. */
  #readManifest(): Manifest | undefined {
    const { disk, path } = this.#directory;
    try {
      return readManifest(disk, path, this.#id);
    } catch (error) {
      const code = codeOf(error);
      if (code !== "CORRUPT" && code !== "FORMAT_UNSUPPORTED") throw error;
      if (this.#awaitsRecovery(error, this.#sizeOf(manifestPath(path, this.#id)))) return undefined;
      this.#problems.add("manifest.cbor", messageOf(error));
      return undefined;
    }
  }

  /** Whether what is wrong may be mended by recovery; then so many bytes count as that. */
  #awaitsRecovery(error: unknown, bytes: number): boolean {
    if (codeOf(this.#reported(error)) !== "UNRECOVERED") return false;
    this.#unrecovered += Math.max(1, bytes);
    return true;
  }

  #sizeOf(file: string): number {
    const { disk } = this.#directory;
    return disk.exists(file) ? readFile(disk, file).length : 0;
  }

  #openLog(): DiskFile | undefined {
    const { disk, path } = this.#directory;
    const logPath = eventLogPath(path, this.#id);
    if (!disk.exists(logPath)) {
      const missing = new ReachError("NOT_FOUND", `no such file: ${logPath}`, { where: logPath });
      if (this.#awaitsRecovery(missing, 0)) return undefined;
      this.#problems.event(0, logName, "the session has no event log", 0);
      return undefined;
    }
    const file = disk.open(logPath, "read");
    // An import that has acknowledged nothing may have left any part of the header.
    if (this.#watermark?.end === eventLogStart) return file;
    const header = new Uint8Array(eventLogStart);
    file.read(header, 0);
    if (!equalBytes(header, encodeEventLogHeader(sessionIdBytes(this.#id)))) {
      const message = "its header is damaged, or it is the log of another session";
      if (this.#awaitsRecovery(this.#corruptAt(0, message), header.length)) return file;
      this.#problems.event(0, logName, message, 0);
    }
    return file;
  }

  /** Where the log ends for readers: at the file's end, or at the watermark of an import. */
  #logEnd(file: DiskFile): number {
    return Math.min(file.size(), this.#watermark?.end ?? Number.POSITIVE_INFINITY);
  }

  /** What an import has acknowledged was durable in the log. */
  #checkWatermark(): void {
    const end = this.#end;
    const wanted = this.#watermark?.size ?? 0;
    if (end >= wanted || this.#unrecovered > 0) return;
    const message = `events from ${end} on are missing: an import has acknowledged ${wanted}`;
    this.#problems.missing(end, logName, message, wanted - end);
  }

  /** Where a checkpoint says more, the signed one counts; a fork that is being made has nothing. */
  #checkFork(): void {
    if (this.#signed.size > this.#end || this.#unrecovered > 0 || this.#watermark) return;
    if (this.#manifest) forkShortfall(this.#manifest, this.#end, this.#problems);
  }

  async run(options: VerifyOptions): Promise<void> {
    if (this.#marks.next === 0) this.#marks.reached(this.#root());
    for (let piece = this.#scan?.next(); piece; piece = this.#scan?.next()) {
      if ("batch" in piece) this.#batch(piece.batch);
      else {
        await this.#tree.settled();
        if (this.#isUnrecovered(piece.damage)) break;
        this.#damage(piece.damage);
      }
      await this.#turn(options);
    }
    await this.#checkUnnamed(options);
    await this.#tree.settled();
    options.onProgress?.({ done: this.#end, total: this.#end, unit: "events" });
    this.#compareSalts(this.#signed.trustedHolding, Math.min(this.#signed.trustedSize, this.#end));
    this.#signed.finish(this.#end, this.#derived);
    this.#checkWatermark();
    this.#checkFork();
    const quarantine = this.#quarantine();
    if (!quarantine) return;
    const message = `the session is read-only: ${quarantine.reason}`;
    this.#problems.missing(quarantine.seq, "quarantine.json", message, 0);
  }

  /** The code that the session runs, and states. */
  async #checkUnnamed(options: VerifyOptions): Promise<void> {
    const { blobs } = this.#directory;
    const unnamed = this.#unnamed;
    for (const { name, what } of programPayloads(this.#manifest ?? {})) {
      const fault = unnamed.fault(name, blobs.sizeOf(name) ?? 0);
      if (fault === undefined) continue;
      this.#problems.add("manifest.cbor", `the program's ${what}: ${fault}`);
    }
    for (const snapshot of this.#signed.snapshots.signed) {
      const fault = unnamed.fault(snapshot.stateHash, snapshot.stateBytes);
      if (fault !== undefined) this.#signed.stateFault(snapshot, fault);
      await this.#turn(options);
    }
  }

  /** Between two steps: from time to time others get their turn. */
  async #turn({ onProgress, signal }: VerifyOptions): Promise<void> {
    if (signal?.aborted) throw new ReachError("INTERRUPTED", "verifying was interrupted");
    if (performance.now() - this.#turned < turnMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    await this.#tree.room();
    onProgress?.({ done: this.#end, total: null, unit: "events" });
    this.#turned = performance.now();
  }

  #batch(batch: Batch): void {
    const tree = this.#cutRoot ? undefined : this.#tree;
    const marks = this.#marks;
    // Under a signed root an event of another session cannot hide: one salt of each batch shows
    // that the secret is the right one. `#compareSalts` looks at the others when the root is wrong.
    const saltsFrom = this.#signed.trustedSize;
    const byOne = !tree?.takes(batch);
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      this.#event(walk, batch.bytes, walk.seq === batch.firstSeq || walk.seq >= saltsFrom);
      if (tree && byOne) tree.add(walk.preimage());
      else if (!tree && walk.seq + 1 === marks.next) marks.reached(undefined);
    }
    this.#end = batch.firstSeq + batch.count;
    this.#derived.batch(batch);
    tree?.endBatch();
  }

  #event({ start, end, seq }: BatchWalk, bytes: Uint8Array, withSalt: boolean): void {
    const fault = this.#events.fault(bytes, start, end, seq, withSalt);
    const { blob } = this.#events;
    if (fault !== undefined) this.#problems.event(seq, logName, fault);
    const missing = blob && this.#payloads.fault(blob.sha256, blob.size);
    if (missing !== undefined) this.#problems.event(seq, "blobs", missing, fault ? 0 : 1);
    if (fault === undefined && missing === undefined) this.#intact += 1;
  }

  /** Compares the salts that were passed over, of the events from `from` to before `to`. */
  #compareSalts(from: number, to: number): void {
    if (!this.#file || from >= to) return;
    const scan = new LogScan(this.#file, sessionIdBytes(this.#id), this.#logEnd(this.#file));
    for (let piece = scan.next(); piece; piece = scan.next()) {
      if (!("batch" in piece) || piece.batch.firstSeq >= to) continue;
      for (const walk = new BatchWalk(piece.batch); walk.next(); ) {
        if (walk.seq < from || walk.seq >= to || walk.seq === piece.batch.firstSeq) continue;
        const fault = this.#events.saltFault(piece.batch.bytes, walk.start, walk.end, walk.seq);
        if (fault === undefined) continue;
        this.#problems.event(walk.seq, logName, fault);
        this.#intact -= 1;
      }
    }
  }

  /** Root over the events so far; `undefined` when the hash of one of them is not known. */
  #root(): Uint8Array | undefined {
    return this.#cutRoot ? undefined : this.#tree.root();
  }

  /** Whether the log from there on is still being written, or has yet to be recovered. */
  #isUnrecovered({ offset, seq, nextSeq, how }: LogDamage): boolean {
    const left = this.#logEnd(this.#file as DiskFile) - offset;
    if (nextSeq !== undefined) return this.#awaitsRecovery(this.#corruptAt(seq, how), left);
    if (!this.#settled) this.#unrecovered += left;
    return !this.#settled;
  }

  #corruptAt(seq: number, message: string): ReachError {
    return new ReachError("CORRUPT", message, { where: `${this.#id}@${seq}` });
  }

  #damage(damage: LogDamage): void {
    const scan = this.#scan as LogScan;
    const found = findBadEvent(damage, scan.read(damage.offset, damage.end), this.#derived);
    const until = damage.nextSeq ?? Math.max(found.until, this.#signed.size);
    const events = Math.max(until - damage.seq, 1);
    this.#problems.event(found.seq, logName, damageText(damage, found, until), events);
    // A batch that is damaged is still there: what is missing comes behind it.
    if (damage.how === "is not valid") this.#end = Math.max(this.#end, found.until);
    this.#standIn(damage.seq, damage.nextSeq ?? 0);
  }

  /**
   * Puts stored leaf hashes in the place of events that cannot be read: should they be right, the
   * root still vouches for the rest. `nextSeq` may be anything; what is not stored is passed over.
   */
  #standIn(seq: number, nextSeq: number): void {
    for (let next = seq; next < nextSeq && !this.#cutRoot; next++) {
      const hash = this.#derived.leaf(next);
      if (hash) this.#tree.standIn(hash);
      else this.#cutRoot = this.#tree.root();
      if (next + 1 === this.#marks.next) this.#marks.reached(this.#root());
    }
    while (this.#cutRoot && this.#marks.next <= nextSeq) this.#marks.reached(undefined);
  }

  #quarantine(): Quarantine | undefined {
    return readQuarantine(this.#directory.disk, this.#directory.path, this.#id);
  }

  report(): VerifyReport {
    const problems = this.#problems;
    const { newest, verified, snapshots } = this.#signed;
    return {
      id: this.#id,
      events: this.#intact,
      root: toHex(this.#cutRoot ?? this.#tree.root()),
      integrity: problems.damaged ? "damaged" : "intact",
      completeness: problems.incomplete ? "incomplete" : newest ? "complete" : "unknown",
      signedSize: newest?.size ?? null,
      signedBy: newest?.signedBy ?? null,
      checkpoints: verified,
      blobs: { count: this.#payloads.count, bytes: this.#payloads.bytes },
      snapshots: snapshots.counts,
      derived: this.#derived.verdict(this.#end),
      quarantine: this.#quarantine() ?? null,
      unrecovered: this.#unrecovered + this.#payloads.unrecovered + this.#unnamed.unrecovered,
      problems: problems.first,
      problemCount: problems.count,
      firstBad: problems.firstBad,
      badEvents: problems.badEvents,
      seconds: (performance.now() - this.#started) / 1000,
    };
  }

  async close(): Promise<void> {
    await this.#tree.close();
    this.#file?.close();
    this.#derived.close();
  }
}
