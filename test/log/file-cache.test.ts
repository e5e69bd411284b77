// Files that are opened for writing: what is asked of the disk for each.

import { expect, it } from "vitest";
import { newSessionId, sessionIdBytes, systemClock, systemEntropy } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk } from "../../src/disk/index.ts";
import { FileCache } from "../../src/log/file-cache.ts";
import { DirectoryTargets, entryKinds, eventLogPath, eventLogStart } from "../../src/log/index.ts";
import { Scratch } from "../session/sample-session.ts";

/** The disk of this machine, and what was asked of it. */
function watched(): { disk: Disk; calls: string[] } {
  const calls: string[] = [];
  const watchedFile = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write(bytes, position): void {
      calls.push("write");
      file.write(bytes, position);
    },
    sync: () => file.sync(),
    close: () => file.close(),
  });
  const disk: Disk = {
    ...nodeDisk,
    exists(path): boolean {
      calls.push("exists");
      return nodeDisk.exists(path);
    },
    open(path, mode): DiskFile {
      calls.push(`open ${mode}`);
      return watchedFile(nodeDisk.open(path, mode));
    },
  };
  return { disk, calls };
}

it("files that are there, one behind the other, are opened without a look; others are made", () => {
  const scratch = new Scratch();
  try {
    const paths = Array.from({ length: 40 }, (_, i) => scratch.at(`${i}`));
    for (const path of paths) nodeDisk.open(path, "create").close();
    const { disk, calls } = watched();
    const files = new FileCache(disk);
    const made: string[] = [];
    const use = (path: string): DiskFile => files.use(path, () => made.push(path));
    for (const path of paths) use(path);
    expect(calls.filter((call) => call === "open write")).toHaveLength(40);
    expect(calls.filter((call) => call === "exists")).toHaveLength(16);
    expect(made).toEqual([]);
    for (const name of ["new", "newer"]) use(scratch.at(name)).write(Uint8Array.of(1), 0);
    expect(made).toEqual([scratch.at("new"), scratch.at("newer")]);
    // One that is missing ends the trust: a look tells of the next.
    expect(calls.slice(-5)).toEqual(["open create", "write", "exists", "open create", "write"]);
    files.close();
  } finally {
    scratch.remove();
  }
});

it("the header of an event log and its first batch are one write", () => {
  const scratch = new Scratch();
  try {
    const { disk, calls } = watched();
    const packs = {
      pathOfPack: () => "",
      headerOfPack: () => new Uint8Array(0),
      apply(): void {},
      replaced(): void {},
    };
    const root = scratch.at("data");
    nodeDisk.createFolder(root);
    const targets = new DirectoryTargets(disk, root, packs);
    const id = newSessionId(systemClock, systemEntropy);
    const entry = { kind: entryKinds.events, id: sessionIdBytes(id), count: 1 } as const;
    targets.apply({ ...entry, firstSeq: 0, offset: eventLogStart, bytes: Uint8Array.of(1, 2) });
    expect(calls.filter((call) => call === "write")).toHaveLength(1);
    targets.apply({ ...entry, firstSeq: 1, offset: eventLogStart + 2, bytes: Uint8Array.of(3) });
    targets.close();
    const log = nodeDisk.open(eventLogPath(root, id), "read");
    const bytes = new Uint8Array(100);
    expect(log.read(bytes, 0)).toBe(eventLogStart + 3);
    expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe("REACHLOG");
    expect([...bytes.subarray(eventLogStart, eventLogStart + 3)]).toEqual([1, 2, 3]);
    log.close();
  } finally {
    scratch.remove();
  }
});
