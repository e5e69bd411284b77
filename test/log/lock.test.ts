// One writer: who gets the lock of a data directory, what the others are told, and that a writer
// which was paused through a takeover acknowledges nothing when it wakes.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import {
  currentHolder,
  DirectoryLock,
  type Holder,
  type Processes,
  systemProcesses,
} from "../../src/log/index.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-lock-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Processes as a test wants them: `self`, and which holders are alive. */
function processes(self: Partial<Holder>, alive: (holder: Holder) => boolean): Processes {
  const me = { pid: 1, boot: "boot", started: "1", host: "here", ...self };
  const pause = (): Promise<void> => Promise.resolve();
  return { self: () => me, isAlive: alive, pause };
}

const always = (): boolean => true;
const never = (): boolean => false;

function acquire(who: Processes, takeOver = false): Promise<DirectoryLock> {
  return DirectoryLock.acquire(nodeDisk, folder, who, takeOver);
}

describe("the lock of a data directory", () => {
  it("is refused while a live process has it, and the holder is named", async () => {
    await acquire(processes({ pid: 4711 }, always));
    await expect(acquire(processes({ pid: 2 }, always))).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining("process 4711 on here"),
    });
  });

  it("is refused to the very process that has it open already", async () => {
    await acquire(systemProcesses);
    await expect(acquire(systemProcesses)).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining("this process"),
    });
  });

  it("is refused when a successor of a dead process is faster, in any moment", async () => {
    await acquire(processes({ pid: 1 }, always));
    const isWinner = ({ pid }: Holder): boolean => pid === 2;
    let isRaced = false;
    // The winner comes between the list of the locks and the look at the one of the dead process.
    const raced: Disk = {
      ...nodeDisk,
      open(path, mode) {
        if (!isRaced && mode === "read" && path.endsWith("lock.1")) {
          isRaced = true;
          const winner = { pid: 2, boot: "boot", started: "1", host: "here", released: false };
          writeFileSync(path.replace(/1$/, "2"), JSON.stringify(winner).padEnd(511));
          rmSync(path);
        }
        return nodeDisk.open(path, mode);
      },
    };
    const loser = processes({ pid: 3 }, isWinner);
    await expect(DirectoryLock.acquire(raced, folder, loser)).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining("process 2 on here"),
    });
    expect(isRaced).toBe(true);
    isRaced = false;
    rmSync(path.join(folder, "lock.2"));
    await acquire(processes({ pid: 1 }, always));
    expect(await currentHolder(raced, folder, loser)).toMatchObject({ pid: 2 });
  });

  it("is taken over from a dead process under the next epoch", async () => {
    const first = await acquire(processes({ pid: 4711 }, always));
    const second = await acquire(processes({ pid: 2 }, never));
    expect(second.epoch).toBe(first.epoch + 1);
    expect(readdirSync(folder)).toEqual([`lock.${second.epoch}`]);
  });

  it("is not held by a process whose pid now belongs to another one", async () => {
    const self = systemProcesses.self();
    expect(await systemProcesses.isAlive(self, folder)).toBe(true);
    expect(await systemProcesses.isAlive({ ...self, started: "1" }, folder)).toBe(false);
    expect(await systemProcesses.isAlive({ ...self, boot: "another boot" }, folder)).toBe(false);
    expect(await systemProcesses.isAlive({ ...self, pid: 2 ** 22 + 1 }, folder)).toBe(false);
  });

  it("counts as held when its holder is on another machine", async () => {
    const elsewhere = { boot: "another boot", host: "elsewhere", pid: 2 ** 22 + 1 };
    const holder = { ...systemProcesses.self(), ...elsewhere };
    expect(await systemProcesses.isAlive(holder, folder)).toBe(true);
  });

  it("is judged by pid and host where a lock says no more, as those of old do", async () => {
    const { pid, boot, started, host } = systemProcesses.self();
    const holder = { pid, boot, started, host };
    expect(await systemProcesses.isAlive(holder, folder)).toBe(true);
    expect(await systemProcesses.isAlive({ ...holder, started: "1" }, folder)).toBe(false);
    expect(await systemProcesses.isAlive({ ...holder, host: "elsewhere" }, folder)).toBe(true);
  });

  it("never gives one epoch to two contenders", async () => {
    await acquire(processes({ pid: 4711 }, always));
    const contenders = Array.from({ length: 8 }, (_, i) => {
      const self = { pid: 100 + i };
      return acquire(processes(self, ({ pid }) => pid !== 4711));
    });
    const outcomes = await Promise.allSettled(contenders);
    const won = outcomes.filter(({ status }) => status === "fulfilled");
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "LOCKED" });
    }
  });

  it("fences a writer that was taken over while it slept", async () => {
    const sleeper = await acquire(processes({ pid: 4711 }, always));
    expect(() => sleeper.check()).not.toThrow();
    await acquire(processes({ pid: 2 }, always), true);
    expect(() => sleeper.check()).toThrow(expect.objectContaining({ code: "FENCED" }));
  });

  it("keeps a sleeper fenced when its successors have come and gone", async () => {
    const sleeper = await acquire(processes({ pid: 4711 }, always));
    for (let i = 0; i < 5; i++) {
      const next = await acquire(processes({ pid: i + 1 }, never), true);
      await next.release();
      expect(() => sleeper.check()).toThrow(expect.objectContaining({ code: "FENCED" }));
    }
  });

  it("never uses an epoch twice, whether given up or left behind", async () => {
    const epochs: number[] = [];
    for (let i = 0; i < 6; i++) {
      const lock = await acquire(processes({ pid: i + 1 }, never));
      epochs.push(lock.epoch);
      if (i % 2 === 0) await lock.release();
    }
    expect(epochs).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is free for the next one once it has been given up", async () => {
    const first = await acquire(processes({ pid: 4711 }, always));
    expect(await currentHolder(nodeDisk, folder, processes({}, always))).toMatchObject({
      pid: 4711,
    });
    await first.release();
    expect(await currentHolder(nodeDisk, folder, processes({}, always))).toBeUndefined();
    await expect(acquire(processes({ pid: 2 }, always))).resolves.toBeDefined();
  });

  it("can be taken when its maker died before it wrote a word into it", async () => {
    writeFileSync(path.join(folder, "lock.3"), "");
    const lock = await acquire(processes({ pid: 2 }, always));
    expect(lock.epoch).toBe(4);
  });

  it.runIf(process.platform === "linux")(
    "is not held by a killed process that nobody reaped",
    async () => {
      // The shell becomes a process that never asks for the children that it was born with.
      const patience = { timeout: 10_000 };
      const parent = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
      try {
        const pid = await new Promise<number>((resolve) => {
          parent.stdout.on("data", (bytes: Buffer) => resolve(Number(bytes.toString())));
        });
        // Before, it is a shell, which may ask for its child.
        const comm = `/proc/${parent.pid}/comm`;
        await vi.waitFor(() => expect(readFileSync(comm, "utf8")).toBe("sleep\n"), patience);
        const stat = (): string[] => readFileSync(`/proc/${pid}/stat`, "utf8").split(" ");
        const holder = { ...systemProcesses.self(), pid, started: stat()[21] ?? "" };
        expect(await systemProcesses.isAlive(holder, folder)).toBe(true);
        process.kill(pid, "SIGKILL");
        await vi.waitFor(() => expect(stat()[2]).toBe("Z"), patience);
        expect(await systemProcesses.isAlive(holder, folder)).toBe(false);
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );
});

// What other containers see: a pid that is not theirs, a pid namespace that is not theirs, and the
// folder. The holder's pid is of no process here, or, worse, of one that has nothing to do with it.
describe.runIf(process.platform === "linux")("the lock of a holder in another container", () => {
  const foreign = { namespace: "pid:[1]", pid: 2 ** 22 + 1 };
  let holder: ChildProcess | undefined;

  afterEach(() => {
    holder?.kill("SIGKILL");
    holder = undefined;
  });

  /** Takes the lock as a process of another pid namespace that lives as long as this one. */
  function acquireForeign(self: Partial<Holder> = {}): Promise<DirectoryLock> {
    return acquire({
      ...systemProcesses,
      self: () => ({ ...systemProcesses.self(), ...foreign, ...self }),
    });
  }

  /** A process that listens on a socket of the folder, and the lock that it would have written. */
  async function childHolder(): Promise<ChildProcess> {
    const socket = "lock.7.0123abcd.sock";
    const code = 'require("net").createServer().listen(process.argv[1], () => console.log("on"))';
    const child = spawn(process.execPath, ["-e", code, path.join(folder, socket)]);
    holder = child;
    await once(child.stdout, "data");
    const content = { ...systemProcesses.self(), ...foreign, socket, released: false };
    writeFileSync(path.join(folder, "lock.7"), `${JSON.stringify(content).padEnd(511)}\n`);
    return child;
  }

  it("is refused while that one lives, though its pid is nobody's here", async () => {
    await acquireForeign();
    await expect(acquire(systemProcesses)).rejects.toMatchObject({ code: "LOCKED" });
    const holder = await currentHolder(nodeDisk, folder, systemProcesses);
    expect(holder).toMatchObject({ pid: foreign.pid });
  });

  it("is refused while that one is paused", async () => {
    const child = await childHolder();
    child.kill("SIGSTOP");
    await expect(acquire(systemProcesses)).rejects.toMatchObject({ code: "LOCKED" });
  });

  it("is taken when that one was killed, though its pid is somebody's here", async () => {
    const child = await childHolder();
    const lock = path.join(folder, "lock.7");
    const content = JSON.parse(readFileSync(lock, "utf8")) as Holder;
    const forged = { ...content, pid: process.pid, started: systemProcesses.self().started };
    writeFileSync(lock, `${JSON.stringify(forged).padEnd(511)}\n`);
    await expect(acquire(systemProcesses)).rejects.toMatchObject({ code: "LOCKED" });
    child.kill("SIGKILL");
    await once(child, "exit");
    const taken = await acquire(systemProcesses);
    expect(taken.epoch).toBe(8);
    const own = expect.stringMatching(/^lock\.8\.[0-9a-f]{8}\.sock$/);
    expect(readdirSync(folder)).toEqual(["lock.8", own]);
    await taken.release();
  });

  it("is taken when a container was killed and made anew under another name", async () => {
    const first = await acquireForeign({ host: "3f2a9c" });
    await expect(acquire(systemProcesses)).rejects.toMatchObject({ code: "LOCKED" });
    const [socket] = readdirSync(folder).filter((name) => name.endsWith(".sock"));
    rmSync(path.join(folder, socket as string));
    const second = await acquire(systemProcesses);
    expect(second.epoch).toBe(first.epoch + 1);
    await first.release();
    await second.release();
  });

  it("leaves no socket behind when it is given up, or not got", async () => {
    const first = await acquireForeign();
    const beside = readdirSync(folder);
    await expect(acquire(systemProcesses)).rejects.toMatchObject({ code: "LOCKED" });
    expect(readdirSync(folder)).toEqual(beside);
    await first.release();
    expect(readdirSync(folder)).toEqual(["lock.1"]);
  });

  it("is judged by pid and host where the folder can have no socket", async () => {
    const deep = path.join(folder, "d".repeat(100));
    mkdirSync(deep);
    const self = { ...systemProcesses.self(), namespace: "pid:[1]" };
    const there = { ...systemProcesses, self: () => self };
    await DirectoryLock.acquire(nodeDisk, deep, there);
    expect(readdirSync(deep)).toEqual(["lock.1"]);
    await expect(DirectoryLock.acquire(nodeDisk, deep, systemProcesses)).rejects.toMatchObject({
      code: "LOCKED",
    });
  });
});
