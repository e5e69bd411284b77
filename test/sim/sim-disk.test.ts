// The simulated disk does to unsynced data whatever a real one may do, and nothing to what was
// synced. Both matter: the first finds mistakes, the second keeps it from inventing some.

import { describe, expect, it } from "vitest";
import { codeOf, utf8 } from "../../src/base/index.ts";
import { readFile } from "../../src/disk/index.ts";
import type { Operation } from "./operations.ts";
import { nothingKept, PowerLoss, processKilled } from "./power.ts";
import { Random } from "./random.ts";
import { SimDisk, type SimDiskOptions } from "./sim-disk.ts";

const disk = (options: SimDiskOptions = {}): SimDisk => new SimDisk(new Random("disk"), options);

function text(from: SimDisk, path: string): string | undefined {
  return from.exists(path) ? new TextDecoder().decode(readFile(from, path)) : undefined;
}

async function put(on: SimDisk, path: string, content: string | Uint8Array): Promise<void> {
  const file = on.open(path, on.exists(path) ? "write" : "create");
  file.write(typeof content === "string" ? utf8(content) : content, 0);
  await file.sync();
  file.close();
}

/** What many power failures leave, each described by `describe`, as the set of descriptions. */
function outcomes(from: SimDisk, describe: (rest: SimDisk) => string, crashes = 400): Set<string> {
  const found = new Set<string>();
  for (let seed = 0; seed < crashes; seed++) found.add(describe(from.crash(new Random(seed))));
  return found;
}

function thrown(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("bytes at a power failure", () => {
  it("stay as they are where they were synced, whatever is written beside them", async () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = new Random("bytes", seed);
      const from = disk({ writeBackChance: random.pick([0, 0.3]) });
      const file = from.open("/a", "create");
      await from.syncFolder("/");
      const synced = new Uint8Array(30_000);
      const dirty = new Uint8Array(30_000);
      let size = 0;
      for (let step = 0; step < 12; step++) {
        const position = random.int(20_000);
        const bytes = random.bytes(random.pick([1, 100, 511, 5000]));
        file.write(bytes, position);
        dirty.fill(1, position, position + bytes.length);
        if (!random.chance(0.4)) continue;
        await file.sync();
        size = file.size();
        file.read(synced, 0);
        dirty.fill(0);
      }
      const rest = readFile(from.crash(random), "/a");
      expect(rest.length).toBeGreaterThanOrEqual(size);
      const wrong = rest.findIndex((byte, at) => !dirty[at] && at < size && byte !== synced[at]);
      expect(wrong, `seed ${seed}`).toBe(-1);
    }
  });

  it("are kept, dropped, torn or garbage where they were not", async () => {
    const from = disk();
    await put(from, "/a", new Uint8Array(1024).fill(1));
    await from.syncFolder("/");
    from.open("/a", "write").write(new Uint8Array(512).fill(2), 0);
    const found = outcomes(
      from,
      (rest) => {
        const bytes = readFile(rest, "/a").subarray(0, 512);
        const kinds = new Set(bytes);
        if (kinds.size === 1) return bytes[0] === 2 ? "kept" : "dropped";
        return kinds.size === 2 && kinds.has(1) && kinds.has(2) ? "torn" : "garbage";
      },
      2000,
    );
    expect([...found].sort()).toEqual(["dropped", "garbage", "kept", "torn"]);
  });

  it("can be missing from a file that has its full length: zeros inside", async () => {
    const from = disk();
    const file = from.open("/a", "create");
    await from.syncFolder("/");
    file.write(new Uint8Array(10 * 512).fill(7), 0);
    const found = outcomes(from, (rest) => {
      const bytes = readFile(rest, "/a");
      if (bytes.length === 0) return "nothing";
      const zeros = bytes.includes(0) ? "with zeros" : "without zeros";
      return `${bytes.length === 10 * 512 ? "full" : "short"} ${zeros}`;
    });
    expect(found).toContain("nothing");
    expect(found).toContain("full with zeros");
    expect(found).toContain("full without zeros");
    expect(found).toContain("short without zeros");
  });

  it("beside garbage are safe, unless the disk is one that damages whole sectors", async () => {
    const neighbours = async (garbageSpreads: boolean): Promise<Set<string>> => {
      const from = disk({ garbageSpreads });
      await put(from, "/a", new Uint8Array(512).fill(1));
      await from.syncFolder("/");
      from.open("/a", "write").write(new Uint8Array(256).fill(2), 256);
      return outcomes(from, (rest) => (readFile(rest, "/a")[0] === 1 ? "safe" : "hit"), 3000);
    };
    expect(await neighbours(false)).toEqual(new Set(["safe"]));
    expect(await neighbours(true)).toEqual(new Set(["safe", "hit"]));
  });

  it("written while a sync is under way are not part of it", async () => {
    const from = disk({ syncTurnsMax: 0 });
    const file = from.open("/a", "create");
    await from.syncFolder("/");
    file.write(utf8("before"), 0);
    const sync = file.sync();
    file.write(utf8("AFTER!"), 0);
    await sync;
    expect(text(from.crash(new Random(1), nothingKept), "/a")).toBe("before");
    expect(text(from.crash(new Random(1), processKilled), "/a")).toBe("AFTER!");
    await file.sync();
    expect(text(from.crash(new Random(1), nothingKept), "/a")).toBe("AFTER!");
  });

  it("may have been written by the kernel itself, in any state they once had", async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const from = new SimDisk(new Random(seed), { writeBackChance: 0.5 });
      const file = from.open("/a", "create");
      for (const letter of "abcdef") file.write(utf8(letter), 0);
      found.add(text(from.crash(new Random(seed), nothingKept), "/a") ?? "no file");
    }
    for (const state of ["no file", "", "a", "e"]) expect(found).toContain(state);
  });
});

describe("names at a power failure", () => {
  it("are durable only when their folder was synced: a synced file may have none", async () => {
    const from = disk();
    await put(from, "/a", "text");
    const there = (rest: SimDisk): string => String(text(rest, "/a"));
    expect(outcomes(from, there)).toEqual(new Set(["text", "undefined"]));
    await from.syncFolder("/");
    expect(outcomes(from, there)).toEqual(new Set(["text"]));
  });

  it("after a rename are the old or the new one, never none and never both", async () => {
    const from = disk();
    await put(from, "/old", "new content");
    await put(from, "/a", "old content");
    await from.syncFolder("/");
    from.rename("/old", "/a");
    const found = outcomes(from, (rest) => `${text(rest, "/old")}, ${text(rest, "/a")}`);
    expect(found).toEqual(new Set(["new content, old content", "undefined, new content"]));
  });

  it("may belong to an empty file: a rename does not wait for bytes", async () => {
    const from = disk();
    await put(from, "/a", "old");
    await from.syncFolder("/");
    from.open("/b", "create").write(utf8("new"), 0);
    from.rename("/b", "/a");
    const found = outcomes(from, (rest) => text(rest, "/a") ?? "neither");
    expect(found).toContain("");
    expect(found).toContain("old");
    expect(found).toContain("new");
    expect(found).not.toContain("neither");
  });

  it("that were removed may come back, with what the file held", async () => {
    const from = disk();
    await put(from, "/a", "text");
    await from.syncFolder("/");
    from.remove("/a");
    expect(outcomes(from, (rest) => String(text(rest, "/a")))).toEqual(
      new Set(["text", "undefined"]),
    );
    await from.syncFolder("/");
    expect(from.crash(new Random(1), nothingKept).exists("/a")).toBe(false);
  });

  it("survive in order as a rule, and sometimes out of it", () => {
    const from = disk();
    for (const name of ["a", "b", "c"]) from.open(`/${name}`, "create");
    const found = outcomes(from, (rest) => rest.list("/").join(""));
    for (const order of ["", "a", "ab", "abc", "c", "bc"]) expect(found).toContain(order);
  });

  it("of folders that were not synced take everything in them along", async () => {
    const from = disk();
    from.createFolder("/f");
    await put(from, "/f/a", "text");
    await from.syncFolder("/f");
    const found = outcomes(from, (rest) => [...rest.files().keys()].join(" "));
    expect(found).toEqual(new Set(["", "/f/ /f/a"]));
    await from.syncFolder("/");
    expect(outcomes(from, (rest) => String(text(rest, "/f/a")))).toEqual(new Set(["text"]));
  });

  it("moved to another folder are durable in both when either is synced", async () => {
    for (const synced of ["/f", "/"]) {
      const from = disk();
      from.createFolder("/f");
      await from.syncFolder("/");
      await put(from, "/a", "text");
      from.rename("/a", "/f/b");
      await from.syncFolder(synced);
      expect(outcomes(from, (rest) => [...rest.files().keys()].join(" "))).toEqual(
        new Set(["/f/ /f/b"]),
      );
    }
  });

  it("in a folder that is gone are gone with it, also when nobody ever synced them", async () => {
    const from = disk();
    from.createFolder("/f");
    await from.syncFolder("/");
    for (let round = 0; round < 60; round++) {
      from.open(`/f/${round}`, "create").close();
      from.remove(`/f/${round}`);
    }
    from.removeFolder("/f");
    await from.syncFolder("/");
    expect(outcomes(from, (rest) => rest.list("/").join())).toEqual(new Set([""]));
  });

  it("never lead to one file twice", () => {
    const from = disk();
    from.open("/a", "create").write(utf8("x"), 0);
    for (const [old, now] of ["ab", "bc", "ca", "ab", "bd"]) from.rename(`/${old}`, `/${now}`);
    const counts = outcomes(from, (rest) => String(rest.list("/").length));
    expect([...counts].sort()).toEqual(["0", "1"]);
  });
});

describe("a sync that fails", () => {
  const afterFailure = async (effect: "none" | "done", seed: number): Promise<SimDisk> => {
    const from = new SimDisk(new Random("failing", seed));
    await put(from, "/a", "old");
    await from.syncFolder("/");
    from.failWhere(({ kind }) => kind === "sync", { code: "IO_FAILED", effect });
    const file = from.open("/a", "write");
    file.write(utf8("new"), 0);
    expect(await file.sync().catch(codeOf)).toBe("IO_FAILED");
    await file.sync(); // what a program must not trust
    return from;
  };

  it("loses the bytes although a second one reports success, shown or not", async () => {
    const shown = new Set<string>();
    let lost = 0;
    for (let seed = 0; seed < 200; seed++) {
      const from = await afterFailure("none", seed);
      const before = String(text(from, "/a"));
      const after = String(text(from.crash(new Random(seed), nothingKept), "/a"));
      if (after === "old") {
        lost++;
        shown.add(before);
      }
    }
    expect(lost).toBeGreaterThan(100);
    expect(shown).toEqual(new Set(["old", "new"]));
  });

  it("may have done its work and only say otherwise", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const from = await afterFailure("done", seed);
      expect(text(from.crash(new Random(seed), nothingKept), "/a")).toBe("new");
    }
  });

  it("makes those that were waiting behind it fail as well", async () => {
    const from = disk({ syncTurnsMax: 20 });
    const file = from.open("/a", "create");
    file.write(utf8("text"), 0);
    from.failWhere(({ kind }) => kind === "sync", { code: "IO_FAILED", effect: "none" });
    const both = [file.sync(), file.sync()].map((sync) => sync.catch(codeOf));
    expect(await Promise.all(both)).toContain("IO_FAILED");
  });

  it("is also what a file gets that is closed before it is over", async () => {
    const from = disk();
    const file = from.open("/a", "create");
    file.write(utf8("text"), 0);
    const sync = file.sync().catch(codeOf);
    file.close();
    expect(await sync).toBe("IO_FAILED");
  });

  it("of a folder leaves its names to the next one, or forgets them where asked to", async () => {
    const durable = async (foldersForget: boolean): Promise<Set<boolean>> => {
      const found = new Set<boolean>();
      for (let seed = 0; seed < 50; seed++) {
        const from = new SimDisk(new Random("folder", seed), { foldersForget });
        await put(from, "/a", "text");
        from.failWhere(({ kind }) => kind === "syncFolder", { code: "IO_FAILED", effect: "none" });
        expect(await from.syncFolder("/").catch(codeOf)).toBe("IO_FAILED");
        expect(from.crash(new Random(seed), nothingKept).exists("/a")).toBe(false);
        await from.syncFolder("/");
        found.add(from.crash(new Random(seed), nothingKept).exists("/a"));
      }
      return found;
    };
    expect(await durable(false)).toEqual(new Set([true]));
    expect(await durable(true)).toEqual(new Set([true, false]));
  });
});

describe("an operation that is made to fail", () => {
  const actions: Record<string, (on: SimDisk) => unknown> = {
    open: (on) => on.open("/a", "read"),
    create: (on) => on.open("/new", "create"),
    read: (on) => on.open("/a", "read").read(new Uint8Array(1), 0),
    write: (on) => on.open("/a", "write").write(utf8("NEW TEXT"), 0),
    rename: (on) => on.rename("/a", "/b"),
    remove: (on) => on.remove("/a"),
    createFolder: (on) => on.createFolder("/f"),
    removeFolder: (on) => on.removeFolder("/empty"),
    list: (on) => on.list("/"),
  };
  const prepared = async (): Promise<SimDisk> => {
    const on = disk();
    await put(on, "/a", "old text");
    on.createFolder("/empty");
    return on;
  };
  const state = (of: SimDisk): string =>
    [...of.files()].map(([path, bytes]) => `${path}=${new TextDecoder().decode(bytes)}`).join(" ");

  it.each(Object.keys(actions))("is not done, or done all the same: %s", async (kind) => {
    const act = actions[kind] as (on: SimDisk) => unknown;
    const fine = await prepared();
    const before = state(fine);
    act(fine);
    for (const code of ["IO_FAILED", "DISK_FULL"] as const) {
      for (const effect of ["none", "done"] as const) {
        const on = await prepared();
        on.failWhere((operation) => operation.kind === kind, { code, effect });
        expect(codeOf(thrown(() => act(on)))).toBe(code);
        expect(state(on)).toBe(effect === "none" ? before : state(fine));
        expect(thrown(() => on.list("/"))).toBeUndefined();
      }
    }
  });

  it("writes a part, if that is asked for", () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const on = new SimDisk(new Random(seed));
      const file = on.open("/a", "create");
      on.failAt(on.operations + 1, { code: "DISK_FULL", effect: "part" });
      expect(codeOf(thrown(() => file.write(new Uint8Array(100), 0)))).toBe("DISK_FULL");
      sizes.add(file.size());
      file.write(new Uint8Array(100), 0);
    }
    expect(sizes.size).toBeGreaterThan(20);
    expect(Math.max(...sizes)).toBeLessThan(100);
  });
});

describe("a full disk", () => {
  it("takes what fits, refuses the rest, reads on, and takes more when there is room", () => {
    const on = disk({ capacityBytes: 3 * 4096 });
    const file = on.open("/a", "create");
    file.write(new Uint8Array(4096).fill(1), 0);
    expect(codeOf(thrown(() => file.write(new Uint8Array(16_384).fill(2), 4096)))).toBe(
      "DISK_FULL",
    );
    expect(file.size()).toBe(3 * 4096);
    expect(on.usedBytes).toBe(3 * 4096);
    expect(codeOf(thrown(() => on.open("/b", "create")))).toBe("DISK_FULL");
    expect(codeOf(thrown(() => on.createFolder("/f")))).toBe("DISK_FULL");
    file.write(new Uint8Array(8192).fill(3), 4096);
    expect(readFile(on, "/a")[4096]).toBe(3);
    on.setCapacity(4 * 4096);
    file.write(new Uint8Array(4096), 3 * 4096);
    expect(on.usedBytes).toBe(4 * 4096);
  });

  it("gets room from files that are removed and that nobody holds open", () => {
    const on = disk({ capacityBytes: 4096 });
    const file = on.open("/a", "create");
    file.write(new Uint8Array(4096).fill(1), 0);
    on.remove("/a");
    expect(on.usedBytes).toBe(4096);
    file.close();
    expect(on.usedBytes).toBe(0);
  });

  it("counts zeros that were written, but not holes", () => {
    const on = disk();
    const file = on.open("/a", "create");
    file.write(new Uint8Array(8192), 0);
    file.write(utf8("x"), 1_000_000);
    expect(on.usedBytes).toBe(3 * 4096);
  });
});

describe("power that fails", () => {
  it("stops the operation it hits and all after it, also a sync that is under way", async () => {
    const on = disk({ syncTurnsMax: 50 });
    const file = on.open("/a", "create");
    file.write(utf8("one"), 0);
    on.powerOffAt(on.operations + 2);
    const sync = file.sync().catch((error: unknown) => error);
    expect(thrown(() => file.write(utf8("two"), 0))).toBeInstanceOf(PowerLoss);
    expect(await sync).toBeInstanceOf(PowerLoss);
    for (const action of [() => on.list("/"), () => on.exists("/a"), () => file.size()]) {
      expect(thrown(action)).toBeInstanceOf(PowerLoss);
    }
    expect(text(on.crash(new Random(1), processKilled), "/a")).toBe("one");
  });

  it("is announced before each change, which is also when the disk can be cloned", async () => {
    const on = disk();
    const seen: string[] = [];
    const sizes: (number | undefined)[] = [];
    on.onChange = ({ kind }: Operation) => {
      seen.push(kind);
      sizes.push(on.clone().crash(new Random(1), processKilled).files().get("/a")?.length);
    };
    await put(on, "/a", "text");
    await on.syncFolder("/");
    on.rename("/a", "/b");
    expect(seen).toEqual([
      ...["create", "write", "sync", "synced", "syncFolder", "syncedFolder", "rename"],
    ]);
    expect(sizes).toEqual([undefined, 0, 4, 4, 4, 4, 4]);
  });

  it("strikes clones apart from each other and from the disk they were made of", async () => {
    const on = disk();
    const file = on.open("/a", "create");
    file.write(utf8("one"), 0);
    await on.syncFolder("/");
    const clone = on.clone();
    file.write(utf8("TWO"), 0);
    const inClone = clone.open("/a", "write");
    inClone.write(utf8("three"), 0);
    const second = clone.clone();
    clone.remove("/a");
    expect(text(on, "/a")).toBe("TWO");
    expect(text(second, "/a")).toBe("three");
    expect(clone.exists("/a")).toBe(false);
    await file.sync();
    expect(text(on.crash(new Random(1), nothingKept), "/a")).toBe("TWO");
    expect(text(second.crash(new Random(1), nothingKept), "/a")).toBe("");
  });

  it("strikes the same way for the same seed", async () => {
    const run = async (): Promise<string> => {
      const on = new SimDisk(new Random("same"), { writeBackChance: 0.3 });
      for (let step = 0; step < 40; step++) {
        on.open(`/${step}`, "create").write(new Uint8Array(3000).fill(step), step * 100);
        if (step % 7 === 0) await on.syncFolder("/");
      }
      const files = on.crash(new Random("crash")).files();
      return [...files].map(([path, bytes]) => path + Buffer.from(bytes).toString("base64")).join();
    };
    expect(await run()).toBe(await run());
  });

  it("leaves a trace that says what was done last", async () => {
    const on = disk();
    await put(on, "/a", "text");
    on.rename("/a", "/b");
    expect(on.trace(3)).toEqual(["#3 sync /a", "#4 synced /a", "#5 rename /a to /b"]);
  });

  it("can strike a disk made of given files, for tests that damage them", () => {
    const files = new Map([
      ["/f/", new Uint8Array(0)],
      ["/f/a", utf8("text")],
      ["/f/g/", new Uint8Array(0)],
    ]);
    const on = SimDisk.holding(files, new Random(1));
    expect(on.crash(new Random(1), nothingKept).files()).toEqual(files);
  });
});
