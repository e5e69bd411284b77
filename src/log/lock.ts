/**
 * Who may write a data directory: `lock.<epoch>`, created exclusively, the highest epoch owns.
 *
 * An epoch is never used twice: a lock that is given up stays as a file that says so. So a writer
 * that was paused through a takeover finds its own lock gone or a higher one, whenever it wakes.
 * Locks of lower epochs are removed by the new owner, the lowest first, after its own is durable.
 */
import { fromUtf8, ReachError, utf8 } from "../base/index.ts";
import { type Disk, readFile } from "../disk/index.ts";
import { type Holder, type Processes, sameHolder } from "./processes.ts";

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
      released: value.released === true,
    };
  } catch {
    return undefined;
  }
}

/** The content of a lock; waits a moment for one that is just being written. */
async function readLock(
  disk: Disk,
  path: string,
  processes: Processes,
): Promise<LockContent | undefined> {
  for (let poll = 0; ; poll++) {
    if (!disk.exists(path)) return undefined;
    const content = decodeLock(readFile(disk, path));
    if (content || poll === unreadablePolls) return content;
    await processes.pause(pollMs);
  }
}

/** Who writes a data directory right now, as far as its locks tell; `undefined` for nobody. */
export async function currentHolder(
  disk: Disk,
  folder: string,
  processes: Processes,
): Promise<Holder | undefined> {
  const highest = epochsIn(disk, folder).at(-1);
  if (highest === undefined) return undefined;
  const content = await readLock(disk, lockPath(folder, highest), processes);
  return content && !content.released && processes.isAlive(content) ? content : undefined;
}

/** The right to write a data directory, from `acquire` to `release`. */
export class DirectoryLock {
  readonly epoch: number;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #holder: Holder;
  #released = false;

  private constructor(disk: Disk, folder: string, epoch: number, holder: Holder) {
    this.#disk = disk;
    this.#folder = folder;
    this.epoch = epoch;
    this.#holder = holder;
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
    const self = processes.self();
    for (;;) {
      const epochs = epochsIn(disk, folder);
      const highest = epochs.at(-1) ?? 0;
      if (highest > 0 && !takeOver) await refuseIfHeld(disk, folder, highest, processes);
      const epoch = Math.max(highest, epochUsed) + 1;
      if (!(await createLock(disk, lockPath(folder, epoch), { ...self, released: false }))) {
        continue;
      }
      await disk.syncFolder(folder);
      const now = epochsIn(disk, folder);
      const newest = now.at(-1) ?? epoch;
      if (newest > epoch) {
        throw lockedBy(await readLock(disk, lockPath(folder, newest), processes), folder);
      }
      for (const lower of now) if (lower < epoch) disk.remove(lockPath(folder, lower));
      return new DirectoryLock(disk, folder, epoch, self);
    }
  }

  /**
   * Throws `FENCED` when another writer has taken over. Called after each group is durable and
   * before it is acknowledged: two existence checks, about 4 µs.
   */
  check(): void {
    const mine = lockPath(this.#folder, this.epoch);
    const higher = this.#disk.exists(lockPath(this.#folder, this.epoch + 1));
    if (higher || !this.#disk.exists(mine)) {
      throw new ReachError("FENCED", `another process has taken over ${this.#folder}`, {
        where: this.#folder,
        hint: "what this process had not yet acknowledged is not promised; open it again to go on",
      });
    }
  }

  /** Gives the lock up; the file stays, so that its epoch is never used again. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
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
  if (!content || content.released || !processes.isAlive(content)) return;
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
