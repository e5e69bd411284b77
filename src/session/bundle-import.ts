/**
 * Imports a bundle: the session comes into this directory with exactly its events, salts and seqs.
 * It is verified while it is written, and nothing of it can be seen or survives a crash before all
 * of it has been verified. The checkpoints that it brings along are kept as what they are: those of
 * another directory (`checkpoint-files.ts`); this one signs its own.
 */
import {
  codeOf,
  equalBytes,
  fromHex,
  ReachError,
  type SessionId,
  toHex,
} from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import { manifestPath } from "../log/index.ts";
import type { Verifier } from "../merkle/index.ts";
import {
  type BundleReport,
  type BundleVerifyOptions,
  bundleReport,
  readBundle,
} from "./bundle.ts";
import type { BundleCheck, BundleTarget } from "./bundle-check.ts";
import { bundleError } from "./bundle-format.ts";
import type { BundleSource } from "./bundle-source.ts";
import type { BundleHead } from "./bundle-values.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import { keepForeignCheckpoint } from "./checkpoint-files.ts";
import type { Directory } from "./directory.ts";
import { verifierOf } from "./keys.ts";

/** How a bundle is imported. */
export interface BundleImportOptions extends BundleVerifyOptions {
  /**
   * Takes a session whose end is missing according to its own checkpoint. It stays incomplete.
   */
  readonly incomplete?: boolean;
}

/** What became of a bundle. */
export interface BundleImport {
  readonly id: SessionId;
  readonly events: number;
  /** The very session is here already: nothing was written but checkpoints it did not have. */
  readonly unchanged: boolean;
  /** Snapshots that were taken over; only those signed by a key that was given. */
  readonly snapshots: number;
  /** What verifying it found. */
  readonly report: BundleReport;
}

/**
 * Imports a bundle into a directory open for writing. Throws `BUNDLE_INVALID` for one that does not
 * verify, `CONFLICT` when a session of that id with other content is here, `GONE` when it has been
 * removed; then nothing has changed.
 */
export async function importBundle(
  directory: Directory,
  source: BundleSource,
  options: BundleImportOptions = {},
): Promise<BundleImport> {
  const started = performance.now();
  const given = options.verifierKey === undefined ? undefined : verifierOf(options.verifierKey);
  const target = new SessionTarget(directory);
  try {
    const { check, bytes } = await readBundle(source, given, target, options);
    const report = bundleReport(check, given, bytes, started);
    refuseUseless(report, options);
    if (target.existing) requireSame(report, target.existing);
    await keepCheckpoints(directory, check);
    await target.close();
    const snapshots = target.existing ? 0 : await adoptSnapshots(directory, check, given);
    const { id, events } = report;
    return { id, events, unchanged: target.existing !== undefined, snapshots, report };
  } catch (error) {
    await target.discard();
    throw error;
  }
}

function refuseUseless({ events, completeness }: BundleReport, options: BundleImportOptions): void {
  if (events === 0) throw bundleError("it holds no events");
  if (completeness !== "incomplete" || options.incomplete) return;
  throw bundleError("events are missing at its end", "import what there is with `incomplete`");
}

/** What there is of a session of the same id. */
interface ExistingSession {
  readonly events: number;
  readonly root: Uint8Array;
}

function requireSame(report: BundleReport, { events, root }: ExistingSession): void {
  const theirs = fromHex(report.root);
  if (report.events === events && theirs && equalBytes(theirs, root)) return;
  throw new ReachError("CONFLICT", `there is a session ${report.id} with other content`, {
    where: report.id,
    hint: `it has ${events} events and the root ${toHex(root)}; it is never overwritten`,
  });
}

/** Writes what has been checked into a session that nobody can see yet. */
class SessionTarget implements BundleTarget {
  readonly #directory: Directory;
  #writer: BulkWriter | undefined;
  #states = false;
  /** The session of that id that is here already; then nothing is written. */
  existing: ExistingSession | undefined;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  async begin({ manifest, events, root }: BundleHead): Promise<void> {
    this.existing = existingSession(this.#directory, manifest.id);
    if (this.existing) {
      requireSame({ id: manifest.id, events, root: toHex(root) } as BundleReport, this.existing);
      return;
    }
    this.#writer = await this.#directory.openBulk({ manifest });
  }

  putPayload(bytes: Uint8Array): void {
    if (!this.#states) this.#writer?.putPayload(bytes);
  }

  payloadStream(): BlobStream {
    return this.#writer?.payloadStream() ?? nowhere;
  }

  appendEvent(bytes: Uint8Array): void {
    this.#writer?.appendEncoded(bytes);
  }

  endEvents(): void {
    this.#states = true;
  }

  async close(): Promise<void> {
    if (this.#writer) await this.#directory.closeWriter(this.#writer);
    this.#writer = undefined;
  }

  async discard(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer) await this.#directory.discardBulk(writer);
  }
}
