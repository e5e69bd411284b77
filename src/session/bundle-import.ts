/**
 * Imports a bundle: the session comes into this directory with exactly its events, salts and seqs.
 * It is verified while it is written, and none of its events can be read, or survives a crash,
 * before all of them have been verified. The checkpoints that it brings along are kept as what they
 * are, those of another directory (`checkpoint-files.ts`); this one signs its own.
 */
import {
  codeOf,
  type ErrorCode,
  equalBytes,
  messageOf,
  ReachError,
  type SessionId,
} from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import { type BundleReport, type BundleVerifyOptions, bundleReport, readBundle } from "./bundle.ts";
import type { BundleCheck, BundleTarget } from "./bundle-check.ts";
import { bundleError } from "./bundle-format.ts";
import { type BundleSource, bundlePieces } from "./bundle-source.ts";
import type { BundleHead } from "./bundle-values.ts";
import { keepForeignCheckpoint } from "./checkpoint-files.ts";
import type { Directory } from "./directory.ts";
import type { Manifest } from "./manifest.ts";
import { PayloadRepair } from "./payload-repair.ts";
import type { RootClaim } from "./root-marks.ts";
import { hasFiles, tombstonePath } from "./session-reader.ts";
import { SessionRestore } from "./session-restore.ts";
import { verifierOf } from "./verifier.ts";

/** How a bundle is imported. */
export interface BundleImportOptions extends BundleVerifyOptions {
  /** Takes also a session whose end is missing, by its own checkpoint. It stays incomplete. */
  readonly incomplete?: boolean;
  /**
   * Takes the place of a session that is here and damaged, or has only a part of the events, where
   * nothing is lost by that (`session-restore.ts`).
   */
  readonly restore?: boolean;
  /** Asked what the session is, before anything is written; what it throws is thrown. */
  readonly accept?: (manifest: Manifest) => void;
}

/** What became of a bundle. */
export interface BundleImport {
  readonly id: SessionId;
  readonly events: number;
  /** The very session is here already: nothing was written but what it lacked. */
  readonly unchanged: boolean;
  /** Payloads that were missing or damaged here; the bundle had them. */
  readonly repaired: number;
  /**
   * With `restore`: how many of the events could still be read here; `null` where nothing had to
   * be restored.
   */
  readonly restoredFrom: number | null;
  /** Snapshots that were taken over and signed anew: only those of a key that was given. */
  readonly snapshots: number;
  /** What verifying it found. */
  readonly report: BundleReport;
}

/**
 * Imports a bundle into a directory open for writing. Throws `BUNDLE_INVALID` for one that does not
 * verify, `CONFLICT` when there is a session of that id with other content, `GONE` when there was
 * one; then nothing has changed. Of a session that is here already it brings back payloads that are
 * missing or damaged.
 */
export async function importBundle(
  directory: Directory,
  source: BundleSource,
  options: BundleImportOptions = {},
): Promise<BundleImport> {
  const started = performance.now();
  const given = options.verifierKey === undefined ? undefined : verifierOf(options.verifierKey);
  const target = new SessionTarget(directory, given !== undefined, options);
  try {
    const { check, bytes } = await readBundle(bundlePieces(source), given, target, options);
    const report = bundleReport(check, given, bytes, started);
    const { id, events, completeness } = report;
    if (events === 0) throw bundleError("it holds no events");
    if (completeness === "incomplete" && !options.incomplete) {
      throw bundleError("events are missing at its end", "what is there can still be imported");
    }
    target.checkLoss();
    await keepCheckpoints(directory, check);
    await target.close();
    const unchanged = target.existing;
    const snapshots = unchanged || !given ? 0 : await adoptSnapshots(directory, check);
    const { repaired, restoredFrom } = target;
    return { id, events, unchanged, repaired, restoredFrom, snapshots, report };
  } catch (error) {
    await target.discard();
    throw error;
  }
}

/** Keeps the checkpoints of other directories; one of this directory it has itself. */
async function keepCheckpoints(directory: Directory, check: BundleCheck): Promise<void> {
  const { disk, path, identity } = directory;
  for (const keyed of check.notes) {
    if (keyed.verifierKey === identity.verifierKey) continue;
    await keepForeignCheckpoint(disk, path, check.id, keyed);
  }
}

/** Takes over snapshots whose signatures, roots and states have been checked. */
async function adoptSnapshots(directory: Directory, check: BundleCheck): Promise<number> {
  const { signed } = check.snapshots;
  for (const snapshot of signed) {
    const state = directory.blobs.get(snapshot.stateHash);
    await directory.keepSnapshots(check.id, snapshot.program, [{ ...snapshot, state }]);
  }
  return signed.length;
}

/** Writes what has been checked into a session that has no events for anybody else yet. */
class SessionTarget implements BundleTarget {
  readonly keeps = true;
  readonly #directory: Directory;
  readonly #withStates: boolean;
  readonly #mayRestore: boolean;
  readonly #accept: ((manifest: Manifest) => void) | undefined;
  #writer: BulkWriter | undefined;
  #repair: PayloadRepair | undefined;
  #restore: SessionRestore | undefined;
  #inStates = false;

  constructor(directory: Directory, withStates: boolean, options: BundleImportOptions) {
    this.#directory = directory;
    this.#withStates = withStates;
    this.#mayRestore = options.restore ?? false;
    this.#accept = options.accept;
  }

  /** Whether the very session is here already; then only what it lacks is written. */
  get existing(): boolean {
    return this.#repair !== undefined && this.#restore === undefined;
  }

  /** Events that could still be read, of a session that is restored. */
  get restoredFrom(): number | null {
    return this.#restore?.found ?? null;
  }

  /** Payloads that it lacked. */
  get repaired(): number {
    return this.#repair?.count ?? 0;
  }

  async begin(head: BundleHead, redacted: boolean): Promise<readonly RootClaim[]> {
    if (redacted) {
      const hint = "`reach verify` and `reach events` take it; a session is made of a whole one";
      throw bundleError("it withholds events", hint);
    }
    const { manifest } = head;
    this.#accept?.(manifest);
    const found = lookFor(this.#directory, head, this.#mayRestore);
    if (found === "nothing") this.#writer = await this.#directory.openBulk({ manifest });
    else this.#repair = new PayloadRepair(this.#directory);
    if (found === "part") this.#restore = await SessionRestore.begin(this.#directory, manifest);
    return this.#restore?.claims ?? [];
  }

  putPayload(bytes: Uint8Array, name: Uint8Array): void {
    if (!this.#stores()) return;
    this.#writer?.putPayload(bytes);
    this.#repair?.put(bytes, name);
  }

  payloadStream(name: Uint8Array, size: number): BlobStream | undefined {
    if (!this.#stores()) return undefined;
    return this.#repair ? this.#repair.stream(name, size) : this.#writer?.payloadStream();
  }

  #stores(): boolean {
    return !this.#inStates || (this.#withStates && this.#writer !== undefined);
  }

  appendEvent(bytes: Uint8Array): void {
    this.#writer?.appendEncoded(bytes);
    this.#restore?.appendEvent(bytes);
  }

  appendBatch(bytes: Uint8Array): void {
    this.#restore?.appendBatch(bytes);
  }

  async room(): Promise<void> {
    await this.#writer?.room();
    await this.#repair?.room();
  }

  endEvents(): void {
    this.#inStates = true;
  }

  /** Throws `CONFLICT` when something here would be lost. */
  checkLoss(): void {
    this.#restore?.checkLoss();
  }

  /** Everything has been verified: the session is there. */
  async close(): Promise<void> {
    if (this.#writer) await this.#directory.closeWriter(this.#writer);
    this.#writer = undefined;
    await this.#repair?.close();
    await this.#restore?.finish();
  }

  /** Nothing of it stays, but payloads that have been brought back. */
  async discard(): Promise<void> {
    this.#restore?.discard();
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer) await this.#directory.discardBulk(writer);
  }
}

/**
 * Whether a session with the content that the bundle claims is in the directory, or none, or
 * perhaps a part of it. What the bundle claims it has to show afterwards like any other.
 */
function lookFor(
  directory: Directory,
  head: BundleHead,
  mayRestore: boolean,
): "all" | "nothing" | "part" {
  const { disk, path } = directory;
  const { id } = head.manifest;
  if (disk.exists(tombstonePath(path, id))) {
    throw new ReachError("GONE", `session ${id} has been removed`, {
      where: id,
      hint: "a removed session never comes back under its id",
    });
  }
  if (!hasFiles(disk, path, id)) return "nothing";
  const hint = `--restore puts the bundle in its place, where nothing is lost by that`;
  try {
    if (isSame(directory, head, mayRestore)) return "all";
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || !damageCodes.has(code)) throw error;
    if (!mayRestore)
      throw new ReachError(code, messageOf(error), { where: id, hint, cause: error });
  }
  if (mayRestore) return "part";
  throw new ReachError("CONFLICT", `there is a session ${id} with other content`, {
    where: id,
    hint,
  });
}

/** A session with these is damaged. */
const damageCodes: ReadonlySet<ErrorCode> = new Set([
  "CORRUPT",
  "NOT_FOUND",
  "NOTE_INVALID",
  "SIGNATURE_INVALID",
]);

/** Whether the very events of the bundle are here, with `writable` in a session that takes more. */
function isSame(
  directory: Directory,
  { manifest, events, root }: BundleHead,
  writable: boolean,
): boolean {
  const reader = directory.session(manifest.id);
  try {
    if (writable && (reader.quarantine || reader.extent.problem)) return false;
    if (writable) reader.checkpoint();
    return reader.size === events && equalBytes(reader.computedRoot(), root);
  } finally {
    reader.close();
  }
}
