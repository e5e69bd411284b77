/**
 * The places that journal entries are written to: event logs, manifests, packs. `apply` is the one
 * function that brings bytes to their place, after a commit and again in every recovery; writing
 * the same bytes to the same offset any number of times leaves the same file.
 */
import { messageOf, type SessionId } from "../base/index.ts";
import { type Disk, type DiskFile, folderOf, readFile, temporarySuffix } from "../disk/index.ts";
import { parseCheckpoint, parseNote } from "../merkle/index.ts";
import { encodeEventLogHeader, eventLogStart } from "./event-log-header.ts";
import { FileCache } from "./file-cache.ts";
import { entryKinds, type JournalEntry } from "./journal-frame.ts";
import {
  checkpointPath,
  eventLogPath,
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
   * from the entries in `segments`, and replaced: a failed fsync is never tried again.
   */
  makeDurable(path: string, segments: readonly string[]): Promise<void>;
}

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
  readonly #onTrouble: (trouble: string) => void;
  readonly #checkLock: () => void;
  /** Files whose fsync has failed: to be rebuilt, never to be synced again. */
  readonly #failed = new Set<string>();
  readonly #held = new Set<string>();
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
    this.#write(entry);
    this.#rebuilding.get(this.pathOf(entry))?.push(entry);
  }

  #write(entry: JournalEntry): void {
    if (entry.kind === entryKinds.pack) {
      const pack = packOfIdBytes(entry.id);
      this.#packs.apply({ pack, offset: entry.offset, bytes: entry.bytes });
      return;
    }
    const id = sessionOfIdBytes(entry.id);
    const path = this.pathOf(entry);
    if (entry.kind === entryKinds.checkpoint) {
      this.#replaceCheckpoint(path, entry.bytes);
      return;
    }
    const file = this.#files.use(path, () => this.#createSessionFolder(id));
    this.#writeHeader(file, entry);
    file.write(entry.bytes, entry.offset);
  }

  /** The header of an event log goes with its first batch; it is in no journal entry. */
  #writeHeader(file: DiskFile, { kind, offset, id }: JournalEntry): void {
    if (kind !== entryKinds.events || offset !== eventLogStart) return;
    file.write(encodeEventLogHeader(id), 0);
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
  }

  #createSessionFolder(id: SessionId): void {
    const folder = sessionFolder(this.root, id);
    this.#disk.createFolder(`${this.root}/sessions`);
    this.#disk.createFolder(folderOf(folder));
    this.#disk.createFolder(folder);
  }

  async makeDurable(path: string, segments: readonly string[]): Promise<void> {
    // What the journal holds of it was durable before the bulk import began, and a failed sync here
    // would take from it what that import is writing.
    if (this.#held.has(path) || !this.#disk.exists(path)) return;
    if (!this.#failed.has(path)) {
      try {
        await this.#files.use(path, () => {}).sync();
        return;
      } catch (error) {
        this.#onTrouble(`${path} could not be made durable, rebuilding it: ${messageOf(error)}`);
        this.#failed.add(path);
      }
    }
    try {
      await this.#rebuild(path, segments);
    } finally {
      this.#rebuilding.delete(path);
    }
    this.#failed.delete(path);
  }

  /**
   * A bulk import has the event log of a session open, which is durable up to where it begins: the
   * file is neither synced nor replaced meanwhile.
   */
  hold(id: SessionId): void {
    this.forgetSession(id);
    this.#held.add(eventLogPath(this.root, id));
  }

  /** The bulk import has ended. */
  release(id: SessionId): void {
    this.forgetSession(id);
    this.#held.delete(eventLogPath(this.root, id));
  }

  async #rebuild(path: string, segments: readonly string[]): Promise<void> {
    const meanwhile: JournalEntry[] = [];
    this.#rebuilding.set(path, meanwhile);
    const temporary = path + temporarySuffix;
    this.#disk.remove(temporary);
    const target = this.#disk.open(temporary, "create");
    const source = this.#disk.open(path, "read");
    let pack: number | undefined;
    try {
      copyAll(source, target);
      for (const segment of segments) {
        for (const entry of this.#entriesFor(path, segment)) {
          if (entry.kind === entryKinds.pack) {
            pack ??= packOfIdBytes(entry.id);
            target.write(this.#packs.headerOfPack(pack), 0);
          } else this.#writeHeader(target, entry);
          target.write(entry.bytes, entry.offset);
        }
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
    // In the same turn: whoever still has the old file open would write into nothing.
    this.#files.forget(path);
    if (pack !== undefined) this.#packs.replaced(pack);
    await this.#disk.syncFolder(folderOf(path));
  }

  *#entriesFor(path: string, segment: string): Generator<JournalEntry> {
    const { bytes, header } = readSegment(this.#disk, segment);
    if (!header) return;
    for (const group of groupsOf(bytes, header.salt, bytes.length)) {
      for (const entry of group.entries) if (this.pathOf(entry) === path) yield entry;
    }
  }

  /** Closes a session's files before they are replaced or removed. */
  forgetSession(id: SessionId): void {
    this.#files.forget(eventLogPath(this.root, id));
    this.#files.forget(manifestPath(this.root, id));
  }

  close(): void {
    this.#files.close();
  }
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
