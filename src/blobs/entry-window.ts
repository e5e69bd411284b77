/**
 * Reads entries of packs through one buffer. Entries that lie one after the other, as the chunks
 * of a blob mostly do, are read with few large reads; one that lies alone costs one small read.
 */
import { assert, equalBytes, sha256 } from "../base/index.ts";
import type { Pack } from "./pack.ts";
import {
  entryBytesMax,
  entryHasHash,
  entryHash,
  entryHeaderBytes,
  entryIsValid,
  entryKind,
  entrySize,
} from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";

const readBytesMin = 16 * 1024;
const readBytesMax = 256 * 1024;
assert(entryBytesMax <= readBytesMin, "one read gets a whole entry");

/** An entry in the buffer of a window. Its views are valid until the window reads again. */
export class Entry {
  readonly pack: Pack;
  readonly offset: number;
  readonly size: number;
  readonly #buffer: Uint8Array;
  readonly #at: number;

  constructor(pack: Pack, offset: number, size: number, buffer: Uint8Array, at: number) {
    this.pack = pack;
    this.offset = offset;
    this.size = size;
    this.#buffer = buffer;
    this.#at = at;
  }

  /** One of `entryKinds`. */
  get kind(): number {
    return entryKind(this.#buffer, this.#at);
  }

  /** The hash that the entry claims, a view. */
  get hash(): Uint8Array {
    return entryHash(this.#buffer, this.#at);
  }

  get content(): Uint8Array {
    return this.#buffer.subarray(this.#at + entryHeaderBytes, this.#at + this.size);
  }

  get contentBytes(): number {
    return this.size - entryHeaderBytes;
  }

  /** Whether the entry claims to be `hash`. */
  hasHash(hash: Uint8Array): boolean {
    return entryHasHash(this.#buffer, this.#at, hash);
  }

  /** Whether its CRC holds. */
  isValid(): boolean {
    const place = { pack: this.pack.number, base: this.offset - this.#at };
    return entryIsValid(this.#buffer, this.#at, this.size, place);
  }

  /** Whether the content has the hash that the entry claims: not for `blob` entries. */
  isTrue(): boolean {
    return equalBytes(sha256(this.content), this.hash);
  }
}

/** A buffer over a part of one pack. */
export class EntryWindow {
  #bytes = new Uint8Array(readBytesMin);
  #pack: Pack | undefined;
  #start = 0;
  #filled = 0;
  #readBytes = readBytesMin;
  #next = 0;

  /** Forgets what was read, since files may have changed. */
  clear(): void {
    this.#pack = undefined;
    this.#filled = 0;
    this.#readBytes = readBytesMin;
  }

  /** The entry at `offset` by its header, unchecked, or `undefined` when none begins there. */
  at(pack: Pack, offset: number): Entry | undefined {
    const follows = pack === this.#pack && offset === this.#next;
    if (!this.#holds(pack, offset, entryHeaderBytes)) this.#read(pack, offset, follows);
    if (!this.#holds(pack, offset, entryHeaderBytes)) return undefined;
    const size = entrySize(this.#bytes, offset - this.#start);
    if (size === 0) return undefined;
    if (!this.#holds(pack, offset, size)) this.#read(pack, offset, follows);
    if (!this.#holds(pack, offset, size)) return undefined;
    this.#next = offset + size;
    return new Entry(pack, offset, size, this.#bytes, offset - this.#start);
  }

  /** The entry behind the one that was read last, if its pack is still there. */
  next(packs: PackSet): Entry | undefined {
    const pack = this.#pack;
    return pack && packs.unlessGone(pack, () => this.at(pack, this.#next));
  }

  #holds(pack: Pack, offset: number, size: number): boolean {
    if (pack !== this.#pack || offset < this.#start) return false;
    return offset + size <= this.#start + this.#filled;
  }

  /** Reads on from `offset`: more each time that one entry follows the other. */
  #read(pack: Pack, offset: number, follows: boolean): void {
    this.#readBytes = follows ? Math.min(2 * this.#readBytes, readBytesMax) : readBytesMin;
    if (this.#bytes.length < this.#readBytes) this.#bytes = new Uint8Array(this.#readBytes);
    this.#pack = undefined;
    this.#filled = pack.read(this.#bytes.subarray(0, this.#readBytes), offset);
    this.#pack = pack;
    this.#start = offset;
  }
}
