/**
 * A disk as a process sees it that reads while another one writes: between any two of its calls
 * the other one may have done any number of operations, and a write that is under way shows in
 * part. The writer has run before; its disk was cloned at each of its operations, and time goes on
 * through these clones.
 */
import { ReachError } from "../../src/base/index.ts";
import type { Disk, DiskFile, OpenMode } from "../../src/disk/index.ts";
import type { Random } from "./random.ts";
import type { SimDisk } from "./sim-disk.ts";

/** The disk of the writer at each of its operations. */
export class MovingDisk implements Disk {
  readonly #moments: readonly SimDisk[];
  readonly #random: Random;
  /** Operations of the writer in one step, at most, and how likely a call is to wait for a step. */
  readonly #stride: number;
  readonly #chance: number;
  /** The moment that it has come to. */
  at: number;

  constructor(
    moments: readonly SimDisk[],
    at: number,
    random: Random,
    { stride, chance }: { readonly stride: number; readonly chance: number },
  ) {
    this.#moments = moments;
    this.at = at;
    this.#random = random;
    this.#stride = stride;
    this.#chance = chance;
  }

  /** Lets the writer go on for a while. */
  pass(operations: number): void {
    this.at = Math.min(this.at + operations, this.#moments.length - 1);
  }

  #now(): SimDisk {
    if (this.#random.chance(this.#chance)) this.pass(this.#random.between(1, this.#stride));
    return this.#moments[this.at] as SimDisk;
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode !== "read") throw readOnly(path);
    const opened = this.#now();
    const identity = opened.identityOf(path);
    let file = opened.open(path, mode);
    let seen = this.at;
    // What has lost its name stays as it was for whoever has it open.
    const current = (): DiskFile => {
      this.#now();
      for (; seen < this.at; seen++) {
        const next = this.#moments[seen + 1] as SimDisk;
        if (next.identityOf(path) !== identity) return file;
        file.close();
        file = next.open(path, "read");
      }
      return file;
    };
    return {
      path,
      size: () => current().size(),
      read: (into, position) => {
        const before = current();
        const next = this.#moments[this.at + 1];
        const torn = next?.identityOf(path) === identity && this.#random.chance(0.3);
        if (!torn || seen < this.at) return before.read(into, position);
        const read = this.#tornRead(before, next as SimDisk, into, position);
        // What has been seen of a write stays to be seen.
        this.pass(1);
        return read;
      },
      write: () => {
        throw readOnly(path);
      },
      sync: () => Promise.reject(readOnly(path)),
      close: () => file.close(),
    };
  }

  /** What is being written by the next operation shows up to some byte. */
  #tornRead(before: DiskFile, next: SimDisk, into: Uint8Array, position: number): number {
    const after = next.open(before.path, "read");
    const written = new Uint8Array(into.length);
    const end = after.read(written, position);
    after.close();
    const old = before.read(into, position);
    const differs = firstDifference(into.subarray(0, old), written.subarray(0, end));
    if (differs === end) return old;
    const cut = differs + this.#random.int(end - differs);
    into.set(written.subarray(0, cut));
    // The file may have its new size already, and zeros where nothing is written yet.
    if (end > old) into.fill(0, Math.max(old, cut), end);
    return Math.max(old, end);
  }

  exists(path: string): boolean {
    return this.#now().exists(path);
  }

  list(path: string): string[] {
    return this.#now().list(path);
  }

  createFolder(path: string): void {
    throw readOnly(path);
  }

  rename(from: string): void {
    throw readOnly(from);
  }

  remove(path: string): void {
    throw readOnly(path);
  }

  removeFolder(path: string): void {
    throw readOnly(path);
  }

  syncFolder(path: string): Promise<void> {
    return Promise.reject(readOnly(path));
  }
}

function readOnly(path: string): ReachError {
  return new ReachError("READ_ONLY", `a backup changes nothing of what it reads: ${path}`);
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < b.length && at < a.length && a[at] === b[at]) at += 1;
  return at;
}
