/**
 * Writes a session as a bundle (`bundle-format.ts`). The same session gives the same bytes, but for
 * the signature at the end, which is there only where the directory has its key open.
 */
import { concat, equalBytes, ReachError, type SessionId, sha256Stream } from "../base/index.ts";
import type { BlobReader } from "../blobs/index.ts";
import { type Batch, BatchWalk, batchHeaderBytes, EventView } from "../event/index.ts";
import { leafHash, RangeBuilder, signNote } from "../merkle/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";
import { BlobNames } from "./blob-names.ts";
import { bundleText, SectionWriter, sectionKinds } from "./bundle-format.ts";
import { type BundleTrailer, snapshotsValue, withoutSecrets } from "./bundle-values.ts";
import {
  foreignCheckpointNames,
  type KeyedNote,
  readForeignCheckpoint,
} from "./checkpoint-files.ts";
import { PayloadWriter } from "./chunk-window.ts";
import type { Directory } from "./directory.ts";
import { EventCheck } from "./event-check.ts";
import type { ByteSink } from "./export-original.ts";
import { programPayloads } from "./manifest.ts";
import { hashesOthers, shownEvent, withheldEvent } from "./redacted-events.ts";
import type { SessionReader } from "./session-reader.ts";
import { snapshotFiles } from "./snapshot-files.ts";
import type { Progress } from "./verify-report.ts";

/** What a bundle is to hold. */
export interface BundleOptions {
  /** Whether the snapshots travel along, with their states. */
  readonly snapshots?: boolean;
  /** Hashes of programs that may have snapshots, where the names of their files do not tell. */
  readonly programs?: readonly Uint8Array[];
  /**
   * Whether an event is to be withheld: the hash of its leaf takes its place. Events that hold a
   * hash of others (`hashesOthers`) are withheld as well, and no snapshots travel along.
   */
  readonly withhold?: (event: EventView) => boolean;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface BundleSummary {
  readonly id: SessionId;
  readonly events: number;
  /** How many of them are withheld. */
  readonly withheld: number;
  readonly payloads: number;
  /** Bytes of the distinct payloads, and of the whole bundle. */
  readonly payloadBytes: number;
  readonly bytes: number;
  readonly snapshots: number;
  /** Events that a checkpoint in the bundle covers; `null` without one. */
  readonly signedSize: number | null;
}

const sectionContentBytes = 256 * 1024;
const recordsPerSection = 1000;
/** Payloads up to this size are read at once, larger ones piece by piece. */
const heldBytesMax = 16 * 1024 * 1024;

/**
 * Writes session `id` as a bundle. A quarantined session is written up to the first event that may
 * be wrong. Throws what reading throws: a session that is damaged makes no bundle.
 */
export async function exportBundle(
  directory: Directory,
  id: SessionId,
  out: ByteSink,
  options: BundleOptions = {},
): Promise<BundleSummary> {
  const reader = directory.session(id);
  try {
    return await new BundleExport(directory, reader, out, options).run();
  } finally {
    reader.close();
  }
}

class BundleExport {
  readonly #directory: Directory;
  readonly #reader: SessionReader;
  readonly #out: ByteSink;
  readonly #options: BundleOptions;
  readonly #withhold: BundleOptions["withhold"];
  readonly #hash = sha256Stream();
  readonly #sections: SectionWriter;
  readonly #payloads: PayloadWriter;
  readonly #states: PayloadWriter;
  readonly #events = new EventCheck([], false);
  readonly #named = new BlobNames();
  readonly #range = new RangeBuilder();
  /** Bytes of the bundle that wait for the sink. */
  #waiting: Uint8Array[] = [];
  /** Batches, or single events, that wait until the payloads they name are out. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #payloadBytes = 0;
  #withheld = 0;

  constructor(directory: Directory, reader: SessionReader, out: ByteSink, options: BundleOptions) {
    this.#directory = directory;
    this.#reader = reader;
    this.#out = out;
    this.#options = options;
    this.#withhold = options.withhold;
    const { payloads, states } = sectionKinds;
    this.#sections = new SectionWriter(reader.id, this.#withhold !== undefined, (bytes) => {
      this.#waiting.push(bytes);
    });
    this.#payloads = new PayloadWriter(sectionContentBytes, (content) => {
      this.#sections.add(payloads, content);
    });
    this.#states = new PayloadWriter(sectionContentBytes, (content) => {
      this.#sections.add(states, content);
    });
  }

  async run(): Promise<BundleSummary> {
    const reader = this.#reader;
    // Before the events are counted: the session may grow, and be signed, meanwhile.
    const signed = reader.signedNote();
    const notes = this.#notes(signed?.note);
    const size = reader.reliableSize;
    const root = await reader.rootInTurns(size, () => this.#checkInterrupted());
    this.#head(size, root);
    for (const { verifierKey, note } of notes) {
      this.#sections.addValue(sectionKinds.checkpoint, [verifierKey, Uint8Array.from(note)]);
    }
    const withStates = this.#options.snapshots && !this.#withhold;
    const snapshots = withStates ? this.#snapshotRecords(size) : [];
    await this.#program();
    for (const batch of reader.batches(0, size)) {
      await this.#batch(batch, size);
    }
    this.#flushEvents();
    if (this.#range.end !== size || !equalBytes(this.#range.root(), root)) {
      throw this.#corrupt(this.#range.end, "the session changed while it was read");
    }
    const states = await this.#writeStates(snapshots);
    await this.#drain();
    this.#trailer(size, states, snapshots.length);
    await this.#drain();
    return {
      id: reader.id,
      events: size,
      withheld: this.#withheld,
      payloads: this.#named.count,
      payloadBytes: this.#payloadBytes,
      bytes: this.#sections.offset,
      snapshots: snapshots.length,
      signedSize: signed?.checkpoint.size ?? null,
    };
  }

  #head(size: number, root: Uint8Array): void {
    const { manifest, origin, quarantine } = this.#reader;
    const { verifierKey } = this.#directory.identity;
    this.#sections.addValue(sectionKinds.head, {
      manifest: this.#withhold ? withoutSecrets(manifest) : { ...manifest },
      origin,
      verifierKey,
      events: size,
      root,
      quarantine: quarantine ? { ...quarantine } : null,
    });
  }

  /** The checkpoints as they stand, whole or not: whoever verifies shall see them. */
  #notes(own: Uint8Array | undefined): KeyedNote[] {
    const { disk, path, identity } = this.#directory;
    const { id } = this.#reader;
    const foreign = foreignCheckpointNames(disk, path, id).map((name) => {
      return readForeignCheckpoint(disk, path, id, name);
    });
    return own ? [{ verifierKey: identity.verifierKey, note: own }, ...foreign] : foreign;
  }

  /** Writes the records of all snapshots that hold, and returns them. */
  #snapshotRecords(size: number): SnapshotRecord[] {
    const { disk, path } = this.#directory;
    const written: SnapshotRecord[] = [];
    for (const { program } of snapshotFiles(disk, path, this.#reader.id, this.#options.programs)) {
      if (!program) continue;
      const records = this.#reader.snapshots(program).filter((record) => record.size <= size);
      for (let at = 0; at < records.length; at += recordsPerSection) {
        const some = records.slice(at, at + recordsPerSection);
        this.#sections.addValue(
          sectionKinds.snapshots,
          snapshotsValue({ program: Uint8Array.from(program), records: some }),
        );
      }
      written.push(...records);
    }
    return written;
  }

  /** The code that an executed session runs travels with it, in front of everything. */
  async #program(): Promise<void> {
    for (const { name } of programPayloads(this.#reader.manifest)) {
      if (this.#named.sizeOf(name) !== undefined) continue;
      const size = this.#directory.blobs.sizeOf(name) ?? 0;
      this.#named.add(name, size);
      this.#payloadBytes += size;
      await this.#put(this.#payloads, name, size, 0);
    }
  }

  async #batch(batch: Batch, size: number): Promise<void> {
    if (batch.firstSeq + batch.count > size) {
      throw new ReachError("QUARANTINED", `session ${this.#reader.id} ends within a batch`, {
        hint: "`reach verify` says what is wrong with it",
      });
    }
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      const fault = this.#events.fault(batch.bytes, walk.start, walk.end, walk.seq);
      if (fault !== undefined) throw this.#corrupt(walk.seq, fault);
      const hash = leafHash(walk.preimage());
      this.#range.append(hash);
      if (this.#isWithheld(walk)) {
        this.#withheld += 1;
        this.#hold(withheldEvent(hash));
        continue;
      }
      const { blob } = this.#events;
      if (blob && this.#named.sizeOf(blob.sha256) === undefined) {
        this.#named.add(blob.sha256, blob.size);
        this.#payloadBytes += blob.size;
        await this.#put(this.#payloads, blob.sha256, blob.size, walk.seq);
      }
      if (this.#withhold) this.#hold(shownEvent(walk.event()));
    }
    if (!this.#withhold) {
      this.#hold(batch.bytes.slice(batch.bodyStart - batchHeaderBytes, batch.end));
    }
    await this.#drain();
    this.#options.onProgress?.({ done: this.#range.end, total: size, unit: "events" });
  }

  #isWithheld(walk: BatchWalk): boolean {
    if (!this.#withhold) return false;
    const event = new EventView(walk.event(), this.#directory.blobs);
    return this.#withhold(event) || hashesOthers(event);
  }

  #hold(bytes: Uint8Array): void {
    if (this.#heldBytes + bytes.length > sectionContentBytes) this.#flushEvents();
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** Ends a section of events, behind the payloads that they name. */
  #flushEvents(): void {
    const { events, redactedEvents } = sectionKinds;
    this.#payloads.flush();
    if (this.#held.length > 0) {
      this.#sections.add(this.#withhold ? redactedEvents : events, concat(...this.#held));
    }
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #put(writer: PayloadWriter, name: Uint8Array, size: number, seq: number): Promise<void> {
    const { blobs } = this.#directory;
    const actual = blobs.sizeOf(name);
    if (actual !== undefined && actual !== size) {
      throw this.#corrupt(seq, `its payload has ${actual} bytes, and it says ${size}`);
    }
    writer.begin(name, size);
    for (const piece of piecesOf(blobs, name, size)) {
      writer.push(piece);
      await this.#drain();
    }
    writer.end();
  }

  async #writeStates(snapshots: readonly SnapshotRecord[]): Promise<number> {
    const written = new BlobNames();
    for (const { stateHash, stateBytes, size } of snapshots) {
      if (written.sizeOf(stateHash) !== undefined) continue;
      written.add(stateHash, stateBytes);
      await this.#put(this.#states, stateHash, stateBytes, size);
    }
    this.#states.flush();
    return written.count;
  }

  #trailer(events: number, states: number, snapshots: number): void {
    const { signer } = this.#directory.identity;
    const root = Uint8Array.from(this.#range.root());
    const sha256 = Uint8Array.from(this.#hash.digest());
    const text = bundleText(this.#reader.origin, events, root, sha256);
    const trailer: BundleTrailer = {
      events,
      root,
      payloads: this.#named.count,
      payloadBytes: this.#payloadBytes,
      states,
      snapshots,
      bytes: this.#sections.offset,
      sha256,
      note: signer ? signNote(text, [signer]) : null,
    };
    this.#sections.addValue(sectionKinds.trailer, trailer);
  }

  async #drain(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) {
      this.#hash.update(bytes);
      await this.#out(bytes);
    }
    this.#checkInterrupted();
  }

  #checkInterrupted(): void {
    if (this.#options.signal?.aborted) {
      throw new ReachError("INTERRUPTED", "the export was interrupted");
    }
  }

  #corrupt(seq: number, fault: string): ReachError {
    return new ReachError("CORRUPT", `event ${seq}: ${fault}`, {
      where: `${this.#reader.id}@${seq}`,
      hint: "`reach verify` says what is wrong",
    });
  }
}

function piecesOf(blobs: BlobReader, name: Uint8Array, size: number): Iterable<Uint8Array> {
  return size > heldBytesMax ? blobs.stream(name) : [blobs.get(name)];
}
