/**
 * The journal as another process holds it for a while: everything that was acknowledged before it
 * was read and is not in its place yet. Its segments stay open, so that they can be read also after
 * their writer has removed them. Nothing is locked, and the writer does not wait.
 *
 * What was acknowledged is in a segment until it is durable in its place. So whoever reads the
 * journal first, and the places behind it, finds everything in one or the other.
 */
import { codeOf, ReachError, type SessionId, sessionIdOf } from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";
import {
  decodeFrame,
  decodeSegmentHeader,
  entryKinds,
  isGroup,
  type JournalEntry,
  parseSegmentName,
  type SegmentHeader,
  segmentStart,
} from "./journal-frame.ts";
import { journalFolder, packOfIdBytes } from "./paths.ts";
import { isCutOff, nextGroup } from "./recovery.ts";
import { readSegment } from "./segment.ts";

/** A frame that is being written looks damaged for a moment. */
const looksMax = 4;
const pauseMs = 30;

/** An entry whose bytes are read when they are wanted. */
export interface HeldEntry extends Omit<JournalEntry, "bytes"> {
  /** Number of bytes. */
  readonly length: number;
  read(): Uint8Array;
}

interface OpenSegment {
  readonly path: string;
  readonly epoch: number;
  readonly number: number;
  readonly file: DiskFile;
}

/** The entries of a journal, by what they are written to. */
export class HeldJournal {
  readonly #files: readonly DiskFile[];
  readonly #sessions = new Map<SessionId, HeldEntry[]>();
  readonly #packs = new Map<number, HeldEntry[]>();

  private constructor(files: readonly DiskFile[]) {
    this.#files = files;
  }

  /**
   * Reads the journal of the data directory `root`. Whatever was acknowledged before this is called
   * and is not among its entries is in its place. Throws `CORRUPT` when a place of it that was
   * acknowledged cannot be read. `pause` waits some milliseconds, `turn` lets others have theirs.
   */
  static async read(
    disk: Disk,
    root: string,
    pause: (milliseconds: number) => Promise<void>,
    turn: () => Promise<void> = () => Promise.resolve(),
  ): Promise<HeldJournal> {
    const folder = journalFolder(root);
    const segments = openSegments(disk, folder);
    const held = new HeldJournal(segments.map(({ file }) => file));
    try {
      for (const segment of segments) {
        await turn();
        await held.#take(disk, folder, segment, pause);
      }
      return held;
    } catch (error) {
      held.close();
      throw error;
    }
  }

  /** Sessions that the journal holds something of. */
  get sessions(): Iterable<SessionId> {
    return this.#sessions.keys();
  }

  /** Packs that it holds bytes of. */
  get packs(): Iterable<number> {
    return this.#packs.keys();
  }

  /** What it holds of a session, in the order in which that was acknowledged. */
  ofSession(id: SessionId): readonly HeldEntry[] {
    return this.#sessions.get(id) ?? [];
  }

  /** What it holds of a pack, likewise. */
  ofPack(pack: number): readonly HeldEntry[] {
    return this.#packs.get(pack) ?? [];
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  async #take(
    disk: Disk,
    folder: string,
    segment: OpenSegment,
    pause: (milliseconds: number) => Promise<void>,
  ): Promise<void> {
    for (let look = 1; ; look++) {
      const entries: HeldEntry[] = [];
      const damagedAt = readEntries(disk, folder, segment, entries);
      if (damagedAt === undefined) {
        for (const entry of entries) this.#add(entry);
        return;
      }
      if (look === looksMax) throw damaged(segment, damagedAt);
      await pause(pauseMs);
    }
  }

  #add(entry: HeldEntry): void {
    if (entry.kind === entryKinds.pack) put(this.#packs, packOfIdBytes(entry.id), entry);
    else put(this.#sessions, sessionIdOf(entry.id), entry);
  }
}

function put<Key>(map: Map<Key, HeldEntry[]>, key: Key, entry: HeldEntry): void {
  const entries = map.get(key);
  if (entries) entries.push(entry);
  else map.set(key, [entry]);
}

/** Opens all segments, oldest first; one that goes meanwhile has everything in its place. */
function openSegments(disk: Disk, folder: string): OpenSegment[] {
  const segments: OpenSegment[] = [];
  for (const name of disk.list(folder)) {
    const parsed = parseSegmentName(name);
    if (!parsed) continue;
    const path = `${folder}/${name}`;
    try {
      segments.push({ path, ...parsed, file: disk.open(path, "read") });
    } catch (error) {
      if (codeOf(error) === "NOT_FOUND") continue;
      for (const { file } of segments) file.close();
      throw error;
    }
  }
  return segments.sort((a, b) => a.epoch - b.epoch || a.number - b.number);
}

/**
 * Adds the entries of a segment, as far as they count; returns the offset of a place that cannot be
 * read and has to have been, if there is one.
 */
function readEntries(
  disk: Disk,
  folder: string,
  { epoch, number, file }: OpenSegment,
  entries: HeldEntry[],
): number | undefined {
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0);
  const header = decodeSegmentHeader(bytes);
  if (!header) return 0;
  // The seals are looked for behind the frames: one that came in between says which ones count.
  const seal = sealOf(headersIn(disk, folder), epoch, number);
  if (seal === "stray") return undefined;
  const end = seal ?? bytes.length;
  let at = segmentStart;
  for (let group = header.lastGroup; at < end; group += 1) {
    const found = decodeFrame(bytes, at, header.salt);
    if (!isGroup(found) || found.number !== group + 1) {
      const lost = seal !== undefined || nextGroup(bytes, at + 8, end, header.salt, group);
      if (lost) return at;
      break;
    }
    for (const { bytes: content, ...entry } of found.entries) {
      const place = content.byteOffset - bytes.byteOffset;
      const { length } = content;
      entries.push({ ...entry, length, read: () => readAt(file, place, length) });
    }
    at = found.end;
  }
  return seal === undefined && isCutOff(bytes, at, header.salt) ? at : undefined;
}

function readAt(file: DiskFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  file.read(bytes, offset);
  return bytes;
}

function headersIn(disk: Disk, folder: string): SegmentHeader[] {
  const headers: SegmentHeader[] = [];
  for (const name of disk.list(folder)) {
    if (!parseSegmentName(name)) continue;
    try {
      const { header } = readSegment(disk, `${folder}/${name}`, segmentStart);
      if (header) headers.push(header);
    } catch (error) {
      if (codeOf(error) !== "NOT_FOUND") throw error;
    }
  }
  return headers;
}

/**
 * Where a segment ends for good, as the one behind it says; `stray` for one that a writer made
 * after another had taken over, which nobody knows.
 */
function sealOf(
  headers: readonly SegmentHeader[],
  epoch: number,
  number: number,
): number | "stray" | undefined {
  for (const { predecessor, epoch: later } of headers) {
    if (predecessor?.epoch !== epoch) continue;
    if (predecessor.number === number) return predecessor.end;
    if (later > epoch && predecessor.number < number) return "stray";
  }
  return undefined;
}

function damaged({ path }: OpenSegment, offset: number): ReachError {
  return new ReachError("CORRUPT", `the journal cannot be read at byte ${offset} of ${path}`, {
    where: path,
    hint: "start the writer again, or run `reach doctor --recover`: that says what was hit",
  });
}
