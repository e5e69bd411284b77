/**
 * The tree grows while the disk is at work on the next group: nobody waits for its hashes, and
 * whoever asks for a root between gets the one over everything committed.
 */
import { afterEach, expect, test } from "vitest";
import { limits, toHex } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk, type OpenMode } from "../../src/disk/index.ts";
import { Directory, type SessionWriter } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const event = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes" } as const;

function append(writer: SessionWriter, count: number): Promise<void> {
  let durable = Promise.resolve();
  for (let i = 0; i < count; i++) {
    ({ durable } = writer.append({ ...event, bytes: Uint8Array.of(i) }));
  }
  return durable;
}

/** The disk of this machine; says when the journal is synced and when a tree is written. */
function watchedDisk(steps: string[]): Disk {
  const watched = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => file.write(bytes, position),
    close: () => file.close(),
    sync: async () => {
      steps.push("sync begins");
      await file.sync();
      steps.push("sync ends");
    },
  });
  return {
    ...nodeDisk,
    open: (path: string, mode: OpenMode) => {
      if (path.endsWith("tree.log")) steps.push("tree");
      const file = nodeDisk.open(path, mode);
      return path.includes(".wal") ? watched(file) : file;
    },
  };
}

test("the tree grows while the next group is on its way to the disk", async () => {
  const steps: string[] = [];
  const options = { path: scratch.at("data"), mode: "write", disk: watchedDisk(steps) } as const;
  const directory = await Directory.open(options);
  const writer = directory.createSession();
  // So many leaves that the tree is written as soon as it has them.
  const batches = Math.ceil(2100 / limits.batchEventsMax);
  await append(writer, batches * limits.batchEventsMax);
  steps.length = 0;
  await append(writer, 1);
  expect(steps).toEqual(["sync begins", "tree", "sync ends"]);
  await directory.close();
});

test("the disk has the next group before anybody hears of the last, and goes first", async () => {
  const steps: string[] = [];
  const options = { path: scratch.at("data"), mode: "write", disk: watchedDisk(steps) } as const;
  const directory = await Directory.open(options);
  const writer = directory.createSession();
  // So many leaves that the tree is written as soon as it has those of the first group.
  await append(writer, 40 * limits.batchEventsMax);
  writer.tail.grow();
  steps.length = 0;
  const first = append(writer, limits.batchEventsMax);
  await new Promise((resolve) => setImmediate(resolve));
  const second = append(writer, limits.batchEventsMax);
  await first;
  steps.push("somebody goes on");
  await second;
  const goesOn = steps.indexOf("somebody goes on");
  expect(steps.slice(0, goesOn).filter((step) => step !== "tree")).toEqual([
    "sync begins",
    "sync ends",
    "sync begins",
  ]);
  expect(steps.slice(goesOn + 1)).toEqual(["tree", "sync ends"]);
  await directory.close();
});

test("a root is that of everything committed, whenever somebody asks", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const writer = directory.createSession();
  const computed = (size: number): string => {
    const reader = directory.session(writer.id);
    try {
      return toHex(reader.computedRoot(size));
    } finally {
      reader.close();
    }
  };
  await append(writer, 3);
  expect(toHex(writer.tail.root())).toBe(computed(3));
  await append(writer, 2);
  const now = writer.tail.markRoot(5);
  const later = writer.tail.markRoot(7);
  expect(later.root).toBeUndefined();
  const durable = append(writer, 6);
  expect(later.root).toBeUndefined();
  await durable;
  expect(toHex(now.root as Uint8Array)).toBe(computed(5));
  expect(toHex(later.root as Uint8Array)).toBe(computed(7));
  await append(writer, 1);
  expect(writer.tail.size).toBe(12);
  await directory.signCheckpoint(writer);
  const reader = directory.session(writer.id);
  expect(reader.checkpoint()?.size).toBe(12);
  expect(toHex(reader.root(12))).toBe(computed(12));
  reader.close();
  await directory.close();
});
