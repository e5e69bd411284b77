// One writer: who gets the lock of a data directory, what the others are told, and that a writer
// which was paused through a takeover acknowledges nothing when it wakes.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nodeDisk } from "../../src/disk/index.ts";
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

  it("is taken over from a dead process under the next epoch", async () => {
    const first = await acquire(processes({ pid: 4711 }, always));
    const second = await acquire(processes({ pid: 2 }, never));
    expect(second.epoch).toBe(first.epoch + 1);
    expect(readdirSync(folder)).toEqual([`lock.${second.epoch}`]);
  });

  it("is not held by a process whose pid now belongs to another one", () => {
    const self = systemProcesses.self();
    expect(systemProcesses.isAlive(self)).toBe(true);
    expect(systemProcesses.isAlive({ ...self, started: "1" })).toBe(false);
    expect(systemProcesses.isAlive({ ...self, boot: "another boot" })).toBe(false);
    expect(systemProcesses.isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe(false);
  });

  it("counts as held when its holder is on another machine", () => {
    const self = systemProcesses.self();
    expect(systemProcesses.isAlive({ ...self, host: "elsewhere", pid: 2 ** 22 + 1 })).toBe(true);
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
      const parent = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
      try {
        const pid = await new Promise<number>((resolve) => {
          parent.stdout.on("data", (bytes: Buffer) => resolve(Number(bytes.toString())));
        });
        const stat = (): string[] => readFileSync(`/proc/${pid}/stat`, "utf8").split(" ");
        const holder = { ...systemProcesses.self(), pid, started: stat()[21] ?? "" };
        expect(systemProcesses.isAlive(holder)).toBe(true);
        process.kill(pid, "SIGKILL");
        await vi.waitFor(() => expect(stat()[2]).toBe("Z"));
        expect(systemProcesses.isAlive(holder)).toBe(false);
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );
});
