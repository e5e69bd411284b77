/**
 * A journal that is retired although it is not full: a crash then leaves nothing to recover, and
 * what is committed meanwhile is as safe as ever.
 */
import { afterEach, expect, test } from "vitest";
import { ReachError, type SessionId } from "../../src/base/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import {
  journalFolder,
  type Processes,
  parseSegmentName,
  type RestingJournal,
} from "../../src/log/index.ts";
import { collectGarbage, Directory } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";
import { smallJournal } from "./small-journal.ts";

let scratch = new Scratch();
let processNumber = 0;
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const header = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes" } as const;
const event = (n: number) => ({ ...header, bytes: new Uint8Array(600).fill(n) });

/** Opens it as another process than the one before, which is dead. */
async function open() {
  processNumber += 1;
  const started = String(processNumber);
  const processes: Processes = {
    self: () => ({ pid: 1, boot: "test", started, host: "test" }),
    isAlive: (holder) => holder.started === started,
    pause: () => Promise.resolve(),
  };
  const moments: RestingJournal[] = [];
  const troubles: string[] = [];
  const retired: string[] = [];
  const room = { isGone: false };
  const disk: Disk = {
    ...nodeDisk,
    open(path, mode) {
      if (room.isGone && mode === "create") throw new ReachError("DISK_FULL", "no room");
      return nodeDisk.open(path, mode);
    },
    remove(path) {
      if (path.endsWith(".wal")) retired.push(path);
      nodeDisk.remove(path);
    },
  };
  const directory = await Directory.open({
    path: scratch.at("data"),
    mode: "write",
    processes,
    disk,
    sizes: smallJournal,
    restLater: (journal) => void moments.push(journal),
    onTrouble: (trouble) => void troubles.push(trouble),
  });
  return { directory, moments, troubles, retired, room };
}

function segments(directory: Directory): string[] {
  return nodeDisk.list(journalFolder(directory.path)).filter((name) => parseSegmentName(name));
}

function numbers(directory: Directory, id: SessionId): (number | undefined)[] {
  const reader = directory.session(id);
  const all = [...reader.events()].map(({ payloadBytes }) => payloadBytes[0]);
  reader.close();
  return all;
}

test("leaves nothing to recover", async () => {
  const { directory, moments } = await open();
  expect(moments).toHaveLength(0);
  const writers = [0, 1, 2].map(() => directory.createSession());
  for (const writer of writers) await writer.append(event(7)).durable;
  expect(moments).toHaveLength(1);
  await moments[0]?.rest();
  expect(segments(directory)).toHaveLength(1);
  directory.crash();
  const again = await open();
  expect(again.directory.recovery).toMatchObject({ groups: 0, sessions: [] });
  for (const { id } of writers) expect(numbers(again.directory, id)).toEqual([7]);
  await again.directory.close();
});

test("is looked for again with the next commit, and after a crash", async () => {
  const { directory, moments } = await open();
  const writer = directory.createSession();
  await writer.append(event(0)).durable;
  await moments[0]?.rest();
  await writer.append(event(1)).durable;
  expect(moments).toHaveLength(2);
  directory.crash();
  const again = await open();
  expect(again.directory.recovery).toMatchObject({ groups: 1, sessions: [writer.id] });
  expect(again.moments).toHaveLength(1);
  await again.moments[0]?.rest();
  again.directory.crash();
  const third = await open();
  expect(third.directory.recovery).toMatchObject({ groups: 0 });
  expect(numbers(third.directory, writer.id)).toEqual([0, 1]);
  await third.directory.close();
});

test("is not put off by those who are refused for want of room, which it gives back", async () => {
  const { directory, moments, retired, room } = await open();
  const writer = directory.createSession();
  await writer.append(event(0)).durable;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const quietMs = moments[0]?.quietMs;
  room.isGone = true;
  for (let n = 1; n < 10; n++) void writer.append(event(n)).durable.catch(() => {});
  await expect(writer.flush()).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(moments[0]?.quietMs).toBeGreaterThanOrEqual(quietMs ?? Number.POSITIVE_INFINITY);
  room.isGone = false;
  await moments[0]?.rest();
  expect(retired).toHaveLength(1);
  await directory.close();
});

/** Lets the journal rest again and again until `work` is done. */
async function whileResting<T>(moments: readonly RestingJournal[], work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  const resting: (Promise<void> | undefined)[] = [];
  while (!done) {
    resting.push(moments[0]?.rest());
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(resting);
  return ended;
}

test("holds up nobody who commits, collects garbage or closes", async () => {
  const { directory, moments, troubles, retired } = await open();
  const writer = directory.createSession();
  for (let n = 0; n < 20; n++) await whileResting(moments, writer.append(event(n)).durable);
  await writer.append(event(20)).durable;
  await whileResting(moments, directory.closeWriter(writer));
  await whileResting(moments, collectGarbage(directory));
  const other = directory.createSession();
  for (let n = 0; n < 60; n++) void other.append(event(n));
  await other.flush();
  await whileResting(moments, directory.close());
  expect(segments(directory)).toEqual([]);
  expect(troubles).toEqual([]);
  expect(retired).toEqual([...new Set(retired)]);
  const again = await open();
  expect(again.directory.recovery).toMatchObject({ groups: 0 });
  expect(numbers(again.directory, writer.id)).toEqual([...Array(21).keys()]);
  expect(numbers(again.directory, other.id)).toEqual([...Array(60).keys()]);
  await again.directory.close();
});
