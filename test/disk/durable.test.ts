// Files that are whole or not there, whatever happens while they are written: power fails at every
// operation, and every operation fails in every way. What was there before, or what was to come.

import { describe, expect, it } from "vitest";
import { codeOf, noBytes, ReachError, utf8 } from "../../src/base/index.ts";
import {
  createFolders,
  cutFile,
  folderOf,
  readFile,
  replaceFile,
  temporarySuffix,
} from "../../src/disk/index.ts";
import { faults, nothingKept } from "../sim/power.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";

const old = new Uint8Array(5000).fill(1);
const fresh = new Uint8Array(9000).fill(2);
const crashesPerOperation = 60;

type Action = (disk: SimDisk) => Promise<void>;

/** A disk on which `/f/a` durably holds `old`. */
function prepared(seed = 0): SimDisk {
  const files = new Map([
    ["/f/", noBytes],
    ["/f/a", old],
  ]);
  return SimDisk.holding(files, new Random("durable", seed));
}

function contentOf(disk: SimDisk): string {
  if (!disk.exists("/f/a")) return "nothing";
  const bytes = readFile(disk, "/f/a");
  for (const [name, content] of Object.entries({ old, fresh, cut: old.subarray(0, 4321) })) {
    if (Buffer.compare(bytes, content) === 0) return name;
  }
  return `${bytes.length} bytes that nobody wrote`;
}

/** What is found after a power failure at each operation of `action`, and after all of them. */
async function afterCrashes(action: Action): Promise<{ during: Set<string>; after: Set<string> }> {
  const disk = prepared();
  const during = new Set<string>();
  const crash = (found: Set<string>): void => {
    for (let seed = 0; seed < crashesPerOperation; seed++) {
      found.add(contentOf(disk.clone().crash(new Random(seed))));
    }
  };
  disk.onChange = () => crash(during);
  await action(disk);
  const after = new Set<string>();
  crash(after);
  return { during, after };
}

/** Runs `action` once for each of its operations and each way that one can fail. */
async function withEveryFault(
  action: Action,
  check: (disk: SimDisk, code: string | undefined) => Promise<void> | void,
): Promise<number> {
  const counting = prepared();
  const first = counting.operations;
  await action(counting);
  let count = 0;
  for (let index = first + 1; index <= counting.operations; index++) {
    for (const fault of faults) {
      const disk = prepared(index);
      disk.failAt(index, fault);
      let code: string | undefined;
      await action(disk).catch((error: unknown) => {
        code = codeOf(error) ?? String(error);
      });
      expect(code, `operation ${index}: ${disk.trace(1).join()}`).toBe(fault.code);
      await check(disk, code);
      count++;
    }
  }
  return count;
}

describe("a file that is replaced", () => {
  const replace: Action = (disk) => replaceFile(disk, "/f/a", fresh);

  it("is the old or the new one when the power fails, and the new one afterwards", async () => {
    const { during, after } = await afterCrashes(replace);
    expect(during).toEqual(new Set(["old", "fresh"]));
    expect(after).toEqual(new Set(["fresh"]));
  });

  it("is the old or the new one when an operation fails, also after a power failure", async () => {
    const found = new Set<string>();
    const count = await withEveryFault(replace, (disk) => {
      found.add(contentOf(disk));
      for (let seed = 0; seed < 10; seed++) found.add(contentOf(disk.crash(new Random(seed))));
      found.add(contentOf(disk.crash(new Random(0), nothingKept)));
    });
    expect(count).toBeGreaterThanOrEqual(8 * faults.length);
    expect(found).toEqual(new Set(["old", "fresh"]));
  });

  it("leaves no left-over when its bytes find no room", async () => {
    const disk = prepared();
    disk.setCapacity(disk.usedBytes + 4096);
    expect(await replaceFile(disk, "/f/a", fresh).catch(codeOf)).toBe("DISK_FULL");
    expect(disk.list("/f")).toEqual(["a"]);
    expect(contentOf(disk)).toBe("old");
  });

  it("can be replaced again after any failure", async () => {
    await withEveryFault(replace, async (disk) => {
      await replaceFile(disk, "/f/a", fresh);
      expect(contentOf(disk)).toBe("fresh");
      expect(disk.exists(`/f/a${temporarySuffix}`)).toBe(false);
    });
  });
});

describe("a file that two writers replace, one of which has taken over", () => {
  it("is that one's, and nothing of the other's keeps it from getting there", async () => {
    for (let delay = 0; delay < 20; delay++) {
      const disk = prepared(delay);
      let owner = 1;
      const check = (writer: number) => (): void => {
        if (writer !== owner) throw new ReachError("FENCED", "somebody has taken over");
      };
      const first = replaceFile(disk, "/f/a", noBytes, check(1)).catch(codeOf);
      for (let turn = 0; turn < delay; turn++) await Promise.resolve();
      owner = 2;
      await replaceFile(disk, "/f/a", fresh, check(2));
      expect(await first).toBeOneOf([undefined, "FENCED"]);
      expect(contentOf(disk)).toBe("fresh");
      expect(contentOf(disk.crash(new Random(delay), nothingKept))).toBe("fresh");
    }
  });
});

describe("a file that is cut", () => {
  const cut: Action = (disk) => cutFile(disk, "/f/a", 4321);

  it("is whole or cut when the power fails, and cut afterwards", async () => {
    const { during, after } = await afterCrashes(cut);
    expect(during).toEqual(new Set(["old", "cut"]));
    expect(after).toEqual(new Set(["cut"]));
  });

  it("is whole or cut when an operation fails, also after a power failure", async () => {
    const found = new Set<string>();
    await withEveryFault(cut, (disk) => {
      found.add(contentOf(disk));
      for (let seed = 0; seed < 10; seed++) found.add(contentOf(disk.crash(new Random(seed))));
    });
    expect(found).toEqual(new Set(["old", "cut"]));
  });
});

describe("folders that are created", () => {
  it("are there after a power failure, all of them", async () => {
    for (let seed = 0; seed < crashesPerOperation; seed++) {
      const disk = prepared();
      await createFolders(disk, "/f", "/f/x/y/z");
      expect(disk.crash(new Random(seed)).list("/f/x/y")).toEqual(["z"]);
    }
  });

  it("are there after a power failure, although an earlier attempt was cut short", async () => {
    // A folder that exists need not be durable: the attempt that made it may have died before.
    const disk = prepared();
    disk.createFolder("/f/x");
    await createFolders(disk, "/f", "/f/x/y");
    expect(disk.crash(new Random(0), nothingKept).list("/f/x")).toEqual(["y"]);
  });
});

describe("the folder of a path", () => {
  it.each([
    ["/a/b/c", "/a/b"],
    ["/a", "/"],
    ["a/b", "a"],
    ["a", "."],
  ])("of %s is %s", (path, folder) => {
    expect(folderOf(path)).toBe(folder);
  });

  it("is where a name must be synced", async () => {
    const disk = prepared();
    await replaceFile(disk, "/b", utf8("text"));
    expect(disk.crash(new Random(0), nothingKept).exists("/b")).toBe(true);
  });
});
