/**
 * Room kept free on the disk, so that what the journal has acknowledged can be written to its place
 * when the disk is full. Spent by removing the file, filled again before the next group.
 */
import { type Disk, dropTemporary, type LockCheck, temporarySuffix } from "../disk/index.ts";
import type { JournalEntry } from "./journal-frame.ts";

const stepBytes = 1024 * 1024;
const pageBytes = 4096;

/**
 * Room that writing entries to their places takes at most: whole pages, and one more for each, for
 * the page it begins in and for its name.
 */
export function placementBytes(entries: readonly JournalEntry[]): number {
  let pages = 0;
  for (const { bytes } of entries) pages += Math.ceil(bytes.length / pageBytes) + 1;
  return pages * pageBytes;
}

/** Names of the reserves in the journal's folder. */
export const reserveNames = { group: "reserve", waiting: "reserve.waiting" } as const;

/** A file that keeps room, in the journal's folder. */
export class Reserve {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #bytesMin: number;
  readonly #checkLock: LockCheck;
  /** Bytes known to be kept. */
  #held = 0;

  constructor(disk: Disk, path: string, bytesMin: number, checkLock: LockCheck) {
    this.#disk = disk;
    this.#path = path;
    this.#bytesMin = bytesMin;
    this.#checkLock = checkLock;
  }

  /** Whether room for `bytes` is kept already. */
  holds(bytes: number): boolean {
    return this.#held >= Math.max(bytes, this.#bytesMin);
  }

  /**
   * Makes sure that room for `bytes` is kept, and never less than the least. Throws `DISK_FULL`
   * when there is none, leaving nothing behind.
   */
  async fill(bytes: number): Promise<void> {
    const wanted = Math.max(bytes, this.#bytesMin);
    if (this.#held >= wanted) return;
    if (this.#held === 0) this.#held = this.#size();
    if (this.#held >= wanted) return;
    this.#checkLock();
    this.spend();
    await this.#create(wanted);
    this.#held = wanted;
  }

  /** Bytes that a process before this one has kept. */
  #size(): number {
    if (!this.#disk.exists(this.#path)) return 0;
    const file = this.#disk.open(this.#path, "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  }

  async #create(bytes: number): Promise<void> {
    const temporary = this.#path + temporarySuffix;
    this.#disk.remove(temporary);
    const file = this.#disk.open(temporary, "create");
    try {
      const zeros = new Uint8Array(Math.min(stepBytes, bytes));
      for (let at = 0; at < bytes; at += zeros.length) {
        file.write(zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
      }
      await file.sync();
      this.#checkLock();
    } catch (error) {
      file.close();
      dropTemporary(this.#disk, temporary, this.#checkLock);
      throw error;
    }
    file.close();
    this.#disk.rename(temporary, this.#path);
  }

  /** Gives the room free. */
  spend(): void {
    this.#held = 0;
    this.#disk.remove(this.#path);
  }
}
