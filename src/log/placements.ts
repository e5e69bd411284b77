/**
 * What the journal has acknowledged, on its way to its place. Usually it is there before anybody is
 * told. With a `placeLater` what belongs to a session waits for a quiet moment: making the files of
 * a new session costs more than everything else about its first event, and nobody has to wait for
 * it as long as whoever looks finds everything (`PlacingDisk`). What finds no room stays here and
 * in the journal until there is some.
 */
import { codeOf, messageOf, ReachError } from "../base/index.ts";
import { type Disk, folderOf } from "../disk/index.ts";
import { entryKinds, type JournalEntry } from "./journal-frame.ts";
import { placementBytes, Reserve, reserveNames } from "./reserve.ts";
import type { JournalTargets } from "./targets.ts";

/** What waits for its place, as whoever chooses the moments sees it. */
export interface WaitingPlacements {
  /** Whether anything waits. */
  readonly waits: boolean;
  /** Milliseconds since something has begun to wait. */
  readonly quietMs: number;
  /**
   * Places some of what has waited for `ageMs`, which takes about a millisecond. Returns whether
   * there is more of that, which the disk takes.
   */
  placeSome(ageMs: number): boolean;
}

/** Called when something has begun to wait, and nothing did before. */
export type PlaceLater = (waiting: WaitingPlacements) => void;

/**
 * Moments in which nothing new has come for `quietMs`: then everything is placed. What has waited
 * for `waitMsMax` is placed in any case, a little in each turn of the event loop.
 */
export function whenQuiet(quietMs: number, waitMsMax: number): PlaceLater {
  let looksAgain = false;
  return (waiting) => {
    if (looksAgain) return;
    looksAgain = true;
    const look = (): void => {
      const isQuiet = waiting.quietMs >= quietMs;
      if (waiting.placeSome(isQuiet ? 0 : waitMsMax)) setImmediate(look);
      else if (!waiting.waits) looksAgain = false;
      else setTimeout(look, isQuiet ? waitMsMax : quietMs).unref();
    };
    setTimeout(look, quietMs).unref();
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

/** Entries of one session, and when the first of them began to wait. */
interface WaitingSession {
  readonly since: number;
  readonly entries: JournalEntry[];
}

/** Brings acknowledged entries to their places, those of one file in their order. */
export class Placements implements WaitingPlacements {
  readonly #options: PlacementOptions;
  readonly #reserve: Reserve;
  /**
   * Room for what waits: it can be given up while the other one is there for a group. Twice as
   * large, enough for 1,000 new sessions: what does not fit is placed while others wait for it.
   */
  readonly #waitingReserve: Reserve;
  /** What waits for a quiet moment, by the folder of its session, the longest waiting first. */
  readonly #waiting = new Map<string, WaitingSession>();
  #waitingBytes = 0;
  /** When something last began to wait. */
  #lastAt = 0;
  /** Why the disk did not take something that waits: it is tried again before the next group. */
  #refusal: unknown;
  /** A group is on its way into the journal, and the reserve is there for it as well. */
  #groupUnderWay = false;
  /** What could not be placed although the reserve was given up for it, in order. */
  #unplaced: JournalEntry[] = [];

  constructor(options: PlacementOptions) {
    this.#options = options;
    const { disk, folder, reserveBytes, checkLock } = options;
    this.#reserve = new Reserve(disk, `${folder}/${reserveNames.group}`, reserveBytes, checkLock);
    const waiting = `${folder}/${reserveNames.waiting}`;
    this.#waitingReserve = new Reserve(disk, waiting, 2 * reserveBytes, checkLock);
  }

  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  get quietMs(): number {
    return performance.now() - this.#lastAt;
  }

  /** Whether everything acknowledged is in its place. */
  get done(): boolean {
    return this.#unplaced.length === 0 && !this.waits;
  }

  /**
   * Before a group is accepted: nothing may be without its place for want of room, and whatever
   * happens to the disk meanwhile, the reserve has room for the group, and for what waits, in its
   * place. Throws `DISK_FULL`, `IO_FAILED`. Returns nothing to wait for where the room is there.
   */
  makeRoom(entries: readonly JournalEntry[]): Promise<void> | undefined {
    const bytes = placementBytes(entries);
    this.#placeTooMany();
    const enough = this.#reserve.holds(bytes) && this.#waitingReserve.holds(this.#waitingBytes);
    // While a reserve is made anew there is none: then nothing may wait.
    if (this.waits && (this.#refusal !== undefined || !enough)) {
      this.placeAll();
      if (this.waits) this.#placeWithReserve();
    }
    this.checkStuck();
    if (!this.#hasRoom(bytes)) return this.#fillReserves(bytes);
    this.#groupUnderWay = true;
    return undefined;
  }

  #hasRoom(bytes: number): boolean {
    if (!this.#reserve.holds(bytes)) return false;
    return !this.#options.placeLater || this.#waitingReserve.holds(this.#waitingBytes);
  }

  async #fillReserves(bytes: number): Promise<void> {
    await this.#reserve.fill(bytes);
    if (this.#options.placeLater) await this.#waitingReserve.fill(this.#waitingBytes);
    this.#groupUnderWay = true;
  }

  /** The group for which room was made has not been accepted. */
  giveUp(): void {
    this.#groupUnderWay = false;
  }

  /** Takes the entries of the group, which has been acknowledged. */
  take(entries: readonly JournalEntry[]): void {
    this.#groupUnderWay = false;
    const { placeLater } = this.#options;
    let stuck = this.#unplaced.length > 0;
    for (const entry of entries) {
      if (placeLater && entry.kind !== entryKinds.pack) this.#wait(entry, placeLater);
      else stuck = !this.#place(entry) || stuck;
    }
    if (stuck) this.#placeWithReserve();
  }

  #wait(entry: JournalEntry, placeLater: PlaceLater): void {
    const folder = folderOf(this.#options.targets.pathOf(entry));
    const waiting = this.#waiting.get(folder);
    this.#lastAt = performance.now();
    if (waiting) waiting.entries.push(entry);
    else this.#waiting.set(folder, { since: this.#lastAt, entries: [entry] });
    this.#waitingBytes += placementBytes([entry]);
    if (!waiting && this.#waiting.size === 1) placeLater(this);
  }

  placeSome(ageMs: number): boolean {
    if (!this.#mayPlace()) return false;
    let left = sessionsAtOnce;
    const youngest = performance.now() - ageMs;
    for (const [folder, { since }] of this.#waiting) {
      if (since > youngest) return false;
      if (left === 0) return true;
      if (!this.#placeFolder(folder)) return false;
      left -= 1;
    }
    return false;
  }

  /** Places what has waited longest, until there is room kept for the rest. */
  #placeTooMany(): void {
    const enough = (): boolean => this.#waitingReserve.holds(this.#waitingBytes);
    if (enough() || !this.#waitingReserve.holds(0) || !this.#mayPlace()) return;
    for (const folder of this.#waiting.keys()) {
      if (enough() || !this.#placeFolder(folder)) return;
    }
  }

  /** Places everything that waits, as far as this writer may and the disk takes it. */
  placeAll(): void {
    if (!this.#mayPlace()) return;
    for (const folder of [...this.#waiting.keys()]) if (!this.#placeFolder(folder)) return;
  }

  /**
   * Before somebody looks at the files of the session with this folder, at those of all sessions
   * without one: brings to its place what is acknowledged and not there. Throws `DISK_FULL` or
   * `IO_FAILED` when the disk does not take it: what would be found is not all there is.
   */
  bringUpToDate(folder?: string): void {
    const concerned = (): boolean => (folder === undefined ? !this.done : this.#lacks(folder));
    if (this.done || !concerned() || !this.#mayPlace()) return;
    let error = this.#placeRest();
    if (folder === undefined) this.placeAll();
    else this.#placeFolder(folder);
    if (this.waits && concerned()) error = this.#placeOnFullDisk();
    if (!concerned()) return;
    error ??= this.#refusal;
    throw new ReachError(
      codeOf(error) ?? "IO_FAILED",
      `acknowledged, and not yet in its place: ${messageOf(error)}`,
      { cause: error, hint: "nothing is lost; make room or mend the disk, and try again" },
    );
  }

  /** Whether anything of the session with this folder is not in its place. */
  #lacks(folder: string): boolean {
    const { targets } = this.#options;
    return (
      this.#waiting.has(folder) ||
      this.#unplaced.some((entry) => folderOf(targets.pathOf(entry)) === folder)
    );
  }

  /** Places everything that waits in the room that was kept for it. Returns why that failed. */
  #placeOnFullDisk(): unknown {
    this.#spend(this.#waitingReserve);
    for (const waiting of [...this.#waiting.keys()]) {
      // What is in this reserve is enough for all: what still fails is no want of room.
      if (!this.#placeFolder(waiting) && !this.#groupUnderWay) this.#placeWithReserve();
    }
    return this.#placeRest();
  }

  /**
   * Nothing is written any more after another writer has taken over, or when that cannot be known:
   * the journal is at its end then, and has what waits here.
   */
  #mayPlace(): boolean {
    if (this.done) return true;
    try {
      this.#options.checkLock();
      return true;
    } catch {
      return false;
    }
  }

  /** Returns whether the disk took everything; what it did not take goes on waiting. */
  #placeFolder(folder: string): boolean {
    // Something older of the same session may be among what is stuck.
    if (this.#unplaced.length > 0) return false;
    const { entries = [] } = this.#waiting.get(folder) ?? {};
    while (entries.length > 0) {
      const entry = entries[0] as JournalEntry;
      try {
        this.#options.targets.apply(entry);
      } catch (error) {
        if (this.#refusal === undefined) this.#tellOf(error);
        this.#refusal = error;
        return false;
      }
      entries.shift();
      this.#waitingBytes -= placementBytes([entry]);
    }
    this.#waiting.delete(folder);
    if (!this.waits) this.#refusal = undefined;
    return true;
  }

  /** Returns whether the entry is in its place. */
  #place(entry: JournalEntry): boolean {
    if (this.#unplaced.length > 0) {
      this.#unplaced.push(entry);
      return false;
    }
    try {
      this.#options.targets.apply(entry);
      return true;
    } catch (error) {
      this.#unplaced.push(entry);
      this.#tellOf(error);
      return false;
    }
  }

  #tellOf(error: unknown): void {
    this.#options.onTrouble?.(`not yet in its place: ${messageOf(error)}`);
  }

  /**
   * Gives the reserve up so that everything acknowledged finds its place on a full disk: also what
   * waits, since others may take the room that was kept for it.
   */
  #placeWithReserve(): void {
    if (!this.#mayPlace()) return;
    this.#spend(this.#reserve);
    if (this.waits) this.#spend(this.#waitingReserve);
    this.#placeRest();
    for (const { entries } of this.#waiting.values())
      for (const entry of entries) this.#place(entry);
    this.abandon();
  }

  #spend(reserve: Reserve): void {
    try {
      reserve.spend();
    } catch (error) {
      this.#tellOf(error);
    }
  }

  /** Tries to bring what is stuck to its place; what fails stays, in order. */
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

  /** Throws when something found no place, and still does not. */
  checkStuck(): void {
    const error = this.#placeRest();
    if (error) throw error;
  }

  /**
   * Throws when something is not in its place, and the disk still does not take it, or another
   * writer has taken over.
   */
  check(): void {
    this.checkStuck();
    this.placeAll();
    if (this.waits && !this.#groupUnderWay) this.#placeWithReserve();
    // Now that there is the room of the reserve the disk says what else is wrong.
    this.checkStuck();
    if (this.done) return;
    this.#options.checkLock();
    throw new ReachError("DISK_FULL", "acknowledged events are in the journal only", {
      hint: "make room: they find their place as soon as there is some",
    });
  }

  /** Forgets what waits, as a crash would. */
  abandon(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#refusal = undefined;
  }
}
