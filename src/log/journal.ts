/**
 * The journal: the write-ahead log that all sessions of a data directory share. One fsync
 * acknowledges what many sessions wait for (group commit).
 *
 * The order of a commit, and what a crash at each step means:
 *  1. Room for the group is secured. Crash: nothing was written.
 *  2. The group is appended as one frame. Crash: the frame is whole, torn or absent; nobody was
 * told.
 *  3. fdatasync. Crash: recovery finds the frame whole, or its last group torn; nobody was told.
 *  4. No higher lock epoch exists, else `FENCED`: another writer owns what comes now.
 *  5. Acknowledged. Crash: recovery finds the frame, it is durable.
 *  6. The bytes are written to their places, without fsync. Crash: recovery does it again, with the
 *     same function.
 *  7. When the segment is full, or nothing more comes: what it touched is made durable, then the
 *     segment is removed.
 *     Crash: recovery writes the same bytes to the same places once more.
 */
import { type Entropy, messageOf, ReachError } from "../base/index.ts";
import { type Disk, folderOf } from "../disk/index.ts";
import type { RestingJournal, RestLater } from "./at-rest.ts";
import { encodeDirectory, encodeFrame, frameBytes, type JournalEntry } from "./journal-frame.ts";
import { type JournalSizes, journalSizes } from "./journal-sizes.ts";
import type { DirectoryLock } from "./lock.ts";
import { type PlaceLater, Placements } from "./placements.ts";
import { Segment } from "./segment.ts";
import { someAtOnce } from "./some-at-once.ts";
import type { JournalTargets, SegmentExtent } from "./targets.ts";

/** Room for frames that is kept; a larger one is rare. */
const roomBytesMax = 512 * 1024;

/** A finished part of a journal: no longer written, kept until what it touched is durable. */
export interface LiveSegment extends SegmentExtent {
  readonly files: ReadonlySet<string>;
  /** Something in it is unreadable: kept aside when it retires, for whoever investigates. */
  readonly damaged: boolean;
}

/** Where a journal goes on after recovery. */
export interface JournalStart {
  readonly segment: Segment | undefined;
  readonly older: readonly LiveSegment[];
  readonly lastGroup: number;
  readonly lastNumber: number;
  /** Directory of the last group, repeated in the next frame. */
  readonly directory: Uint8Array;
}

interface Unit {
  readonly entries: readonly JournalEntry[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What a journal works with. */
export interface JournalOptions {
  readonly disk: Disk;
  /** The `journal` folder; it exists and is durable. */
  readonly folder: string;
  readonly lock: DirectoryLock;
  readonly entropy: Entropy;
  readonly targets: JournalTargets;
  readonly sizes?: Partial<JournalSizes>;
  /** Lets what belongs to a session wait for its place until a quiet moment. */
  readonly placeLater?: PlaceLater | undefined;
  /** Chooses the moment at which a journal that nobody writes to is retired. Default: never. */
  readonly restLater?: RestLater | undefined;
  /** Told of a failure that the journal survives, for logs and metrics. */
  readonly onTrouble?: ((trouble: string) => void) | undefined;
  /** Told how long each group took to be written and made durable, in seconds. */
  readonly onSync?: ((seconds: number) => void) | undefined;
}

/** Counters since the journal was opened. */
export interface JournalStatistics {
  groups: number;
  units: number;
  bytes: number;
  segments: number;
  retired: number;
  failures: number;
}

/**
 * Files that are made durable at a time when nobody commits: as many as Node has threads for that.
 * While others commit it is one, which leaves them the other threads.
 */
const syncsAtOnce = 4;

/** The journal of one writer. Safe to call concurrently; commits are taken in the order called. */
export class Journal implements RestingJournal {
  readonly #options: JournalOptions;
  /**
   * Told of a failed commit before any promise is rejected, in the same turn: what is appended from
   * then on must not stand on what was given up.
   */
  onReject: ((error: unknown) => void) | undefined;
  readonly #sizes: JournalSizes;
  /** Acknowledged entries on their way to their places. */
  readonly placements: Placements;
  readonly statistics: JournalStatistics = {
    groups: 0,
    units: 0,
    bytes: 0,
    segments: 0,
    retired: 0,
    failures: 0,
  };
  #segment: Segment | undefined;
  #older: LiveSegment[];
  #group: number;
  #number: number;
  #previousDirectory: Uint8Array;
  #queue: Unit[] = [];
  #room = new Uint8Array(0);
  #running: Promise<void> | undefined;
  /** The commit that was asked for last. */
  #newest: Promise<void> = Promise.resolve();
  #retiring: Promise<void> | undefined;
  /** A moment of rest is being looked for. */
  #looksForRest = false;
  /** When something was last committed; who is refused puts no rest off, which gives room back. */
  #lastAt = performance.now();
  #fatal: ReachError | undefined;
  readonly #waitingWork = new Set<() => void>();

  constructor(options: JournalOptions, start: JournalStart) {
    this.#options = options;
    this.#sizes = journalSizes(options.sizes);
    const checkLock = (): void => this.#check();
    const { reserveBytes } = this.#sizes;
    this.placements = new Placements({ ...options, reserveBytes, checkLock });
    this.#segment = start.segment;
    this.#older = [...start.older];
    this.#group = start.lastGroup;
    this.#number = start.lastNumber;
    this.#previousDirectory = start.directory;
    this.#lookForRest();
  }

  /**
   * Resolves when `entries` are durable, all or none of them, in one group. Rejects with
   * `DISK_FULL`, `IO_FAILED` or `FENCED`; then everything queued behind is rejected as well, since
   * it may build on these.
   */
  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.#fatal) return Promise.reject(this.#fatal);
    let bytes = 0;
    for (const entry of entries) bytes += entry.bytes.length;
    this.#newest = new Promise((resolve, reject) => {
      this.#queue.push({ entries, bytes, resolve, reject });
      // Started in a microtask, so that what is appended in the same turn shares the first fsync.
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
    return this.#newest;
  }

  /**
   * Has `work` done, once, while the next group is on its way to the disk: nothing else is left to
   * do then. It is not done at all when no group comes any more.
   */
  whileSyncing(work: () => void): void {
    this.#waitingWork.add(work);
  }

  readonly #meanwhile = (): void => {
    const all = [...this.#waitingWork];
    this.#waitingWork.clear();
    for (const work of all) work();
  };

  /** Resolves when nothing is queued or being written any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const units = this.#take();
      try {
        await this.#commitGroup(units);
        this.#lastAt = performance.now();
        for (const unit of units) unit.resolve();
      } catch (error) {
        this.statistics.failures += 1;
        this.placements.giveUp();
        this.#rejectAll(units, error);
      }
    }
    this.#running = undefined;
    this.#lookForRest();
  }

  get quietMs(): number {
    return performance.now() - this.#lastAt;
  }

  #lookForRest(): void {
    if (this.#looksForRest || !this.#options.restLater || !this.#holdsAnything) return;
    this.#looksForRest = true;
    this.#options.restLater(this);
  }

  /** Whether recovery would find anything. */
  get #holdsAnything(): boolean {
    return this.#older.length > 0 || this.#segment?.isEmpty === false;
  }

  /**
   * Has everything made durable in its place, and begins a new segment for what comes, which can be
   * committed meanwhile. Where that fails everything stays in the journal; the next commit lets it
   * be tried again.
   */
  async rest(): Promise<void> {
    this.#looksForRest = false;
    if (this.#running || this.#fatal || !this.#holdsAnything) return;
    if (this.#segment?.isEmpty === false) {
      const rolled = this.#roll().then(undefined, (error: unknown) => this.#tell(error));
      this.#running = rolled.then(() => this.#run());
    } else this.#retireAside();
    await this.#running;
    await this.#retiring;
  }

  /** The next group: units in the order they came, as many as fit; one oversized goes alone. */
  #take(): Unit[] {
    let bytes = 0;
    let count = 0;
    let entries = 0;
    const { groupBytesMax, groupEntriesMax } = this.#sizes;
    for (const unit of this.#queue) {
      entries += unit.entries.length;
      if (count > 0 && (bytes + unit.bytes > groupBytesMax || entries > groupEntriesMax)) break;
      bytes += unit.bytes;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #rejectAll(units: readonly Unit[], error: unknown): void {
    const behind = this.#queue;
    this.#queue = [];
    this.onReject?.(error);
    for (const unit of [...units, ...behind]) unit.reject(error);
  }

  async #commitGroup(units: readonly Unit[]): Promise<void> {
    if (this.#fatal) throw this.#fatal;
    const entries = units.flatMap((unit) => unit.entries);
    // Only what has to be waited for is: then the disk is at work on this group before anybody who
    // hears of the one before takes the thread to make the next.
    const roomMade = this.placements.makeRoom(entries);
    if (roomMade !== undefined) await roomMade;
    const group = this.#group + 1;
    const directory = encodeDirectory(entries);
    const started = performance.now();
    await this.#append(group, entries, directory);
    this.#options.onSync?.((performance.now() - started) / 1000);
    this.#check();
    this.#group = group;
    this.#previousDirectory = directory;
    this.statistics.groups += 1;
    this.statistics.units += units.length;
    for (const unit of units) this.statistics.bytes += unit.bytes;
    this.#place(entries);
  }

  /** Steps 1 to 3; a segment that fails is left as it is and the group goes into a new one. */
  async #append(
    group: number,
    entries: readonly JournalEntry[],
    directory: Uint8Array,
  ): Promise<void> {
    const previous = this.#previousDirectory;
    const size = frameBytes(entries, previous.length);
    const frameFor = ({ header, end }: Segment): Uint8Array =>
      encodeFrame(group, entries, previous, header.salt, end, directory, this.#roomOf(size));
    const current = this.#segment;
    if (current?.hasRoom(size)) {
      const secured = current.secure(size);
      if (secured !== undefined) await secured;
      try {
        await current.append(frameFor(current), group, this.#meanwhile);
        return;
      } catch (error) {
        // Whether the frame is durable cannot be known; the next segment's seal says it is not.
        this.#options.onTrouble?.(`journal segment ${current.path}: ${messageOf(error)}`);
        this.statistics.failures += 1;
      }
    }
    // A segment that has failed takes no frame any more. Until there is another one, which the next
    // commit will try to begin, nothing can be written behind the frame in doubt.
    const fresh = await this.#roll();
    await fresh.secure(size);
    await fresh.append(frameFor(fresh), group, this.#meanwhile);
  }

  /** Room for a frame: the same as before, which has been written. */
  #roomOf(size: number): Uint8Array {
    if (size > roomBytesMax) return new Uint8Array(size);
    if (size > this.#room.length)
      this.#room = new Uint8Array(Math.max(2 * this.#room.length, size));
    return this.#room.subarray(0, size);
  }

  /** Starts the next segment, sealing the current one. */
  async #roll(): Promise<Segment> {
    const { disk, folder, entropy, lock } = this.#options;
    const predecessor = this.#segment?.seal;
    const number = this.#number + 1;
    const lastGroup = this.#group;
    const header = { epoch: lock.epoch, number, salt: entropy(16), predecessor, lastGroup };
    const old = this.#segment;
    const fresh = await Segment.create(disk, folder, header, this.#sizes, [], () => {
      this.#check();
      // When only the name cannot be made durable, the seal is there, or will be after a crash.
      // The next one to be tried has the same number and replaces it.
      old?.endHere();
    });
    if (old) {
      this.#older.push(livingOn(old));
      old.close();
    }
    this.#segment = fresh;
    this.#number += 1;
    this.statistics.segments += 1;
    this.#retireAside();
    return fresh;
  }

  /** Nobody waits for it: of a failure `onTrouble` is told. */
  #retireAside(): void {
    if (this.#retiring !== undefined) return;
    this.#startRetiring().catch((error: unknown) => this.#tell(error));
  }

  /** `atOnce`: files and folders that are made durable at a time. */
  #startRetiring(atOnce = 1): Promise<void> {
    const retired = this.#retire(atOnce).finally(() => {
      this.#retiring = undefined;
    });
    this.#retiring = retired.catch(() => {});
    return retired;
  }

  #tell(error: unknown): void {
    this.#options.onTrouble?.(`journal: ${messageOf(error)}`);
  }

  /** Throws `FENCED` when another writer has taken over, or when it once seemed so to a commit. */
  checkLock(): void {
    if (this.#fatal) throw this.#fatal;
    this.#options.lock.check();
  }

  #check(): void {
    try {
      this.#options.lock.check();
    } catch (error) {
      this.#stop(error);
      throw error;
    }
  }

  #stop(error: unknown): void {
    this.#fatal ??=
      error instanceof ReachError ? error : new ReachError("IO_FAILED", messageOf(error));
  }

  /** Step 6. */
  #place(entries: readonly JournalEntry[]): void {
    const { targets } = this.#options;
    for (const entry of entries) this.#segment?.touched.add(targets.pathOf(entry));
    this.placements.take(entries);
  }

  /** Step 7, oldest segment first. */
  async #retire(atOnce: number): Promise<void> {
    for (;;) {
      this.placements.placeAll();
      if (this.#older.length === 0 || !this.placements.done) return;
      const segment = this.#older[0] as LiveSegment;
      await this.#makeDurable(segment, atOnce);
      // Whoever has taken over meanwhile reads it, and removes it itself.
      this.#check();
      if (segment.damaged) this.#options.disk.rename(segment.path, `${segment.path}.damaged`);
      else this.#options.disk.remove(segment.path);
      // One by one: a newer segment must never be gone while an older one comes back.
      await this.#options.disk.syncFolder(this.#options.folder);
      this.#older.shift();
      this.statistics.retired += 1;
    }
  }

  /** fsyncs the files that a segment touched, then every folder above them. */
  async #makeDurable(segment: LiveSegment, atOnce: number): Promise<void> {
    const { targets, disk } = this.#options;
    await someAtOnce(segment.files, atOnce, (path) => {
      return targets.makeDurable(path, this.liveSegments);
    });
    const folders = new Set<string>();
    for (const path of segment.files) {
      for (let folder = folderOf(path); folder.length >= targets.root.length; ) {
        folders.add(folder);
        folder = folderOf(folder);
      }
    }
    const byDepth: string[][] = [];
    for (const folder of folders) {
      const depth = folder.split("/").length;
      byDepth[depth] ??= [];
      byDepth[depth]?.push(folder);
    }
    // The deepest first; some depths have none.
    for (const level of byDepth.reverse()) {
      await someAtOnce(level ?? [], atOnce, (folder) => disk.syncFolder(folder));
    }
  }

  /**
   * Before anything is written past the journal: a frame that was not made durable may be whole on
   * the disk all the same. Until a segment follows that says where this one ends, recovery would
   * apply it, over what has been written to its places since. Throws as `commit`.
   */
  async settleDoubt(): Promise<void> {
    if (this.#segment?.isInDoubt) await this.commit([]);
  }

  /** Makes one file durable in its place, with what the journal still holds for it. */
  async makeDurable(path: string): Promise<void> {
    // Not until nobody commits: others may go on for ever.
    await this.#newest.catch(() => {});
    this.placements.check();
    await this.#options.targets.makeDurable(path, this.liveSegments);
  }

  /** The segments that are there, oldest first. */
  readonly liveSegments = (): SegmentExtent[] => {
    const all: SegmentExtent[] = [...this.#older];
    if (this.#segment) all.push(this.#segment);
    // The oldest may be removed and not durably so: what it held is in its place.
    return all.filter(({ path }) => this.#options.disk.exists(path));
  };

  /**
   * Throws when the disk has not taken something that is acknowledged, and still does not: the log
   * of a session may end before it. What only waits for its place is there for whoever looks.
   */
  checkPlaced(): void {
    this.placements.checkStuck();
  }

  /**
   * Makes everything durable in its place and removes the journal: the state in which nothing has
   * to be recovered. Throws, and keeps the journal, when a file cannot be made durable. Nothing may
   * be committed meanwhile; afterwards the journal can go on.
   */
  async settle(): Promise<void> {
    while (this.#running || this.#retiring) {
      await this.idle();
      await this.#retiring;
    }
    if (this.#fatal) throw this.#fatal;
    this.placements.check();
    const last = this.#segment;
    if (last) {
      this.#check();
      this.#older.push(livingOn(last));
      this.#segment = undefined;
      last.close();
    }
    this.#previousDirectory = new Uint8Array(0);
    await this.#startRetiring(syncsAtOnce);
  }

  /** Settles and takes nothing more. */
  async close(): Promise<void> {
    await this.settle();
    this.abandon();
  }

  /** Takes nothing more and leaves the files as they are, as a crash would. */
  abandon(): void {
    this.#fatal ??= new ReachError("CLOSED", "the journal is closed");
    this.placements.abandon();
    this.#segment?.close();
    this.#segment = undefined;
  }
}

/** A segment that nothing more is written to. */
function livingOn({ path, touched, end }: Segment): LiveSegment {
  return { path, end, files: touched, damaged: false };
}
