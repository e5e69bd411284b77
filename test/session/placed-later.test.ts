/**
 * Events that are acknowledged before they are in their place: in the process that writes nobody
 * can tell, whichever way they look; a crash loses nothing; a writer that has been replaced writes
 * nothing any more.
 */
import { rmSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { newSessionId, type SessionId, systemClock, systemEntropy } from "../../src/base/index.ts";
import { folderOf, nodeDisk } from "../../src/disk/index.ts";
import { eventLogPath, type Processes, sessionFolder } from "../../src/log/index.ts";
import {
  Directory,
  removeSession,
  type SessionWriter,
  verifySession,
} from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const header = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes" } as const;
const event = (n: number) => ({ ...header, bytes: Uint8Array.of(n) });

/** Nothing is placed in it before a moment is used, or somebody looks; a process of its own. */
async function open(started = "first") {
  const moments: (() => boolean)[] = [];
  const processes: Processes = {
    self: () => ({ pid: 1, boot: "test", started, host: "test" }),
    isAlive: () => true,
    pause: () => Promise.resolve(),
  };
  const directory = await Directory.open({
    path: scratch.at("data"),
    mode: "write",
    placeLater: (waiting) => void moments.push(() => waiting.placeSome(0)),
    processes,
    takeOver: true,
  });
  return { directory, moments };
}

function isPlaced(directory: Directory, id: SessionId): boolean {
  return nodeDisk.exists(eventLogPath(directory.path, id));
}

async function begun(directory: Directory): Promise<SessionWriter> {
  const writer = directory.createSession();
  await writer.append(event(0)).durable;
  return writer;
}

test("are placed in a quiet moment, a few sessions at a time", async () => {
  const { directory, moments } = await open();
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push((await begun(directory)).id);
  expect(ids.filter((id) => isPlaced(directory, id))).toEqual([]);
  expect(moments).toHaveLength(1);
  const [place] = moments as [() => boolean];
  expect(place()).toBe(true);
  expect(ids.filter((id) => isPlaced(directory, id))).toHaveLength(2);
  while (place());
  expect(ids.filter((id) => isPlaced(directory, id))).toEqual(ids);
  await directory.close();
});

test("are there for whoever looks, also through a reader that was there before", async () => {
  const { directory } = await open();
  const writer = await begun(directory);
  const reader = directory.session(writer.id);
  expect(reader.size).toBe(1);
  await writer.append(event(1)).durable;
  reader.refresh();
  expect([...reader.events()].map(({ payloadBytes }) => payloadBytes[0])).toEqual([0, 1]);
  reader.close();
  const other = await begun(directory);
  expect(directory.sessionIds()).toEqual([writer.id, other.id].sort());
  const third = await begun(directory);
  expect(() => directory.createSession({ id: third.id })).toThrow("already");
  await directory.closeWriter(third);
  await directory.appendTo(third.id).append(event(1)).durable;
  await directory.close();
  expect(nodeDisk.list(sessionFolder(directory.path, third.id))).toContain("checkpoint");
});

test("can be signed, verified and removed at once", async () => {
  const { directory } = await open();
  const [kept, removed] = [await begun(directory), await begun(directory)];
  await directory.signCheckpoint(kept);
  expect((await verifySession(directory, kept.id)).integrity).toBe("intact");
  for (const writer of [kept, removed]) await directory.closeWriter(writer);
  await removeSession(directory, removed.id);
  expect(directory.sessionIds()).toEqual([kept.id]);
  await directory.close();
});

test("are all there after a crash", async () => {
  const { directory } = await open();
  const writers = [await begun(directory), await begun(directory)];
  for (const writer of writers) await writer.append(event(1)).durable;
  directory.crash();
  expect(writers.filter(({ id }) => isPlaced(directory, id))).toEqual([]);
  const again = await open("second");
  for (const { id } of writers) {
    const reader = again.directory.session(id);
    expect(reader.size).toBe(2);
    reader.close();
  }
  await again.directory.close();
});

test("are left to the writer that has taken over", async () => {
  const { directory, moments } = await open();
  const writer = await begun(directory);
  const successor = await open("second");
  const own = successor.directory.appendTo(writer.id);
  await own.append(event(1)).durable;
  for (const place of moments) while (place());
  const reader = successor.directory.session(writer.id);
  expect(reader.size).toBe(2);
  reader.close();
  expect(() => directory.checkLock()).toThrow();
  await successor.directory.close();
  directory.crash();
});

test("of a short session have no index and no stored tree, and nobody can tell", async () => {
  const path = scratch.at("data");
  const directory = await Directory.open({ path, mode: "write", derivedFrom: 4 });
  const [short, long] = [directory.createSession(), directory.createSession()];
  for (let n = 0; n < 3; n++) await short.append(event(n)).durable;
  for (let n = 0; n < 4; n++) await long.append(event(n)).durable;
  for (const writer of [short, long]) {
    await directory.signCheckpoint(writer);
    await directory.closeWriter(writer);
  }
  const files = (id: SessionId) => nodeDisk.list(sessionFolder(path, id));
  expect(files(short.id)).not.toContain("tree.log");
  expect(files(long.id)).toContain("tree.log");
  for (const { id } of [short, long]) {
    expect((await verifySession(directory, id)).integrity).toBe("intact");
  }
  // It grows past the limit in another life: the tree is that of all its events.
  const again = directory.appendTo(short.id);
  const before = directory.session(short.id);
  expect(again.tail.root()).toEqual(before.computedRoot());
  before.close();
  for (let n = 3; n < 6; n++) await again.append(event(n)).durable;
  await directory.signCheckpoint(again);
  await directory.closeWriter(again);
  expect(files(short.id)).toContain("tree.log");
  const reader = directory.session(short.id);
  expect(reader.storedTree(6)).toBeDefined();
  expect(reader.root(5)).toEqual(reader.computedRoot(5));
  reader.close();
  expect((await verifySession(directory, short.id)).integrity).toBe("intact");
  await directory.close();
});

test("find their place when a folder is gone that the writer had made", async () => {
  const { directory, moments } = await open();
  const first = await begun(directory);
  while (moments[0]?.());
  const above = folderOf(sessionFolder(directory.path, first.id));
  rmSync(above, { recursive: true });
  // The spread of the folders is by the last two digits.
  const again = `${newSessionId(systemClock, systemEntropy).slice(0, -2)}${first.id.slice(-2)}`;
  const second = directory.createSession({ id: again });
  await second.append(event(0)).durable;
  await expect(verifySession(directory, again)).resolves.toMatchObject({ integrity: "intact" });
  expect(isPlaced(directory, again)).toBe(true);
});
