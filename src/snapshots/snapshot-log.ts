/**
 * The snapshots of a session under one program: `snapshots/<program>.log`. Records of fixed size,
 * each signed, none made durable; one that is damaged or that a power loss has torn is passed over,
 * since a snapshot is a cache that replay can rebuild.
 *
 *   0  u32 magic "RSNP"   u32 CRC-32 of program, position and the rest
 *   8  u64 events folded  u64 bytes of the encoded state
 *  24  root of the tree over those events, 32 bytes
 *  56  SHA-256 of the encoded state, 32 bytes: also its name in the blob store
 *  88  Ed25519 signature over `snapshotText`, 64 bytes; zeros to 160
 */
import {
  concat,
  crc32,
  limits,
  readU32,
  readU64,
  toHex,
  utf8,
  writeU32,
  writeU64,
} from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";
import { positionCrc } from "../event/index.ts";

const magic = 0x504e5352;
const recordBytes = 160;
const signedEnd = 88;
const signatureBytes = 64;

/** The state of a program after a number of events, by its hash. */
export interface Snapshot {
  /** Events folded into it. */
  readonly size: number;
  /** Root of the session's tree at that size. */
  readonly root: Uint8Array;
  /** SHA-256 of the encoded state, and its name in the blob store. */
  readonly stateHash: Uint8Array;
  readonly stateBytes: number;
}

/** A snapshot as it was recorded, with the signature of whoever recorded it. */
export interface SnapshotRecord extends Snapshot {
  readonly signature: Uint8Array;
}

/**
 * The text that is signed: everything that a snapshot claims, and for which session and program.
 */
export function snapshotText(origin: string, program: Uint8Array, snapshot: Snapshot): Uint8Array {
  const { size, root, stateHash, stateBytes } = snapshot;
  const lines = ["reach/snapshot/v1", origin, toHex(program), size, toHex(root)];
  return utf8(`${[...lines, toHex(stateHash), stateBytes].join("\n")}\n`);
}

function encodeRecord(record: SnapshotRecord, program: Uint8Array, offset: number): Uint8Array {
  const bytes = new Uint8Array(recordBytes);
  writeU32(bytes, 0, magic);
  writeU64(bytes, 8, record.size);
  writeU64(bytes, 16, record.stateBytes);
  bytes.set(concat(record.root, record.stateHash, record.signature), 24);
  writeU32(bytes, 4, crc32(bytes.subarray(8), positionCrc(program, offset)));
  return bytes;
}

function decodeRecord(
  bytes: Uint8Array,
  at: number,
  program: Uint8Array,
): SnapshotRecord | undefined {
  const record = bytes.subarray(at, at + recordBytes);
  if (record.length < recordBytes || readU32(record, 0) !== magic) return undefined;
  if (crc32(record.subarray(8), positionCrc(program, at)) !== readU32(record, 4)) return undefined;
  const size = readU64(record, 8);
  const stateBytes = readU64(record, 16);
  if (!Number.isSafeInteger(size) || !(stateBytes <= limits.stateBytesMax)) return undefined;
  return {
    size,
    stateBytes,
    root: record.slice(24, 56),
    stateHash: record.slice(56, signedEnd),
    signature: record.slice(signedEnd, signedEnd + signatureBytes),
  };
}

/**
 * Whether a part of a record was never written: the end of it, or words of its CRC, its hashes or
 * its signature that are zero. A power loss leaves that; a byte that was changed does not.
 */
function isTorn(record: Uint8Array): boolean {
  if (record.length < recordBytes) return true;
  for (let at = 0; at < signedEnd + signatureBytes; at += 8) {
    const isNumber = at === 8 || at === 16;
    if (!isNumber && readU32(record, at) === 0 && readU32(record, at + 4) === 0) return true;
  }
  return false;
}

/** Records of a snapshot file of any program that a power loss has torn. */
export function tornRecords(bytes: Uint8Array): number {
  let torn = 0;
  for (let at = 0; at < bytes.length; at += recordBytes) {
    if (isTorn(bytes.subarray(at, at + recordBytes))) torn += 1;
  }
  return torn;
}

/**
 * A snapshot file without what is no record, or is about more than `size` events: that looks torn,
 * since the others stay in their places. A record that is cut off goes.
 */
export function soundSnapshots(bytes: Uint8Array, program: Uint8Array, size: number): Uint8Array {
  const kept = bytes.slice(0, bytes.length - (bytes.length % recordBytes));
  for (let at = 0; at < kept.length; at += recordBytes) {
    const record = decodeRecord(kept, at, program);
    if (!record || record.size > size) kept.fill(0, at, at + recordBytes);
  }
  return kept;
}

/** File of the snapshots of `program` (its hash) in a session's folder. */
export function snapshotPath(sessionFolder: string, program: Uint8Array): string {
  return `${sessionFolder}/snapshots/${toHex(program)}.log`;
}

/** What a snapshot file holds, by size; torn records are left out, damaged ones counted as well. */
export function readSnapshots(
  disk: Disk,
  path: string,
  program: Uint8Array,
): { records: SnapshotRecord[]; damaged: number } {
  if (!disk.exists(path)) return { records: [], damaged: 0 };
  const file = disk.open(path, "read");
  const bytes = new Uint8Array(file.size());
  try {
    file.read(bytes, 0);
  } finally {
    file.close();
  }
  const bySize = new Map<number, SnapshotRecord>();
  let damaged = 0;
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const record = decodeRecord(bytes, at, program);
    if (record) bySize.set(record.size, record);
    else if (!isTorn(bytes.subarray(at, at + recordBytes))) damaged += 1;
  }
  return { records: [...bySize.values()].sort((a, b) => a.size - b.size), damaged };
}

/**
 * Appends records behind what the file holds, over what a power loss has torn at its end; a later
 * record of a size replaces an earlier one.
 * Not durable: what a power loss takes is computed again.
 */
export function appendSnapshots(
  disk: Disk,
  path: string,
  program: Uint8Array,
  records: readonly SnapshotRecord[],
): void {
  disk.createFolder(path.slice(0, path.lastIndexOf("/")));
  const file = disk.open(path, disk.exists(path) ? "write" : "create");
  try {
    let at = placeOfNext(file);
    for (const record of records) {
      file.write(encodeRecord(record, program, at), at);
      at += recordBytes;
    }
  } finally {
    file.close();
  }
}

function placeOfNext(file: DiskFile): number {
  const last = new Uint8Array(recordBytes);
  let at = Math.ceil(file.size() / recordBytes) * recordBytes;
  for (; at > 0; at -= recordBytes) {
    const read = file.read(last, at - recordBytes);
    if (!isTorn(last.subarray(0, read))) break;
  }
  return at;
}
