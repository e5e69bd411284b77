/**
 * Recovery of the journal when a writer opens a data directory: which groups are whole, which one
 * was torn, what is damaged. What is whole is written to its place with the function that the
 * commit uses, so doing it again after another crash changes nothing.
 *
 * A frame is written only after the one before it is durable. So only the last group can be torn;
 * an invalid frame before a seal, or with a valid one behind it, is damage. The last valid frame
 * may not be durable yet: it is copied into a new segment before anything is shown.
 */
import {
  codeOf,
  crc32,
  type Entropy,
  messageOf,
  ReachError,
  readU32,
  type SessionId,
  toHex,
} from "../base/index.ts";
import { type Disk, replaceFile, temporarySuffix } from "../disk/index.ts";
import type { JournalStart, LiveSegment } from "./journal.ts";
import {
  type DirectoryEntry,
  decodeDirectory,
  decodeFrame,
  encodeDirectory,
  encodeFrame,
  entryKinds,
  frameMagic,
  type Group,
  isGroup,
  type JournalEntry,
  type NoGroup,
  parseSegmentName,
  type SegmentHeader,
  segmentStart,
} from "./journal-frame.ts";
import { type JournalSizes, journalSizes } from "./journal-sizes.ts";
import { sessionOfIdBytes } from "./paths.ts";
import { reserveNames } from "./reserve.ts";
import { readSegment, roomBehindBytes, Segment } from "./segment.ts";
import type { JournalTargets } from "./targets.ts";

/** A place of the journal that cannot be read and was acknowledged. */
export interface JournalDamage {
  readonly path: string;
  readonly offset: number;
  /** What the damaged groups held, or `undefined` where even that is unreadable. */
  readonly entries: readonly DirectoryEntry[] | undefined;
}

/** The last group of a writer that crashed in the middle of it: never acknowledged, cut. */
export interface TornTail {
  readonly path: string;
  readonly offset: number;
  /** Where the cut bytes are kept. */
  readonly savedAs: string;
  readonly entries: readonly DirectoryEntry[] | undefined;
}

/** What recovery found and did. */
export interface Recovery {
  readonly start: JournalStart;
  /** Sessions that the journal held something of. */
  readonly sessions: ReadonlySet<SessionId>;
  readonly damage: readonly JournalDamage[];
  readonly torn: TornTail | undefined;
  readonly groups: number;
}

/** What recovery works with; the lock is held, no other writer is alive. */
export interface RecoveryOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly epoch: number;
  readonly entropy: Entropy;
  readonly targets: JournalTargets;
  readonly sizes?: Partial<JournalSizes>;
}

interface FoundSegment {
  readonly path: string;
  readonly epoch: number;
  readonly number: number;
}

interface Progress {
  readonly files: Map<string, Set<string>>;
  /** Offsets of the valid groups of each segment, and where each ends. */
  readonly offsets: Map<string, number[]>;
  readonly ends: Map<string, number>;
  readonly sessions: Set<SessionId>;
  readonly damage: JournalDamage[];
  torn: Omit<TornTail, "savedAs"> | undefined;
  lastGroup: number;
  lastEnd: number;
  last: Group | undefined;
  groups: number;
}

/** Recovers the journal in `folder`; see the header of this file. */
export async function recoverJournal(options: RecoveryOptions): Promise<Recovery> {
  const { disk, folder } = options;
  for (const name of disk.list(folder)) {
    if (name.endsWith(temporarySuffix)) disk.remove(`${folder}/${name}`);
  }
  const segments = await chain(disk, folder);
  const progress: Progress = {
    files: new Map(),
    offsets: new Map(),
    ends: new Map(),
    sessions: new Set(),
    damage: [],
    torn: undefined,
    lastGroup: 0,
    lastEnd: segmentStart,
    last: undefined,
    groups: 0,
  };
  const newest = segments.at(-1);
  if (!newest) return finished(progress, emptyJournal);
  for (const [i, segment] of segments.entries()) {
    scanSegment(options, segment, segments[i + 1], progress);
  }
  const torn = await saveTorn(disk, progress);
  const { segment, directory } = await startSegment(options, newest, progress);
  for (const found of segments) placeGroups(options, found, progress);
  const older: LiveSegment[] = segments.map(({ path }) => {
    const damaged = progress.damage.some((damage) => damage.path === path);
    const end = progress.ends.get(path) ?? segmentStart;
    return { path, end, files: progress.files.get(path) ?? new Set(), damaged };
  });
  for (const path of progress.files.get(newest.path) ?? []) segment.touched.add(path);
  const { lastGroup, header } = segment;
  const start = { segment, older, lastGroup, lastNumber: header.number, directory };
  return { ...finished(progress, start), torn };
}

const emptyJournal: JournalStart = {
  segment: undefined,
  older: [],
  lastGroup: 0,
  lastNumber: 0,
  directory: new Uint8Array(0),
};

function finished(progress: Progress, start: JournalStart): Recovery {
  const { sessions, damage, groups } = progress;
  return { start, sessions, damage, torn: undefined, groups };
}

/**
 * The segments of the journal, oldest first; those of a fenced writer that nobody knows go away.
 */
async function chain(disk: Disk, folder: string): Promise<FoundSegment[]> {
  const found: FoundSegment[] = [];
  for (const name of disk.list(folder)) {
    const parsed = parseSegmentName(name);
    if (parsed) found.push({ path: `${folder}/${name}`, ...parsed });
  }
  found.sort((a, b) => a.epoch - b.epoch || a.number - b.number);
  const kept: FoundSegment[] = [];
  let stray = false;
  for (const [i, segment] of found.entries()) {
    const next = found.slice(i + 1).find((later) => later.epoch > segment.epoch);
    const seal = next && headerOf(disk, next.path)?.predecessor;
    const behindSeal = seal && seal.epoch === segment.epoch && segment.number > seal.number;
    if (behindSeal) {
      disk.remove(segment.path);
      stray = true;
    } else kept.push(segment);
  }
  if (stray) await disk.syncFolder(folder);
  return kept;
}

function headerOf(disk: Disk, path: string): SegmentHeader | undefined {
  return readSegment(disk, path, segmentStart).header;
}

/** Reads one segment: notes where groups end, what is torn and what is damaged. */
function scanSegment(
  { disk, targets }: RecoveryOptions,
  segment: FoundSegment,
  next: FoundSegment | undefined,
  progress: Progress,
): void {
  const { bytes, header } = readSegment(disk, segment.path);
  progress.files.set(segment.path, new Set());
  progress.offsets.set(segment.path, []);
  progress.lastEnd = segmentStart;
  if (!header) {
    progress.damage.push({ path: segment.path, offset: 0, entries: undefined });
    return;
  }
  const successor = successorOf(disk, segment, next);
  const seal = successor?.header.predecessor;
  if (header.lastGroup > progress.lastGroup) {
    if (progress.groups > 0) missingGroups(segment.path, progress);
    progress.lastGroup = header.lastGroup;
  }
  const end = seal?.end ?? bytes.length;
  let at = segmentStart;
  while (at < end) {
    const place = decodeFrame(bytes, at, header.salt);
    if (isGroup(place) && place.number === progress.lastGroup + 1) {
      note(place, segment.path, targets, progress);
      at = place.end;
      continue;
    }
    const following = nextGroup(bytes, at + 8, end, header.salt, progress.lastGroup);
    if (!following && !seal) {
      if (!isZero(bytes, at)) {
        const entries = isGroup(place) ? undefined : place.directory;
        progress.torn = { path: segment.path, offset: at, entries };
      }
      break;
    }
    const behind = following ?? (successor as Successor);
    damaged(segment.path, at, place, behind, progress);
    progress.lastGroup = behind.number - 1;
    if (!following) break;
    at = following.offset;
  }
  progress.lastEnd = Math.min(at, end);
  progress.ends.set(segment.path, progress.lastEnd);
  if (seal || !isCutOff(bytes, at, header.salt)) return;
  // How many groups have been lost with the end of the file cannot be told.
  progress.damage.push({ path: segment.path, offset: at, entries: undefined });
}

/**
 * Whether the end of an unsealed segment is missing: room for a frame, and zeros behind it, were
 * durable before the frame was written, so a crash never leaves a file that ends in it.
 */
export function isCutOff(bytes: Uint8Array, at: number, salt: Uint8Array): boolean {
  if (at + roomBehindBytes > bytes.length) return true;
  const place = decodeFrame(bytes, at, salt);
  return (place.end ?? 0) > bytes.length;
}

/** The segment that seals another one: what is known of the groups before its own. */
interface Successor {
  readonly header: SegmentHeader;
  /** Number of its first group. */
  readonly number: number;
  /** Directory of the group before, where its first frame repeats it. */
  readonly previousDirectory: Uint8Array | undefined;
}

/** The segment after `segment`, if that names it as its predecessor. */
function successorOf(
  disk: Disk,
  segment: FoundSegment,
  next: FoundSegment | undefined,
): Successor | undefined {
  const header = next && headerOf(disk, next.path);
  const seal = header?.predecessor;
  if (!next || !header || !seal) return undefined;
  if (seal.epoch !== segment.epoch || seal.number !== segment.number) return undefined;
  const number = header.lastGroup + 1;
  const first = decodeFrame(readSegment(disk, next.path).bytes, segmentStart, header.salt);
  const repeats = isGroup(first) && first.number === number;
  return { header, number, previousDirectory: repeats ? first.previousDirectory : undefined };
}

function note(group: Group, path: string, targets: JournalTargets, progress: Progress): void {
  progress.lastGroup = group.number;
  progress.last = group;
  progress.groups += 1;
  progress.offsets.get(path)?.push(group.offset);
  for (const entry of group.entries) {
    progress.files.get(path)?.add(targets.pathOf(entry));
    if (entry.kind !== entryKinds.pack) progress.sessions.add(sessionOfIdBytes(entry.id));
  }
}

/**
 * Notes damage at `at`, with what the damaged group held where its directory still tells, or the
 * copy of it in the frame behind, which may be the first one of the next segment.
 */
function damaged(
  path: string,
  at: number,
  place: Group | NoGroup,
  behind: Pick<Successor, "number" | "previousDirectory">,
  progress: Progress,
): void {
  const expected = progress.lastGroup + 1;
  let entries: DirectoryEntry[] | undefined;
  if (behind.number === expected + 1) {
    if (!isGroup(place) && place.number === expected) entries = place.directory;
    if (!entries && behind.previousDirectory) entries = decodeDirectory(behind.previousDirectory);
  }
  progress.damage.push({ path, offset: at, entries });
}

function missingGroups(path: string, progress: Progress): void {
  progress.damage.push({ path, offset: 0, entries: undefined });
}

/** The first valid group behind `from` that comes later than `group`. */
export function nextGroup(
  bytes: Uint8Array,
  from: number,
  end: number,
  salt: Uint8Array,
  group: number,
): Group | undefined {
  for (let at = from; at + 4 <= end; at += 8) {
    if (readU32(bytes, at) !== frameMagic) continue;
    const place = decodeFrame(bytes, at, salt);
    if (isGroup(place) && place.number > group) return place;
  }
  return undefined;
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Keeps the bytes of a torn group aside before they are cut. */
async function saveTorn(disk: Disk, progress: Progress): Promise<TornTail | undefined> {
  const { torn } = progress;
  if (!torn) return undefined;
  const { bytes } = readSegment(disk, torn.path);
  let end = bytes.length;
  while (end > torn.offset && bytes[end - 1] === 0) end -= 1;
  const savedAs = `${torn.path}.torn`;
  try {
    await replaceFile(disk, savedAs, bytes.subarray(torn.offset, end));
  } catch (error) {
    if ((error as ReachError).code !== "DISK_FULL") throw error;
  }
  return { ...torn, savedAs };
}

/**
 * The segment to go on in. The newest segment's last group may not be durable: the seal leaves it
 * out, and it stands in the new segment under the same number instead.
 */
async function startSegment(
  { disk, folder, epoch, entropy, targets, sizes: given }: RecoveryOptions,
  newest: FoundSegment,
  progress: Progress,
): Promise<{ segment: Segment; directory: Uint8Array }> {
  const sizes = journalSizes(given);
  const inNewest = (progress.offsets.get(newest.path) ?? []).length > 0;
  const last = inNewest ? progress.last : undefined;
  const end = last?.offset ?? progress.lastEnd;
  const lastGroup = last ? last.number - 1 : progress.lastGroup;
  const predecessor = { epoch: newest.epoch, number: newest.number, end };
  const header = { epoch, number: newest.number + 1, salt: entropy(16), predecessor, lastGroup };
  const entries = [...(last?.entries ?? []), ...salvage(disk, targets, progress.torn)];
  if (entries.length === 0) {
    const segment = await Segment.create(disk, folder, header, sizes);
    return { segment, directory: new Uint8Array(0) };
  }
  const before = last?.previousDirectory ?? new Uint8Array(0);
  const frame = encodeFrame(lastGroup + 1, entries, before, header.salt, segmentStart);
  const segment = await Segment.create(disk, folder, header, sizes, [frame]);
  segment.lastGroup = lastGroup + 1;
  for (const entry of entries) segment.touched.add(targets.pathOf(entry));
  return { segment, directory: encodeDirectory(entries) };
}

/**
 * What a torn last group held and its files nevertheless have: it had been committed and brought
 * to its place, and only the journal's copy of it is damaged.
 */
function salvage(disk: Disk, targets: JournalTargets, torn: Progress["torn"]): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const entry of torn?.entries ?? []) {
    const bytes = placedBytes(disk, targets, entry);
    if (bytes) entries.push({ ...entry, bytes });
  }
  return entries;
}

/**
 * The bytes that a directory entry names, as its target file has them; `undefined` if it has not.
 */
export function placedBytes(
  disk: Disk,
  targets: JournalTargets,
  entry: DirectoryEntry,
): Uint8Array | undefined {
  const path = targets.pathOf(entry);
  if (!disk.exists(path)) return undefined;
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(entry.length);
    if (file.read(bytes, entry.offset) !== entry.length) return undefined;
    return crc32(bytes) === entry.crc ? bytes : undefined;
  } finally {
    file.close();
  }
}

/** Brings everything that is whole to its place, oldest first. */
function placeGroups(options: RecoveryOptions, segment: FoundSegment, progress: Progress): void {
  const { bytes, header } = readSegment(options.disk, segment.path);
  if (!header) return;
  for (const at of progress.offsets.get(segment.path) ?? []) {
    const place = decodeFrame(bytes, at, header.salt);
    if (isGroup(place)) for (const entry of place.entries) apply(options, entry);
  }
}

/** Writes an entry to its place, on a full disk with the room that is kept for that. */
function apply({ disk, folder, targets }: RecoveryOptions, entry: JournalEntry): void {
  try {
    targets.apply(entry);
  } catch (first) {
    if (codeOf(first) !== "DISK_FULL") throw unplaceable(targets, entry, first);
    for (const name of Object.values(reserveNames)) disk.remove(`${folder}/${name}`);
    try {
      targets.apply(entry);
    } catch (error) {
      throw unplaceable(targets, entry, error);
    }
  }
}

function unplaceable(targets: JournalTargets, entry: JournalEntry, error: unknown): ReachError {
  const name = `${targets.pathOf(entry)} at ${entry.offset}`;
  return new ReachError(
    codeOf(error) ?? "IO_FAILED",
    `recovery cannot write ${name}: ${messageOf(error)}`,
    {
      cause: error,
      where: toHex(entry.id),
      hint: "make room or mend the disk, then open the directory again; nothing has been lost",
    },
  );
}
