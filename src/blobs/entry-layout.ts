/**
 * Lays the entries of one blob out, as one write to a place of a journaled pack, and notes which
 * pending writes hold the rest of it.
 */
import type { EntrySink } from "./blob-encoder.ts";
import type { PackWrite } from "./blobs.ts";
import type { EntryAddress, KnownEntries } from "./known-entries.ts";
import { entryHash, entryHeaderBytes, entrySize, writeEntry } from "./pack-format.ts";
import type { PendingWrite, PendingWrites } from "./pending-writes.ts";

/** Room that is used for one blob after the other: enough for most, more is made for one alone. */
const room = new Uint8Array(32 * 1024);

/** The entries that a blob adds to a pack. Blobs are laid out one at a time, each in one go. */
export class EntryLayout implements EntrySink {
  readonly #start: EntryAddress;
  readonly #known: KnownEntries;
  readonly #pending: PendingWrites;
  /** Pending writes that hold parts of this blob. */
  readonly needs = new Set<PendingWrite>();
  #bytes: Uint8Array = room;
  #filled = 0;

  constructor(start: EntryAddress, known: KnownEntries, pending: PendingWrites) {
    this.#start = start;
    this.#known = known;
    this.#pending = pending;
  }

  knowsBytes(hash: Uint8Array): boolean {
    return this.#counts(this.#known.remembered(hash) ?? this.#known.verifiedBytes(hash));
  }

  /** A blob of which something is pending is walked chunk by chunk, to find all it needs. */
  knowsBlob(name: Uint8Array): boolean {
    const address = this.#known.remembered(name);
    return address !== undefined && this.#pending.at(address) === undefined;
  }

  knowsEntry(name: Uint8Array, content: Uint8Array): boolean {
    return this.#counts(this.#known.remembered(name) ?? this.#known.verifiedBlob(name, content));
  }

  add(kind: number, hash: Uint8Array, content: Uint8Array): void {
    const end = this.#filled + entryHeaderBytes + content.length;
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, end));
      bytes.set(this.#bytes.subarray(0, this.#filled));
      this.#bytes = bytes;
    }
    const { pack, offset } = this.#start;
    this.#known.table.add(hash, pack, offset + this.#filled);
    const place = { pack, base: offset };
    this.#filled = writeEntry(this.#bytes, this.#filled, place, kind, hash, content);
  }

  /** The write, or `undefined` when nothing is new. */
  write(): PackWrite | undefined {
    if (this.#filled === 0) return undefined;
    return { ...this.#start, bytes: this.#bytes.slice(0, this.#filled) };
  }

  /** Whether there is such an entry; notes when it is not certain yet to stay. */
  #counts(address: EntryAddress | undefined): boolean {
    const pending = address && this.#pending.at(address);
    if (pending) this.needs.add(pending);
    return address !== undefined;
  }
}

/** Nobody may count on the entries of a write any more: it will not be committed. */
export function forgetEntries(known: KnownEntries, write: PackWrite): void {
  for (let at = 0; at < write.bytes.length; at += entrySize(write.bytes, at)) {
    known.table.forget(entryHash(write.bytes, at), write.pack, write.offset + at);
  }
}
