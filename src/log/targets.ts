/**
 * The places that journal entries are written to: event logs, manifests, packs. `apply` is the one
 * function that brings bytes to their place, after a commit and again in every recovery; writing
 * the same bytes to the same offset any number of times leaves the same file.
 */
import { codeOf, concat, messageOf, type SessionId } from "../base/index.ts";
import { type Disk, type DiskFile, folderOf, readFile, temporarySuffix } from "../disk/index.ts";
import { parseCheckpoint, parseNote } from "../merkle/index.ts";
import { encodeEventLogHeader, eventLogStart } from "./event-log-header.ts";
import { FileCache } from "./file-cache.ts";
import { entryKinds, type JournalEntry } from "./journal-frame.ts";
import {
  checkpointPath,
  eventLogPath,
  isCheckpointPath,
  manifestPath,
  packOfIdBytes,
  sessionFolder,
  sessionOfIdBytes,
} from "./paths.ts";
import { groupsOf, readSegment } from "./segment.ts";

/** What the journal and recovery need to know of the files behind it. */
export interface JournalTargets {
  /** The data directory; folders up to it are made durable. */
  readonly root: string;
  /** The file that an entry goes to. */
  pathOf(entry: Omit<JournalEntry, "bytes">): string;
  /** Writes an entry to its place, creating file and folders as needed; not durable. */
  apply(entry: JournalEntry): void;
  /**
   * Makes a file durable. One whose fsync fails is rebuilt under a new name from what it holds and
   * from the entries in `segments`, and replaced: a failed fsync is never tried again. Whoever else
   * is at work on the file goes first; `segments` is asked when its turn has come.
   */
  makeDurable(path: string, segments: LiveSegments): Promise<void>;
}

/** A segment of the journal: what stands behind `end` is in no group that counts. */
export interface SegmentExtent {
  readonly path: string;
  readonly end: number;
}

/** The segments that the journal has now, oldest first. */
export type LiveSegments = () => readonly SegmentExtent[];

/** The part of the blob store that the journal writes to. */
export interface PackTargets {
  pathOfPack(pack: number): string;
  /** The first bytes of the file of a pack; they are in no journal entry. */
  headerOfPack(pack: number): Uint8Array;
  apply(write: { pack: number; offset: number; bytes: Uint8Array }): void;
  /** The file of a pack has been replaced by another one. */
  replaced(pack: number): void;
}

/** Targets in a data directory. */
export class DirectoryTargets implements JournalTargets {
  readonly root: string;
  readonly #disk: Disk;
  readonly #packs: PackTargets;
  readonly #files: FileCache;
  /** Folders above sessions that are there, and the session whose folder was made last. */
  readonly #folders = new Set<string>();
  #newest: string | undefined;
  readonly #onTrouble: (trouble: string) => void;
  readonly #checkLock: () => void;
  /** Files whose fsync has failed: to be rebuilt, never to be synced again. */
  readonly #failed = new Set<string>();
  readonly #held = new Set<string>();
  readonly #rebuilds = new Map<string, number>();
  /** The last one that is at work on a file, or waits for its turn. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Files that are being rebuilt, with what was brought to them meanwhile. */
  readonly #rebuilding = new Map<string, JournalEntry[]>();

  constructor(
    disk: Disk,
    root: string,
    packs: PackTargets,
    onTrouble: (trouble: string) => void = () => {},
    checkLock: () => void = () => {},
  ) {
    this.#disk = disk;
    this.root = root;
    this.#packs = packs;
    this.#files = new FileCache(disk);
    this.#onTrouble = onTrouble;
    this.#checkLock = checkLock;
  }

  pathOf(entry: Omit<JournalEntry, "bytes">): string {
    if (entry.kind === entryKinds.pack) return this.#packs.pathOfPack(packOfIdBytes(entry.id));
    const id = sessionOfIdBytes(entry.id);
    if (entry.kind === entryKinds.events) return eventLogPath(this.root, id);
    if (entry.kind === entryKinds.checkpoint) return checkpointPath(this.root, id);
    return manifestPath(this.root, id);
  }

  apply(entry: JournalEntry): void {
    const path = this.pathOf(entry);
    this.#write(entry, path);
    this.#rebuilding.get(path)?.push(entry);
  }

  #write(entry: JournalEntry, path: string): void {
    if (entry.kind === entryKinds.pack) {
      const pack = packOfIdBytes(entry.id);
      this.#packs.apply({ pack, offset: entry.offset, bytes: entry.bytes });
      return;
    }
    if (entry.kind === entryKinds.checkpoint) {
      this.#replaceCheckpoint(path, entry.bytes);
      return;
    }
    writeEntry(this.#sessionFile(path), entry);
  }

  #sessionFile(path: string): DiskFile {
    const use = (): DiskFile => this.#files.use(path, () => this.#createFolderOf(path));
    try {
      return use();
    } catch (error) {
      // A folder that was there may have been removed.
      this.#folders.clear();
      this.#newest = undefined;
      if (codeOf(error) !== "NOT_FOUND") throw error;
      return use();
    }
  }

  /**
   * A checkpoint is replaced as a whole: readers see the old one or the new one. One that is larger
   * came later, past the journal, and stays.
   */
  #replaceCheckpoint(path: string, bytes: Uint8Array): void {
    if (this.#disk.exists(path)) {
      const there = checkpointSize(readFile(this.#disk, path));
      if (there > checkpointSize(bytes)) return;
    }
    const temporary = path + temporarySuffix;
    this.#disk.remove(temporary);
    const file = this.#disk.open(temporary, "create");
    try {
      file.write(bytes, 0);
    } finally {
      file.close();
    }
    this.#files.forget(path);
    this.#disk.rename(temporary, path);
    // Another file, of which no fsync has failed.
    this.#failed.delete(path);
  }

  /** Asking for a folder that is there costs as much as making one, so that is remembered. */
  #createFolderOf(path: string): void {
    const folder = folderOf(path);
    if (folder === this.#newest) return;
    const above = folderOf(folder);
    if (!this.#folders.has(above)) {
      this.#disk.createFolder(folderOf(above));
      this.#disk.createFolder(above);
      this.#folders.add(above);
    }
    this.#disk.createFolder(folder);
    this.#newest = folder;
  }

  /**
   * Runs `work` when nobody else syncs or replaces the file at `path`; nobody begins to before it
   * has ended. Two that rebuild a file at once would each give its name to what it has of it.
   */
  async alone<T>(path: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(path) ?? Promise.resolve()).then(work);
    const ended = turn.then(
      () => {},
      () => {},
    );
    this.#turns.set(path, ended);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(path) === ended) this.#turns.delete(path);
    }
  }

  /** Whether a file is being made durable, or could not be: what it shows may lack something. */
  unsettled(path: string): boolean {
    return this.#failed.has(path) || this.#turns.has(path);
  }

  /** Whether a file could not be made durable and nobody is at work on it. */
  stuck(path: string): boolean {
    return this.#failed.has(path) && !this.#turns.has(path);
  }

  /** How often a file has been rebuilt: who opened it before goes on to see the old one. */
  rebuilds(path: string): number {
    return this.#rebuilds.get(path) ?? 0;
  }

  makeDurable(path: string, segments: LiveSegments): Promise<void> {
    return this.alone(path, () => this.#makeDurable(path, segments));
  }

  async #makeDurable(path: string, segments: LiveSegments): Promise<void> {
    // What the journal holds of it was durable before the bulk import began, and a failed sync here
    // would take from it what that import is writing.
    if (this.#held.has(path) || !this.#disk.exists(path)) return;
    if (!this.#failed.has(path) && (await this.#sync(path))) return;
    const entries = this.#entriesFor(path, segments());
    if (isCheckpointPath(path)) {
      await this.#rebuildCheckpoint(path, entries);
      return;
    }
    try {
      await this.#rebuild(path, entries);
    } finally {
      this.#rebuilding.delete(path);
    }
    this.#failed.delete(path);
  }

  /** Makes a file durable; false when that fails. */
  async #sync(path: string): Promise<boolean> {
    try {
      await this.#files.use(path, () => {}).sync();
      return true;
    } catch (error) {
      this.#onTrouble(`${path} could not be made durable, rebuilding it: ${messageOf(error)}`);
      this.#failed.add(path);
      return false;
    }
  }

  /**
   * A bulk import is about to open the event log of a session: it is made durable, and from then on
   * neither synced nor replaced, until the import has ended. What the retirement of a segment does
   * with it is over when this resolves: a file that it was rebuilding would take the place of the
   * one that the import writes to.
   */
  async hold(id: SessionId, segments: LiveSegments): Promise<void> {
    const path = eventLogPath(this.root, id);
    await this.alone(path, async () => {
      await this.#makeDurable(path, segments);
      this.forgetSession(id);
      this.#held.add(path);
    });
  }

  /** The bulk import has ended. */
  release(id: SessionId): void {
    this.forgetSession(id);
    this.#held.delete(eventLogPath(this.root, id));
  }

  async #rebuild(path: string, entries: Iterable<JournalEntry>): Promise<void> {
    const meanwhile: JournalEntry[] = [];
    this.#rebuilding.set(path, meanwhile);
    const temporary = path + temporarySuffix;
    this.#checkLock();
    this.#disk.remove(temporary);
    const target = this.#disk.open(temporary, "create");
    const source = this.#disk.open(path, "read");
    let pack: number | undefined;
    try {
      copyAll(source, target);
      for (const entry of entries) {
        if (entry.kind === entryKinds.pack) {
          pack ??= packOfIdBytes(entry.id);
          target.write(this.#packs.headerOfPack(pack), 0);
        }
        writeEntry(target, entry);
      }
      await target.sync();
      // Whoever has taken over writes to the file that would be replaced.
      this.#checkLock();
      // Not durable, and not yet to be: their segments are younger than the one that retires.
      for (const entry of meanwhile) target.write(entry.bytes, entry.offset);
    } finally {
      source.close();
      target.close();
    }
    this.#disk.rename(temporary, path);
    this.#rebuilds.set(path, this.rebuilds(path) + 1);
    // In the same turn: whoever still has the old file open would write into nothing.
    this.#files.forget(path);
    if (pack !== undefined) this.#packs.replaced(pack);
    await this.#disk.syncFolder(folderOf(path));
  }

  /**
   * A checkpoint is one note, not bytes that add up: the largest one is right, be it in the file,
   * where a bulk import may have put it past the journal, or among the entries.
   */
  async #rebuildCheckpoint(path: string, entries: Iterable<JournalEntry>): Promise<void> {
    let note = readFile(this.#disk, path);
    for (const { bytes } of entries) {
      if (checkpointSize(bytes) >= checkpointSize(note)) note = bytes;
    }
    const temporary = `${path}.again${temporarySuffix}`;
    this.#checkLock();
    this.#disk.remove(temporary);
    const target = this.#disk.open(temporary, "create");
    try {
      target.write(note, 0);
      await target.sync();
      this.#checkLock();
    } finally {
      target.close();
    }
    if (this.#failed.has(path)) {
      this.#files.forget(path);
      this.#disk.rename(temporary, path);
      this.#failed.delete(path);
      await this.#disk.syncFolder(folderOf(path));
      return;
    }
    // A newer one has come meanwhile, in a file of its own.
    this.#disk.remove(temporary);
    await this.#makeDurable(path, () => []);
  }

  *#entriesFor(path: string, segments: readonly SegmentExtent[]): Generator<JournalEntry> {
    for (const segment of segments) {
      const { bytes, header } = readSegment(this.#disk, segment.path);
      if (!header) continue;
      for (const group of groupsOf(bytes, header.salt, segment.end)) {
        for (const entry of group.entries) if (this.pathOf(entry) === path) yield entry;
      }
    }
  }

  /** Closes a session's files before they are replaced or removed. */
  forgetSession(id: SessionId): void {
    if (sessionFolder(this.root, id) === this.#newest) this.#newest = undefined;
    this.#files.forget(eventLogPath(this.root, id));
    this.#files.forget(manifestPath(this.root, id));
  }

  close(): void {
    this.#files.close();
  }
}

/** The header of an event log goes with its first batch; it is in no journal entry. */
function writeEntry(file: DiskFile, { kind, offset, id, bytes }: JournalEntry): void {
  const isFirst = kind === entryKinds.events && offset === eventLogStart;
  if (isFirst) file.write(concat(encodeEventLogHeader(id), bytes), 0);
  else file.write(bytes, offset);
}

/** Events that a checkpoint covers, as it says; -1 for bytes that are none. */
function checkpointSize(note: Uint8Array): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch {
    return -1;
  }
}

function copyAll(source: DiskFile, target: DiskFile): void {
  const window = new Uint8Array(1024 * 1024);
  for (let position = 0; ; ) {
    const read = source.read(window, position);
    if (read === 0) return;
    target.write(window.subarray(0, read), position);
    position += read;
  }
}
