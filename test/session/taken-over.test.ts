/**
 * A writer that sleeps through a takeover and wakes up in the middle of something: it leaves alone
 * what its successor needs, and what that one is just about.
 */
import { describe, expect, test } from "vitest";
import { codeOf, type SessionId, sha256 } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import type { Processes } from "../../src/log/index.ts";
import { collectGarbage, Directory, removeSession } from "../../src/session/index.ts";
import { nothingKept } from "../sim/power.ts";
import { ProcessDisk } from "../sim/process-disk.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const payload = new Random("payload").bytes(20_000);
const other = new Random("other").bytes(9000);

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Every opening is another process; those before it are alive, and are taken over from. */
function open(disk: Disk, generation: number): Promise<Directory> {
  const processes: Processes = {
    self: () => ({ pid: 1, boot: "simulated", started: String(generation), host: "simulated" }),
    isAlive: () => true,
    pause: () => Promise.resolve(),
  };
  return Directory.open({ path: "/data/main", mode: "write", disk, processes, takeOver: true });
}

async function sessionWith(directory: Directory, ...payloads: Uint8Array[]): Promise<SessionId> {
  const writer = directory.createSession();
  for (const bytes of payloads) await writer.append({ ...header, form: "bytes", bytes }).durable;
  await directory.closeWriter(writer);
  return writer.id;
}

async function prepared(seed: number): Promise<{ disk: SimDisk; process: ProcessDisk }> {
  const disk = new SimDisk(new Random("takeover", seed), { syncTurnsMax: 8 });
  disk.createFolder("/data");
  await disk.syncFolder("/");
  return { disk, process: new ProcessDisk(disk) };
}

describe("a writer that wakes up after a takeover", () => {
  test("while it collects garbage removes nothing that was named meanwhile", async () => {
    let fenced = 0;
    for (let delay = 0; delay < 150; delay += 3) {
      const { disk, process } = await prepared(delay);
      const first = await open(process, 1);
      const removed = await sessionWith(first, payload);
      const kept = await sessionWith(first, other);
      await removeSession(first, removed);
      const collecting = collectGarbage(first).catch(codeOf);
      await turns(delay);
      process.sleep();
      const second = await open(disk, 2);
      // Its chunks are in a pack that the first writer found to be mostly dead.
      const again = await sessionWith(second, payload);
      process.wake();
      const outcome = await collecting;
      if (outcome === "FENCED") fenced += 1;
      const rest = await open(disk.crash(new Random(delay), nothingKept), 3);
      for (const directory of [second, rest]) {
        expect(directory.sessionIds().sort()).toEqual([kept, again].sort());
        expect(directory.blobs.problemsOf(sha256(payload)), `delay ${delay}`).toEqual([]);
        expect(directory.blobs.problemsOf(sha256(other)), `delay ${delay}`).toEqual([]);
      }
    }
    expect(fenced).toBeGreaterThan(5);
  });

  test("while it begins an import does not keep the other one from it", async () => {
    for (let delay = 0; delay < 300; delay += 6) {
      const { disk, process } = await prepared(delay);
      const first = await open(process, 1);
      const id = await sessionWith(first, other);
      const beginning = first.openBulk({ id }).catch(codeOf);
      await turns(delay);
      process.sleep();
      const second = await open(disk, 2);
      const importing = second.openBulk({ id });
      await turns(new Random(delay).int(60));
      process.wake();
      const bulk = await importing;
      bulk.append(header, "bytes", payload);
      await second.closeWriter(bulk);
      await beginning;
      const rest = await open(disk.crash(new Random(delay), nothingKept), 3);
      for (const directory of [second, rest]) {
        const reader = directory.session(id);
        expect(reader.size, `delay ${delay}`).toBe(2);
        reader.close();
      }
    }
  });
});
