/**
 * Compares the derived files of a session, `tree.log` and `events.idx`, with what they are derived
 * from. Where they differ they are out of date and no more than that; but where a root turns out
 * wrong, a stored leaf hash that the signed root vouches for names the event that was changed.
 */
import type { SessionId } from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";
import type { Batch } from "../event/index.ts";
import { EventIndex, sessionFolder } from "../log/index.ts";
import {
  type Checkpoint,
  hashBytes,
  proveInclusion,
  storedCount,
  storedIndex,
  storedSizeMax,
  verifyInclusion,
} from "../merkle/index.ts";
import { treePath } from "./session-reader.ts";

const suspectsMax = 1000;
const windowBytes = 64 * 1024;

/** The derived files of one session. */
export class DerivedCheck {
  readonly #tree: DiskFile | undefined;
  readonly #index: EventIndex;
  /** What the index should know. */
  readonly #expected: EventIndex;
  readonly #indexThere: boolean;
  #buffer = new Uint8Array(windowBytes);
  /** What of `tree.log` is in the buffer, and where it begins. */
  #window = this.#buffer.subarray(0, 0);
  #windowStart = 0;
  #stale = false;
  /** Seqs whose stored leaf hash is not that of the event, the first of them. */
  readonly #suspects: number[] = [];

  constructor(disk: Disk, root: string, id: SessionId, identity: Uint8Array) {
    const path = treePath(root, id);
    const indexPath = `${sessionFolder(root, id)}/events.idx`;
    this.#tree = disk.exists(path) ? disk.open(path, "read") : undefined;
    this.#indexThere = disk.exists(indexPath);
    this.#index = EventIndex.load(disk, indexPath, identity);
    this.#expected = new EventIndex(identity);
  }

  /**
   * Compares the stored hashes of `count` leaves from `firstSeq` on, and of the nodes that they
   * complete, with `hashes`: what `TreeWriter` has for them.
   */
  leaves(firstSeq: number, count: number, hashes: Uint8Array): void {
    const start = hashBytes * storedCount(firstSeq);
    const stored = this.#read(start, hashes.length);
    if (stored.length === hashes.length && Buffer.compare(stored, hashes) === 0) return;
    this.#stale = true;
    for (let seq = firstSeq; seq < firstSeq + count; seq++) {
      if (this.#suspects.length >= suspectsMax) return;
      const at = hashBytes * storedIndex(0, seq) - start;
      const leaf = stored.subarray(at, at + hashBytes);
      if (leaf.length < hashBytes) return;
      const same = Buffer.compare(leaf, hashes.subarray(at, at + hashBytes)) === 0;
      if (!same) this.#suspects.push(seq);
    }
  }

  /** Compares the index entry that points into a batch, if one does. */
  batch({ firstSeq, count, fileOffset }: Batch): void {
    this.#expected.add(firstSeq, fileOffset);
    const entry = this.#index.find(firstSeq + count - 1);
    if (entry.seq < firstSeq) return;
    if (entry.seq !== firstSeq || entry.offset !== fileOffset) this.#stale = true;
  }

  /** The stored hash of a leaf; a copy. A forged batch may say any seq. */
  leaf(seq: number): Uint8Array | undefined {
    if (seq >= storedSizeMax) return undefined;
    const hash = this.#read(hashBytes * storedIndex(0, seq), hashBytes);
    return hash.length === hashBytes ? hash.slice() : undefined;
  }

  /** The first event that is not the one of its place under a checkpoint, if that can be told. */
  firstChanged(checkpoint: Checkpoint): number | undefined {
    return this.#suspects.find((seq) => seq < checkpoint.size && this.vouched(seq, checkpoint));
  }

  /** Whether the stored hash of a leaf is proved to be the one under the root of a checkpoint. */
  vouched(seq: number, { size, root }: Checkpoint): boolean {
    const leafHash = this.leaf(seq);
    if (!leafHash) return false;
    try {
      const proof = proveInclusion(seq, size, (indexes) => {
        return indexes.map((index) => this.#read(hashBytes * index, hashBytes).slice());
      });
      return verifyInclusion({ index: seq, size, leafHash, root, proof }).ok;
    } catch {
      return false;
    }
  }

  /** How the derived files are, after all `events` events. */
  verdict(events: number): "ok" | "stale" | "missing" {
    const indexNeeded = this.#expected.last().seq > 0;
    if ((!this.#tree && events > 0) || (!this.#indexThere && indexNeeded)) return "missing";
    const stored = hashBytes * storedCount(Math.min(events, storedSizeMax));
    const longer = (this.#tree?.size() ?? 0) > stored;
    const beyond = this.#index.last().seq >= Math.max(events, 1);
    return this.#stale || longer || beyond ? "stale" : "ok";
  }

  close(): void {
    this.#tree?.close();
  }

  /**
   * A view that is valid until the next read, shorter where the file ends. Leaves are asked for
   * batch by batch, and read for many batches at a time.
   */
  #read(offset: number, size: number): Uint8Array {
    const start = offset - this.#windowStart;
    if (start >= 0 && start + size <= this.#window.length) {
      return this.#window.subarray(start, start + size);
    }
    if (!this.#tree) return this.#window;
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    this.#window = this.#buffer.subarray(0, this.#tree.read(this.#buffer, offset));
    this.#windowStart = offset;
    return this.#window.subarray(0, size);
  }
}
