/**
 * Writes that are staged and not yet in their place. A write is carried by the blob it was laid out
 * for and by every other that was staged meanwhile and needs an entry of it: whichever is committed
 * first brings it along, so none depends on the fate of another.
 */
import type { BlobName, PackWrite, StagedBlob } from "./blobs.ts";
import type { EntryAddress } from "./known-entries.ts";

/** A write, and the staged blobs that would bring it into the journal. */
export interface PendingWrite {
  readonly write: PackWrite;
  readonly carriers: Set<StagedBlob>;
  applied: boolean;
}

/** A staged blob; what it has to carry shrinks as writes reach their place. */
class Staged implements StagedBlob {
  readonly ref: BlobName;
  readonly carried: readonly PendingWrite[];

  constructor(ref: BlobName, carried: readonly PendingWrite[]) {
    this.ref = ref;
    this.carried = carried;
  }

  get entries(): readonly PackWrite[] {
    return this.carried.filter(({ applied }) => !applied).map(({ write }) => write);
  }
}

/** The place of an address relative to a write: negative when it lies before it, 0 inside. */
function compare(address: EntryAddress, write: PackWrite): number {
  if (address.pack !== write.pack) return address.pack - write.pack;
  if (address.offset < write.offset) return -1;
  return address.offset < write.offset + write.bytes.length ? 0 : 1;
}

/** All pending writes, in the order of their places. */
export class PendingWrites {
  readonly #laid: PendingWrite[] = [];

  get count(): number {
    return this.#laid.length;
  }

  /** A staged blob: `write`, behind all others, for what is new of it, and those it needs. */
  add(ref: BlobName, needs: Iterable<PendingWrite>, write: PackWrite | undefined): StagedBlob {
    const own = write && { write, carriers: new Set<StagedBlob>(), applied: false };
    if (own) this.#laid.push(own);
    const staged = new Staged(ref, own ? [...needs, own] : [...needs]);
    for (const { carriers } of staged.carried) carriers.add(staged);
    return staged;
  }

  /** The write that holds that place. */
  at(address: EntryAddress): PendingWrite | undefined {
    return this.#laid[this.#indexOf(address)];
  }

  /** Whether a write into that pack is outstanding. */
  waitIn(pack: number): boolean {
    return this.#laid.some(({ write }) => write.pack === pack);
  }

  /** A write has reached its place. */
  settle(write: PackWrite): void {
    const index = this.#indexOf(write);
    if (index < 0) return;
    const [pending] = this.#laid.splice(index, 1) as [PendingWrite];
    pending.applied = true;
  }

  /** Removes a blob; returns the writes that nobody carries any more. */
  abandon(staged: StagedBlob): PackWrite[] {
    const lost: PackWrite[] = [];
    for (const pending of (staged as Staged).carried) {
      const last = pending.carriers.delete(staged) && pending.carriers.size === 0;
      if (!last || pending.applied) continue;
      this.#laid.splice(this.#indexOf(pending.write), 1);
      lost.push(pending.write);
    }
    return lost;
  }

  /** Index of the write that holds that place, or -1. */
  #indexOf(address: EntryAddress): number {
    let from = 0;
    let to = this.#laid.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const order = compare(address, (this.#laid[middle] as PendingWrite).write);
      if (order === 0) return middle;
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    return -1;
  }
}
