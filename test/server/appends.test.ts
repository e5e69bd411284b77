// Appends of numbered producers beside a journal that fails: what is answered as appended is
// there, with everything that its producer has numbered before.

import { describe, expect, it } from "vitest";
import { codeOf, limits, ReachError, type SessionId } from "../../src/base/index.ts";
import { Appends } from "../../src/server/appends.ts";
import { ReaderPool } from "../../src/server/reader-pool.ts";
import { Directory, type NewEvent } from "../../src/session/index.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { WaitingDisk } from "../sim/waiting-disk.ts";

/** A sync that waits until it is let go. */
class Held {
  begun = false;
  go = (): void => {};
  readonly #gone = new Promise<void>((resolve) => {
    this.go = resolve;
  });

  readonly wait = (): Promise<void> => {
    this.begun = true;
    return this.#gone;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function event(type: string, size = 10): NewEvent {
  const bytes = new Uint8Array(size).fill(65);
  return { kind: "emit", type, time: 1, ref: null, form: "bytes", bytes };
}

const large = limits.blobJournalBytesMax + 1;
const by = (sequence: number) => ({ producer: { name: "pipelining", epoch: 0, sequence } });

interface Opened {
  readonly simulated: SimDisk;
  readonly disk: WaitingDisk;
  readonly directory: Directory;
  readonly appends: Appends;
}

async function open(): Promise<Opened> {
  const simulated = new SimDisk(new Random("pipelined"), { syncTurnsMax: 1 });
  simulated.createFolder("/data");
  const disk = new WaitingDisk(simulated);
  const processes = simulatedProcesses(1);
  const directory = await Directory.open({ path: "/data/main", mode: "write", disk, processes });
  const appends = new Appends(directory, new ReaderPool(directory), 60_000, () => {});
  return { simulated, disk, directory, appends };
}

/** Holds the next syncs of the journal and of a large payload; that of the journal fails. */
function hold({ simulated, disk }: Opened): { journal: Held; payload: Held } {
  const journal = new Held();
  const payload = new Held();
  disk.beforeSync = async (path) => {
    if (path.includes("/bulk/")) await payload.wait();
    if (!path.includes(".wal")) return;
    await journal.wait();
    throw new ReachError("DISK_FULL", "no room for the group");
  };
  // Nor is there another segment for it.
  const full = { code: "DISK_FULL", effect: "none" } as const;
  const isJournal = (path: string): boolean => path.includes(".wal");
  simulated.failWhere(({ kind, path }) => kind === "create" && isJournal(path), full);
  return { journal, payload };
}

function typesOf(directory: Directory, id: SessionId): string[] {
  const reader = directory.session(id);
  const types = [...reader.events()].map(({ type }) => type);
  reader.close();
  return types;
}

describe("a producer that does not wait for its answers", () => {
  /** Append 1 is lost while append 2 has its payload stored, `delay` microtasks later. */
  async function loseOne(delay: number): Promise<void> {
    const opened = await open();
    const { appends, disk, directory } = opened;
    const { id } = await appends.create({}, [event("first", large)]);
    await appends.append(id, [event("zero")], by(0));
    const { journal, payload } = hold(opened);
    const one = appends.append(id, [event("one")], by(1)).catch(codeOf);
    while (!journal.begun) await turn();
    const two = appends.append(id, [event("two", large)], by(2)).catch(codeOf);
    while (!payload.begun) await turn();
    const [earlier, later] = delay < 0 ? [payload, journal] : [journal, payload];
    earlier.go();
    for (let i = 0; i < Math.abs(delay); i++) await Promise.resolve();
    later.go();
    expect(await one).toBe("DISK_FULL");
    disk.beforeSync = () => Promise.resolve();
    expect(["DISK_FULL", "UNAVAILABLE"], `delay ${delay}`).toContain(await two);
    // The client sends both again.
    const again = await appends.append(id, [event("one")], by(1));
    expect(again).toMatchObject({ firstSeq: 2, duplicate: false });
    await appends.append(id, [event("two", large)], by(2));
    expect(typesOf(directory, id)).toEqual(["first", "zero", "one", "two"]);
    await appends.close();
    await directory.close();
  }

  it("gets nothing appended behind an append that was lost", async () => {
    for (let delay = -10; delay < 10; delay++) await loseOne(delay);
  });
});

describe("appends on a disk that does not keep up", () => {
  it("are refused above what may wait, and taken again when that is durable", async () => {
    const opened = await open();
    const { appends, disk, directory } = opened;
    const { id } = await appends.create({}, [event("first")]);
    const held = new Held();
    disk.beforeSync = held.wait;
    const size = limits.appendsWaitingBytesMax / 8;
    const waiting = Array.from({ length: 8 }, (_, i) => appends.append(id, [event(`${i}`, size)]));
    const refused = appends.append(id, [event("too much", size)]);
    await expect(refused).rejects.toMatchObject({ code: "OVERLOADED", retryAfterSeconds: 1 });
    await expect(appends.create({}, [event("a", size)])).rejects.toThrow("wait for the disk");
    held.go();
    expect((await Promise.all(waiting)).map(({ firstSeq }) => firstSeq)).toHaveLength(8);
    await appends.append(id, [event("again", size)]);
    expect(typesOf(directory, id)).toEqual(["first", ..."01234567", "again"]);
    expect(directory.sessionIds()).toEqual([id]);
    await directory.close();
  });

  it("are taken one at a time, however large one is", async () => {
    const { appends, directory } = await open();
    const events = [event("large", limits.appendsWaitingBytesMax + 1)];
    const { id } = await appends.create({}, events);
    expect(typesOf(directory, id)).toEqual(["large"]);
    await directory.close();
  });
});
