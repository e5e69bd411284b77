/**
 * Who may write a data directory: `lock.<epoch>`, created exclusively, the highest epoch owns.
 *
 * An epoch is never used twice: a lock that is given up stays as a file that says so. So a writer
 * that was paused through a takeover finds its own lock gone or a higher one, whenever it wakes.
 * Locks of lower epochs are removed by the new owner, the lowest first, after its own is durable.
 * Beside a lock lies the socket that shows that its holder lives, where there can be one.
 */
import { codeOf, fromUtf8, ReachError, systemEntropy, toHex, utf8 } from "../base/index.ts";
import { type Disk, readFile } from "../disk/index.ts";
import { type Holder, type Processes, sameHolder } from "./processes.ts";
import type { SignOfLife } from "./sign-of-life.ts";

const lockBytes = 512;
const unreadablePolls = 40;
const pollMs = 25;

interface LockContent extends Holder {
  readonly released: boolean;
}

function lockPath(folder: string, epoch: number): string {
  return `${folder}/lock.${epoch}`;
}

function epochsIn(disk: Disk, folder: string): number[] {
  const epochs: number[] = [];
  for (const name of disk.list(folder)) {
    const match = /^lock\.([1-9][0-9]{0,14})$/.exec(name);
    if (match) epochs.push(Number(match[1]));
  }
  return epochs.sort((a, b) => a - b);
}

/** A name for the socket beside a lock; never used twice, since contenders share an epoch. */
function socketName(epoch: number): string {
  return `lock.${epoch}.${toHex(systemEntropy(4))}.sock`;
}

/** Removes what holders of epochs below `epoch` have left, the lowest lock first. */
function removeBelow(disk: Disk, folder: string, epoch: number): void {
  for (const lower of epochsIn(disk, folder)) {
    if (lower < epoch) disk.remove(lockPath(folder, lower));
  }
  for (const name of disk.list(folder)) {
    const match = /^lock\.([1-9][0-9]{0,14})\.[0-9a-f]{8}\.sock$/.exec(name);
    if (match && Number(match[1]) < epoch) disk.remove(`${folder}/${name}`);
  }
}

function encodeLock(content: LockContent): Uint8Array {
  return utf8(
    JSON.stringify(content)
      .padEnd(lockBytes - 1)
      .concat("\n"),
  );
}

function decodeLock(bytes: Uint8Array): LockContent | undefined {
  try {
    const value = JSON.parse(fromUtf8(bytes)) as Partial<LockContent>;
    if (typeof value.pid !== "number") return undefined;
    return {
      pid: value.pid,
      boot: String(value.boot),
      started: String(value.started),
      host: String(value.host),
      namespace: textOf(value.namespace),
      socket: textOf(value.socket),
      released: value.released === true,
    };
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * The content of a lock; waits a moment for one that is just being written. `undefined`: it cannot
 * be read, or is gone, since a successor has removed it meanwhile.
 */
async function readLock(
  disk: Disk,
  path: string,
  processes: Processes,
): Promise<LockContent | undefined> {
  for (let poll = 0; ; poll++) {
    const bytes = bytesIfThere(disk, path);
    const content = bytes && decodeLock(bytes);
    if (content || !bytes || poll === unreadablePolls) return content;
    await processes.pause(pollMs);
  }
}

/** Asking first would leave a moment in which it may go. */
function bytesIfThere(disk: Disk, path: string): Uint8Array | undefined {
  try {
    return readFile(disk, path);
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** Who writes a data directory right now, as far as its locks tell; `undefined` for nobody. */
export async function currentHolder(
  disk: Disk,
  folder: string,
  processes: Processes,
): Promise<Holder | undefined> {
  for (;;) {
    const highest = epochsIn(disk, folder).at(-1);
    if (highest === undefined) return undefined;
    const path = lockPath(folder, highest);
    const content = await readLock(disk, path, processes);
    if (!content && !disk.exists(path)) continue;
    if (!content || content.released) return undefined;
    return (await processes.isAlive(content, folder)) ? content : undefined;
  }
}

/** The right to write a data directory, from `acquire` to `release`. */
export class DirectoryLock {
  readonly epoch: number;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #holder: Holder;
  readonly #sign: SignOfLife | undefined;
  #released = false;

  private constructor(
    disk: Disk,
    folder: string,
    epoch: number,
    holder: Holder,
    sign: SignOfLife | undefined,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.epoch = epoch;
    this.#holder = holder;
    this.#sign = sign;
  }

  /**
   * Takes the lock of `folder`. Throws `LOCKED`, naming the holder, while a live process has it;
   * with `takeOver` even then (the other one is fenced at its next commit). The epoch is above
   * `epochUsed`, also where the locks of earlier writers have been lost.
   */
  static async acquire(
    disk: Disk,
    folder: string,
    processes: Processes,
    takeOver = false,
    epochUsed = 0,
  ): Promise<DirectoryLock> {
    for (;;) {
      const highest = epochsIn(disk, folder).at(-1) ?? 0;
      if (highest > 0 && !takeOver) await refuseIfHeld(disk, folder, highest, processes);
      const epoch = Math.max(highest, epochUsed) + 1;
      const lock = await DirectoryLock.#take(disk, folder, processes, epoch);
      if (lock) return lock;
    }
  }

  /** Takes the lock under an epoch; `undefined` when somebody else has just done so. */
  static async #take(
    disk: Disk,
    folder: string,
    processes: Processes,
    epoch: number,
  ): Promise<DirectoryLock | undefined> {
    // Before the lock: whoever finds the lock must find the sign of life that it names.
    const socket = socketName(epoch);
    const sign = await processes.showLife?.(`${folder}/${socket}`);
    let lock: DirectoryLock | undefined;
    try {
      const self = { ...processes.self(), ...(sign && { socket }) };
      if (!(await createLock(disk, lockPath(folder, epoch), { ...self, released: false }))) {
        return undefined;
      }
      await disk.syncFolder(folder);
      const newest = epochsIn(disk, folder).at(-1) ?? epoch;
      if (newest > epoch) {
        throw lockedBy(await readLock(disk, lockPath(folder, newest), processes), folder);
      }
      removeBelow(disk, folder, epoch);
      lock = new DirectoryLock(disk, folder, epoch, self, sign);
      return lock;
    } finally {
      if (!lock) await sign?.end();
    }
  }

  /**
   * Throws `FENCED` when another writer has taken over. Called after each group is durable and
   * before it is acknowledged: two existence checks, about 4 µs.
   */
  check(): void {
    const mine = lockPath(this.#folder, this.epoch);
    const higher = this.#disk.exists(lockPath(this.#folder, this.epoch + 1));
    if (higher) throw fenced(this.#folder, `another process has taken over ${this.#folder}`);
    if (this.#disk.exists(mine)) return;
    const gone = `the lock of this process is gone from ${this.#folder}`;
    throw fenced(this.#folder, `${gone}: it was moved or removed, or another process took over`);
  }

  /** Gives the lock up; the file stays, so that its epoch is never used again. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    try {
      await this.#sayReleased();
    } finally {
      await this.#sign?.end();
    }
  }

  async #sayReleased(): Promise<void> {
    const path = lockPath(this.#folder, this.epoch);
    if (!this.#disk.exists(path)) return;
    const file = this.#disk.open(path, "write");
    try {
      file.write(encodeLock({ ...this.#holder, released: true }), 0);
      await file.sync();
    } finally {
      file.close();
    }
  }
}

function fenced(folder: string, message: string): ReachError {
  return new ReachError("FENCED", message, {
    where: folder,
    hint: "what this process had not yet acknowledged is not promised; open it again to go on",
  });
}

async function createLock(disk: Disk, path: string, content: LockContent): Promise<boolean> {
  try {
    const file = disk.open(path, "create");
    try {
      file.write(encodeLock(content), 0);
      await file.sync();
    } finally {
      file.close();
    }
    return true;
  } catch (error) {
    if ((error as ReachError).code === "ALREADY_EXISTS") return false;
    throw error;
  }
}

async function refuseIfHeld(
  disk: Disk,
  folder: string,
  epoch: number,
  processes: Processes,
): Promise<void> {
  const content = await readLock(disk, lockPath(folder, epoch), processes);
  if (!content || content.released || !(await processes.isAlive(content, folder))) return;
  throw lockedBy(content, folder, sameHolder(content, processes.self()));
}

function lockedBy(holder: Holder | undefined, folder: string, self = false): ReachError {
  const who = self
    ? "this process, which has it open already"
    : holder
      ? `process ${holder.pid} on ${holder.host}`
      : "a process that was faster";
  return new ReachError("LOCKED", `${folder} is being written by ${who}`, {
    where: folder,
    hint: "one process writes a data directory at a time; readers are always welcome",
  });
}

/** A holder as people read it, for `reach doctor`. */
export function describeHolder(holder: Holder | undefined): string {
  return holder ? `process ${holder.pid} on ${holder.host}` : "nobody";
}
