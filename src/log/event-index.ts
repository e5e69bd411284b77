/**
 * `events.idx`: where in the event log a seq can be found. One entry for about every 64 KiB of log,
 * derived: it can be deleted at any time, an entry that does not fit its place ends it.
 *
 *   0  header, 32 bytes: magic "REACHIDX", version, CRC, session id
 *  32  entries: u64 seq, u64 offset, u32 CRC-32 of session, position and both, u32 zero
 */
import { crc32, equalBytes, readU32, readU64, utf8, writeU32, writeU64 } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { positionCrc } from "../event/index.ts";
import { eventLogStart } from "./event-log-header.ts";

const magic = utf8("REACHIDX");
const version = 1;
const headerBytes = 32;
const entryBytes = 24;
/** Bytes of log that one entry stands for, at least. */
const strideBytes = 64 * 1024;

/** Seqs and offsets of batches, ascending; the first is seq 0 at the start of the log. */
export class EventIndex {
  readonly #identity: Uint8Array;
  readonly #seqs: number[] = [0];
  readonly #offsets: number[] = [eventLogStart];
  #written = 1;

  /** An index that knows only where a log begins. */
  constructor(identity: Uint8Array) {
    this.#identity = identity;
  }

  /** Notes a batch of at least one event; only batches one behind the other may be noted. */
  add(seq: number, offset: number): void {
    const last = this.#offsets.at(-1) as number;
    if (offset < last + strideBytes) return;
    this.#seqs.push(seq);
    this.#offsets.push(offset);
  }

  /** The last noted batch that begins at or before `seq`. */
  find(seq: number): { seq: number; offset: number } {
    let low = 0;
    let high = this.#seqs.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#seqs[middle] as number) <= seq) low = middle;
      else high = middle - 1;
    }
    return { seq: this.#seqs[low] as number, offset: this.#offsets[low] as number };
  }

  /** Where the first noted batch begins that holds nothing before `seq`, if one is known. */
  behind(seq: number): number | undefined {
    let low = 0;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#offsets[low];
  }

  /** The last noted batch. */
  last(): { seq: number; offset: number } {
    return this.find(Number.POSITIVE_INFINITY);
  }

  /** Forgets batches that begin at `offset` or behind it: they are not there any more. */
  cut(offset: number): void {
    while (this.#offsets.length > 1 && (this.#offsets.at(-1) as number) >= offset) {
      this.#seqs.pop();
      this.#offsets.pop();
    }
    this.#written = Math.min(this.#written, this.#seqs.length);
  }

  /** Reads what a file holds; entries from the first invalid one on are left out. */
  static load(disk: Disk, path: string, identity: Uint8Array): EventIndex {
    const index = new EventIndex(identity);
    if (!disk.exists(path)) return index;
    const file = disk.open(path, "read");
    try {
      const bytes = new Uint8Array(file.size());
      file.read(bytes, 0);
      if (!equalBytes(bytes.subarray(0, headerBytes), encodeHeader(identity))) return index;
      for (let at = headerBytes; at + entryBytes <= bytes.length; at += entryBytes) {
        const seq = readU64(bytes, at);
        const offset = readU64(bytes, at + 8);
        if (readU32(bytes, at + 16) !== entryCrc(bytes, at, identity)) break;
        const last = index.last();
        if (!(seq > last.seq && offset >= last.offset + strideBytes)) break;
        index.#seqs.push(seq);
        index.#offsets.push(offset);
      }
      index.#written = index.#seqs.length;
    } finally {
      file.close();
    }
    return index;
  }

  /** Writes what the file does not have yet; not durable, and a failure costs only speed. */
  save(disk: Disk, path: string): void {
    if (this.#written === this.#seqs.length) return;
    const exists = disk.exists(path);
    const file = disk.open(path, exists ? "write" : "create");
    try {
      file.write(encodeHeader(this.#identity), 0);
      const first = exists ? this.#written : 1;
      const bytes = new Uint8Array((this.#seqs.length - first) * entryBytes);
      for (let i = first; i < this.#seqs.length; i++) {
        const at = (i - first) * entryBytes;
        writeU64(bytes, at, this.#seqs[i] as number);
        writeU64(bytes, at + 8, this.#offsets[i] as number);
        const place = headerBytes + (i - 1) * entryBytes;
        const crc = crc32(bytes.subarray(at, at + 16), positionCrc(this.#identity, place));
        writeU32(bytes, at + 16, crc);
      }
      file.write(bytes, headerBytes + (first - 1) * entryBytes);
      this.#written = this.#seqs.length;
    } finally {
      file.close();
    }
  }
}

function encodeHeader(identity: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes.set(magic, 0);
  writeU32(bytes, 8, version);
  bytes.set(identity, 16);
  writeU32(bytes, 12, crc32(identity));
  return bytes;
}

function entryCrc(bytes: Uint8Array, at: number, identity: Uint8Array): number {
  return crc32(bytes.subarray(at, at + 16), positionCrc(identity, at));
}
