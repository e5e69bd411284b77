/**
 * The index of a pack, `<number as 8 hex digits>.idx`: where the entries lie. Derived: it can be
 * deleted at any time and is rebuilt by scanning the pack. It holds only the first 64 bits of each
 * hash, since whatever is read through it is compared with the whole hash in the entry itself; that
 * makes it a third of the size, and what a process keeps of it in memory as well.
 *
 *    0  u32  magic "RPX1"             4  u16  format version   6  u16  1: the pack is sealed
 *    8  u32  pack number             12  u32  bytes of the pack that are covered
 *   16  u32  entries n               20  u32  words of the filter
 *   24  u32  offset of the last entry, 28 its CRC: binds the index to the pack it was made from
 *   32  u32  CRC-32 of the filter    36  u32  CRC-32 of the arrays    40  u32  CRC-32 of 0..39
 *   44  filter; then three arrays of n u32, sorted: first words, second words, offsets
 */
import { crc32, readU16, readU32, writeU16, writeU32 } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";

const magic = 0x31585052;
const formatVersion = 1;
const headBytes = 44;
const sealedFlag = 1;
const filterBitsPerEntry = 16;

/** The entries of an index, sorted by hash prefix and then by offset. */
export interface IndexEntries {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly offsets: Uint32Array;
}

/** What an index says of its pack, and the filter that tells most absent hashes at once. */
export interface IndexHead {
  readonly covered: number;
  readonly sealed: boolean;
  readonly lastOffset: number;
  readonly lastCrc: number;
  readonly count: number;
  readonly filter: Uint32Array;
}

/** The four filter bits of a hash prefix. */
function filterBits(low: number): number {
  const first = (1 << (low & 31)) | (1 << ((low >>> 5) & 31));
  return first | (1 << ((low >>> 10) & 31)) | (1 << ((low >>> 15) & 31));
}

function filterWord(filter: Uint32Array, high: number): number {
  return Math.floor((high / 2 ** 32) * filter.length);
}

/** A Bloom filter of one word per lookup; about 1 % of absent hashes pass (measured in tests). */
export function buildFilter(entries: IndexEntries): Uint32Array {
  const words = Math.ceil((entries.highs.length * filterBitsPerEntry) / 32);
  const filter = new Uint32Array(Math.max(1, words));
  for (let i = 0; i < entries.highs.length; i++) {
    const word = filterWord(filter, entries.highs[i] as number);
    filter[word] = (filter[word] as number) | filterBits(entries.lows[i] as number);
  }
  return filter;
}

/** Whether an entry with that prefix may be there; `false` is certain. */
export function mayHold(filter: Uint32Array, high: number, low: number): boolean {
  const bits = filterBits(low);
  return ((filter[filterWord(filter, high)] as number) & bits) === bits;
}

/** Positions of the entries in the order of their first words. */
function orderByHigh(highs: ArrayLike<number>): Uint32Array {
  const count = highs.length;
  if (count > 2 ** 21) {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    return order.sort((a, b) => (highs[a] as number) - (highs[b] as number));
  }
  // 32 bits of prefix and 21 of position in one double: sorted natively, without a comparator.
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (highs[i] as number) * 2 ** 21 + i;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = (keys[i] as number) % 2 ** 21;
  return order;
}

/** The elements of `values` in the order of their positions. */
function inOrder(order: Uint32Array, values: ArrayLike<number>): Uint32Array {
  const ordered = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) ordered[i] = values[order[i] as number] as number;
  return ordered;
}

/** Sorts entries by prefix, then offset. */
export function sortEntries(
  highs: ArrayLike<number>,
  lows: ArrayLike<number>,
  offsets: ArrayLike<number>,
): IndexEntries {
  const order = orderByHigh(highs);
  const precedes = (a: number, b: number): boolean =>
    highs[a] === highs[b] &&
    ((lows[a] as number) < (lows[b] as number) ||
      (lows[a] === lows[b] && (offsets[a] as number) < (offsets[b] as number)));
  for (let i = 1; i < order.length; i++) {
    for (let j = i; j > 0 && precedes(order[j] as number, order[j - 1] as number); j--) {
      [order[j - 1], order[j]] = [order[j] as number, order[j - 1] as number];
    }
  }
  return {
    highs: inOrder(order, highs),
    lows: inOrder(order, lows),
    offsets: inOrder(order, offsets),
  };
}

/** Position of the first entry that is not before the prefix. */
export function lowerBound(entries: IndexEntries, high: number, low: number): number {
  let from = 0;
  let to = entries.highs.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const first = entries.highs[middle] as number;
    if (first < high || (first === high && (entries.lows[middle] as number) < low)) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

/** Appends to `offsets` where entries with that prefix lie. */
export function collectCandidates(
  entries: IndexEntries,
  high: number,
  low: number,
  offsets: number[],
): void {
  for (let i = lowerBound(entries, high, low); i < entries.highs.length; i++) {
    if (entries.highs[i] !== high || entries.lows[i] !== low) return;
    offsets.push(entries.offsets[i] as number);
  }
}

/** The file of an index. */
export function encodeIndex(pack: number, head: IndexHead, entries: IndexEntries): Uint8Array {
  const filterEnd = headBytes + 4 * head.filter.length;
  const bytes = new Uint8Array(filterEnd + 12 * head.count);
  writeWords(bytes, headBytes, head.filter);
  writeWords(bytes, filterEnd, entries.highs);
  writeWords(bytes, filterEnd + 4 * head.count, entries.lows);
  writeWords(bytes, filterEnd + 8 * head.count, entries.offsets);
  writeU32(bytes, 0, magic);
  writeU16(bytes, 4, formatVersion);
  writeU16(bytes, 6, head.sealed ? sealedFlag : 0);
  writeU32(bytes, 8, pack);
  writeU32(bytes, 12, head.covered);
  writeU32(bytes, 16, head.count);
  writeU32(bytes, 20, head.filter.length);
  writeU32(bytes, 24, head.lastOffset);
  writeU32(bytes, 28, head.lastCrc);
  writeU32(bytes, 32, crc32(bytes.subarray(headBytes, filterEnd)));
  writeU32(bytes, 36, crc32(bytes.subarray(filterEnd)));
  writeU32(bytes, 40, crc32(bytes.subarray(0, 40)));
  return bytes;
}

/** Head and filter of an index file, or `undefined` when it is not whole or of another version. */
export function readIndexHead(file: DiskFile, pack: number): IndexHead | undefined {
  const bytes = new Uint8Array(headBytes);
  if (file.read(bytes, 0) < headBytes || readU32(bytes, 0) !== magic) return undefined;
  if (readU32(bytes, 40) !== crc32(bytes.subarray(0, 40))) return undefined;
  if (readU16(bytes, 4) !== formatVersion || readU32(bytes, 8) !== pack) return undefined;
  const count = readU32(bytes, 16);
  const words = readU32(bytes, 20);
  if (file.size() !== headBytes + 4 * words + 12 * count || words === 0) return undefined;
  const filter = new Uint8Array(4 * words);
  if (file.read(filter, headBytes) < filter.length) return undefined;
  if (crc32(filter) !== readU32(bytes, 32)) return undefined;
  return {
    covered: readU32(bytes, 12),
    sealed: (readU16(bytes, 6) & sealedFlag) !== 0,
    lastOffset: readU32(bytes, 24),
    lastCrc: readU32(bytes, 28),
    count,
    filter: readWords(filter, 0, words),
  };
}

/** The entries of an index file whose head was read, or `undefined` when they are damaged. */
export function readIndexEntries(file: DiskFile, head: IndexHead): IndexEntries | undefined {
  const crc = new Uint8Array(4);
  const bytes = new Uint8Array(12 * head.count);
  if (file.read(crc, 36) < 4) return undefined;
  if (file.read(bytes, headBytes + 4 * head.filter.length) < bytes.length) return undefined;
  if (crc32(bytes) !== readU32(crc, 0)) return undefined;
  return {
    highs: readWords(bytes, 0, head.count),
    lows: readWords(bytes, 4 * head.count, head.count),
    offsets: readWords(bytes, 8 * head.count, head.count),
  };
}

/** Whether this machine has numbers in its memory as they are in files. */
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function writeWords(bytes: Uint8Array, at: number, words: Uint32Array): void {
  if (littleEndian) {
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at);
    return;
  }
  for (let i = 0; i < words.length; i++) writeU32(bytes, at + 4 * i, words[i] as number);
}

function readWords(bytes: Uint8Array, at: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i++) words[i] = readU32(bytes, at + 4 * i);
  return words;
}
