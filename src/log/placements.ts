/**
 * What the journal has acknowledged, on its way to its place. Usually it is there before anybody is
 * told. With a `placeLater` what belongs to a session waits for a quiet moment: making the files of
 * a new session costs more than everything else about its first event, and nobody has to wait for
 * it as long as whoever looks finds everything (`PlacingDisk`). What finds no room stays here and
 * in the journal until there is some.
 */
import { messageOf } from "../base/index.ts";
import { type Disk, folderOf } from "../disk/index.ts";
import { entryKinds, type JournalEntry } from "./journal-frame.ts";
import { placementBytes, Reserve } from "./reserve.ts";
import type { JournalTargets } from "./targets.ts";

/**
 * Has `place` called in a quiet moment, and again as long as it returns `true`; each call takes
 * about a millisecond.
 */
export type PlaceLater = (place: () => boolean) => void;

/** Quiet moments: `delayMs` after something has begun to wait, between whatever else there is. */
export function afterDelay(delayMs: number): PlaceLater {
  return (place) => {
    const next = (): void => {
      if (place()) setImmediate(next);
    };
    setTimeout(next, delayMs).unref();
  };
}

/** What placements work with. */
export interface PlacementOptions {
  readonly disk: Disk;
  /** The `journal` folder. */
  readonly folder: string;
  readonly reserveBytes: number;
  readonly targets: JournalTargets;
  readonly onTrouble?: ((trouble: string) => void) | undefined;
  readonly placeLater?: PlaceLater | undefined;
  /** Throws when another writer has taken over: it has recovered what waits here. */
  readonly checkLock: () => void;
}

/** Sessions whose files are written in one call of `place`. */
const sessionsAtOnce = 2;
/** What may wait, in bytes of room on the disk: beyond it everything is placed at once. */
const waitingBytesMax = 4 * 1024 * 1024;

/** Brings acknowledged entries to their places, those of one file in their order. */
export class Placements {
  readonly #options: PlacementOptions;
  readonly #reserve: Reserve;
  /** What waits for a quiet moment, by the folder of its session, the longest waiting first. */
  readonly #waiting = new Map<string, JournalEntry[]>();
  #waitingBytes = 0;
  /** What could not be placed, in order. */
  #unplaced: JournalEntry[] = [];

  constructor(options: PlacementOptions) {
    this.#options = options;
    const { disk, folder, reserveBytes, checkLock } = options;
    this.#reserve = new Reserve(disk, folder, reserveBytes, checkLock);
  }

  /** Whether the disk has not taken something. */
  get stuck(): boolean {
    return this.#unplaced.length > 0;
  }

  /**
   * Before a group is accepted: nothing may be stuck, and whatever happens to the disk meanwhile,
   * there is room for the group, and for what waits, in its place. Throws `DISK_FULL`, `IO_FAILED`.
   */
  async makeRoom(entries: readonly JournalEntry[]): Promise<void> {
    if (this.#waitingBytes > waitingBytesMax) this.placeAll();
    this.check();
    await this.#reserve.fill(placementBytes(entries) + this.#waitingBytes);
  }

  /** Takes entries that have been acknowledged. */
  take(entries: readonly JournalEntry[]): void {
    const { placeLater } = this.#options;
    for (const entry of entries) {
      if (placeLater && entry.kind !== entryKinds.pack) this.#wait(entry, placeLater);
      else this.#place(entry);
    }
    if (this.stuck) this.#placeWithReserve();
  }

  #wait(entry: JournalEntry, placeLater: PlaceLater): void {
    const folder = folderOf(this.#options.targets.pathOf(entry));
    const waiting = this.#waiting.get(folder);
    if (waiting) waiting.push(entry);
    else this.#waiting.set(folder, [entry]);
    this.#waitingBytes += placementBytes([entry]);
    if (!waiting && this.#waiting.size === 1) placeLater(() => this.#placeSome());
  }

  /** Returns whether something still waits. */
  #placeSome(): boolean {
    let left = sessionsAtOnce;
    for (const folder of this.#waiting.keys()) {
      if (left === 0) return true;
      this.#placeFolder(folder);
      left -= 1;
    }
    return false;
  }

  /** Places everything that waits. */
  placeAll(): void {
    for (const folder of [...this.#waiting.keys()]) this.#placeFolder(folder);
  }

  /** Places what waits below the folder of a session; nothing happens when nothing does. */
  placeBelow(folder: string): void {
    if (this.#waiting.has(folder)) this.#placeFolder(folder);
  }

  /** Whether anything waits. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  #placeFolder(folder: string): void {
    const entries = this.#waiting.get(folder) ?? [];
    this.#waiting.delete(folder);
    this.#waitingBytes -= placementBytes(entries);
    try {
      this.#options.checkLock();
    } catch {
      // Whoever has taken over has read the journal, and writes these files now.
      this.#waiting.clear();
      this.#waitingBytes = 0;
      return;
    }
    for (const entry of entries) this.#place(entry);
    if (this.stuck) this.#placeWithReserve();
  }

  #place(entry: JournalEntry): void {
    if (this.stuck) {
      this.#unplaced.push(entry);
      return;
    }
    try {
      this.#options.targets.apply(entry);
    } catch (error) {
      this.#unplaced.push(entry);
      this.#options.onTrouble?.(`not yet in its place: ${messageOf(error)}`);
    }
  }

  /** Gives the reserve up so that what is acknowledged finds its place on a full disk. */
  #placeWithReserve(): void {
    this.#reserve.spend();
    this.#placeRest();
  }

  /** Tries to bring what is left to its place; what fails stays, in order. */
  #placeRest(): unknown {
    while (this.#unplaced.length > 0) {
      try {
        this.#options.targets.apply(this.#unplaced[0] as JournalEntry);
      } catch (error) {
        return error;
      }
      this.#unplaced.shift();
    }
    return undefined;
  }

  /** Throws when something is not in its place yet, and the disk still does not take it. */
  check(): void {
    const error = this.#placeRest();
    if (error) throw error;
  }

  /** Forgets what waits, as a crash would. */
  abandon(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }
}
