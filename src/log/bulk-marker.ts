/**
 * How far a bulk import has been acknowledged. It goes past the journal, straight into the event
 * log and a pack of its own; `bulk/<session>` says up to where both are durable. Readers stop
 * there, recovery cuts there. Two slots, one made durable after the other before anything is
 * acknowledged: neither a torn write nor one damaged sector can take an acknowledged watermark
 * back.
 *
 *   slot at 0 and 512:  u32 magic "RBLK"   u32 CRC-32 of session, position and the rest
 *                       u64 generation     u64 end of the event log   u64 events
 *                       u64 pack           u64 bytes of the pack
 */
import {
  assert,
  codeOf,
  crc32,
  isSessionId,
  readU32,
  readU64,
  type SessionId,
  sessionIdBytes,
  writeU32,
  writeU64,
} from "../base/index.ts";
import {
  type Disk,
  type DiskFile,
  dropTemporary,
  type LockCheck,
  readFile,
  temporarySuffix,
} from "../disk/index.ts";
import { positionCrc } from "../event/index.ts";

const magic = 0x4b4c4252;
const slotBytes = 512;
const usedBytes = 48;

/** What is durable of a bulk import. */
export interface BulkWatermark {
  /** Offset behind the last acknowledged batch of the event log, and the events up to there. */
  readonly end: number;
  readonly size: number;
  /** The pack that the import writes to, and its acknowledged bytes; 0 and 0 before the first. */
  readonly pack: number;
  readonly packSize: number;
}

/** The folder of the markers. */
export function bulkFolder(root: string): string {
  return `${root}/bulk`;
}

/** The marker of a session. */
export function bulkMarkerPath(root: string, id: SessionId): string {
  return `${bulkFolder(root)}/${id}`;
}

/** Sessions with a bulk import under way, or interrupted. */
export function sessionsInBulk(disk: Disk, root: string): SessionId[] {
  return disk.list(bulkFolder(root)).filter(isSessionId);
}

function encodeSlot(
  watermark: BulkWatermark,
  generation: number,
  identity: Uint8Array,
  offset: number,
): Uint8Array {
  const bytes = new Uint8Array(slotBytes);
  writeU32(bytes, 0, magic);
  writeU64(bytes, 8, generation);
  writeU64(bytes, 16, watermark.end);
  writeU64(bytes, 24, watermark.size);
  writeU64(bytes, 32, watermark.pack);
  writeU64(bytes, 40, watermark.packSize);
  writeU32(bytes, 4, crc32(bytes.subarray(8, usedBytes), positionCrc(identity, offset)));
  return bytes;
}

/**
 * The newest whole watermark of a session, or `undefined` when no bulk import is under way.
 * `damaged` when neither slot is whole: the first watermark was being written, before the import
 * wrote anything else.
 */
export function readBulkMarker(
  disk: Disk,
  root: string,
  id: SessionId,
): BulkWatermark | "damaged" | undefined {
  const bytes = markerBytes(disk, bulkMarkerPath(root, id));
  if (!bytes) return undefined;
  const identity = sessionIdBytes(id);
  let newest: BulkWatermark | undefined;
  let generation = -1;
  for (const at of [0, slotBytes]) {
    if (at + usedBytes > bytes.length || readU32(bytes, at) !== magic) continue;
    const crc = crc32(bytes.subarray(at + 8, at + usedBytes), positionCrc(identity, at));
    if (crc !== readU32(bytes, at + 4) || readU64(bytes, at + 8) <= generation) continue;
    const watermark = {
      end: readU64(bytes, at + 16),
      size: readU64(bytes, at + 24),
      pack: readU64(bytes, at + 32),
      packSize: readU64(bytes, at + 40),
    };
    const slot = { generation: readU64(bytes, at + 8), ...watermark };
    if (!Object.values(slot).every(Number.isSafeInteger)) continue;
    generation = slot.generation;
    newest = watermark;
  }
  return newest ?? "damaged";
}

/** The bytes of a marker; the import may end between any two looks at it. */
function markerBytes(disk: Disk, path: string): Uint8Array | undefined {
  if (!disk.exists(path)) return undefined;
  try {
    return readFile(disk, path);
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** How far an import that has not ended is acknowledged, if it has begun to write. */
export function readWatermark(disk: Disk, root: string, id: SessionId): BulkWatermark | undefined {
  const marker = readBulkMarker(disk, root, id);
  return marker === "damaged" ? undefined : marker;
}

/** Whether an import into a session is under way of which nothing is acknowledged yet. */
export function isBeginning(disk: Disk, root: string, id: SessionId): boolean {
  const marker = readBulkMarker(disk, root, id);
  return marker === "damaged" || marker?.size === 0;
}

/** The marker of an import under way. */
export class BulkMarker {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #id: SessionId;
  readonly #identity: Uint8Array;
  readonly #file: DiskFile;
  #generation = 0;

  private constructor(disk: Disk, root: string, id: SessionId, file: DiskFile) {
    this.#disk = disk;
    this.#root = root;
    this.#id = id;
    this.#identity = sessionIdBytes(id);
    this.#file = file;
  }

  /**
   * Creates the marker, durable before this resolves; the folder `bulk` exists and nobody else
   * imports into the session. `checkLock` throws when another writer has taken over: a marker that
   * came after that one's recovery would cut what it appends. It is asked when the file is whole
   * under another name, which recovery removes before it looks for markers. So either recovery sees
   * the marker, or the renaming fails, or the lock is known to be lost.
   */
  static async create(
    disk: Disk,
    root: string,
    id: SessionId,
    watermark: BulkWatermark,
    checkLock: LockCheck = () => {},
  ): Promise<BulkMarker> {
    const path = bulkMarkerPath(root, id);
    const temporary = path + temporarySuffix;
    checkLock();
    disk.remove(temporary);
    const file = disk.open(temporary, "create");
    const marker = new BulkMarker(disk, root, id, file);
    try {
      file.write(new Uint8Array(2 * slotBytes), 0);
      await marker.advance(watermark);
      checkLock();
      disk.rename(temporary, path);
    } catch (error) {
      file.close();
      dropTemporary(disk, temporary, checkLock);
      throw error;
    }
    try {
      await disk.syncFolder(bulkFolder(root));
    } catch (error) {
      // It stays to be seen: without a sync, a removal might not last.
      file.close();
      throw error;
    }
    return marker;
  }

  /** Acknowledges everything up to `watermark`, which is durable; durable when it resolves. */
  async advance(watermark: BulkWatermark): Promise<void> {
    assert(watermark.end > 0, "a watermark is behind the header of the log");
    this.#generation += 1;
    for (const at of [0, slotBytes]) {
      this.#file.write(encodeSlot(watermark, this.#generation, this.#identity, at), at);
      await this.#file.sync();
    }
  }

  /** Ends the import: everything is acknowledged, the marker goes. */
  async remove(): Promise<void> {
    this.#file.close();
    this.#disk.remove(bulkMarkerPath(this.#root, this.#id));
    await this.#disk.syncFolder(bulkFolder(this.#root));
  }

  /** Closes the file and leaves the marker, as a crash would. */
  abandon(): void {
    this.#file.close();
  }
}
