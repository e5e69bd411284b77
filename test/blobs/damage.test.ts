/** A damaged store never gives wrong bytes, says what is hit, and keeps what is not. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  codeOf,
  concat,
  crc32,
  equalBytes,
  sha256,
  toHex,
  writeU16,
  writeU32,
} from "../../src/base/index.ts";
import { nextCut } from "../../src/blobs/chunker.ts";
import { PackBlobs } from "../../src/blobs/index.ts";
import { packHeaderBytes } from "../../src/blobs/pack-format.ts";
import { scanEntries } from "../../src/blobs/pack-scan.ts";
import { commit, problems } from "./blobs.cases.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { noise } from "./samples.ts";

const folder = "blobs";
const journaledPack = `${folder}/00000001.pack`;
const bulkPack = `${folder}/00000002.pack`;
/** Noise of 1,300 bytes that is cut into two chunks. */
function twoChunks(seed: number): Uint8Array {
  const bytes = noise(1300, seed);
  return nextCut(bytes, 0, bytes.length) < bytes.length ? bytes : twoChunks(seed + 100);
}

/** One chunk; several; several that share some with the one before; the same in the bulk pack. */
const journaled = [noise(300, 1), twoChunks(2), concat(twoChunks(2), noise(200, 3))];
const inBulk = [noise(300, 4), twoChunks(5)];
const blobs = [...journaled, ...inBulk];
let disk: MemoryDisk;

beforeAll(async () => {
  disk = new MemoryDisk();
  const store = await PackBlobs.open(disk, folder, "write");
  for (const bytes of journaled) commit(store, store.stage(bytes));
  const writer = store.openBulk();
  for (const bytes of inBulk) writer.put(bytes);
  await writer.sync();
  writer.close();
  store.close();
});

/** What reading a blob comes to: its bytes are right, or the code of the error. */
function outcome(store: PackBlobs, bytes: Uint8Array, way: "get" | "stream"): string {
  const name = sha256(bytes);
  try {
    const read = way === "get" ? store.get(name) : concat(...store.stream(name));
    return equalBytes(read, bytes) ? "right" : "WRONG";
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

async function outcomes(damaged: MemoryDisk, mode: "read" | "write"): Promise<string[]> {
  const store = await PackBlobs.open(damaged, folder, mode);
  const found = blobs.flatMap((bytes) => [
    outcome(store, bytes, "get"),
    outcome(store, bytes, "stream"),
  ]);
  store.close();
  return found;
}

/** Offset of the last entry of a pack. */
function lastEntry(bytes: Uint8Array, pack: number): number {
  let last = 0;
  const read = (into: Uint8Array, offset: number): number => {
    into.set(bytes.subarray(offset, offset + into.length));
    return into.length;
  };
  scanEntries(read, pack, packHeaderBytes, bytes.length, {
    entry: (_buffer, _at, offset) => {
      last = offset;
    },
    damaged: () => undefined,
  });
  return last;
}

function withoutIndexes(from: MemoryDisk): MemoryDisk {
  const copy = from.copy();
  for (const name of copy.list(folder)) if (name.endsWith(".idx")) copy.remove(`${folder}/${name}`);
  return copy;
}

describe("a flipped bit", () => {
  for (const path of [journaledPack, bulkPack]) {
    for (const indexed of [true, false]) {
      const state = indexed ? "with" : "without";
      test(`anywhere in ${path}, ${state} indexes, is reported and never read`, async () => {
        const base = indexed ? disk.copy() : withoutIndexes(disk);
        const bytes = base.bytesOf(path);
        const last = lastEntry(bytes, Number.parseInt(path.slice(-13, -5), 16));
        let hit = 0;
        for (let at = 0; at < bytes.length; at++) {
          const flipped = bytes.slice();
          flipped[at] = (flipped[at] as number) ^ (1 << (at & 7));
          base.replace(path, flipped);
          const reader = await PackBlobs.open(base, folder, "read");
          const way = at % 2 === 0 ? "get" : "stream";
          const found = blobs.map((blob) => outcome(reader, blob, way));
          const bad = found.filter((code) => code !== "right");
          // A last entry without a valid header looks as if it were still being written.
          const codes = at < last ? ["BLOB_CORRUPT"] : ["BLOB_CORRUPT", "BLOB_MISSING"];
          // One place hits the blobs that share it, not the others.
          if (bad.length > 2 || bad.some((code) => !codes.includes(code))) {
            throw new Error(`a bit flipped at ${at}: ${found}`);
          }
          if (bad.length > 0) hit += 1;
          const [first] = problems(reader, ...blobs);
          if (first?.code !== "BLOB_CORRUPT" || (first.place?.offset ?? at + 1) > at) {
            throw new Error(`a bit flipped at ${at}: ${first?.message ?? "nothing reported"}`);
          }
          reader.close();
        }
        expect(hit).toBeGreaterThan(bytes.length / 2);
      });
    }
  }

  test("anywhere in an index costs nothing but time", async () => {
    for (const path of [journaledPack, bulkPack].map((pack) => pack.replace(".pack", ".idx"))) {
      const bytes = disk.bytesOf(path);
      for (let at = 0; at < bytes.length; at++) {
        const copy = disk.copy();
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << (at & 7));
        copy.replace(path, flipped);
        for (const mode of ["read", "write"] as const) {
          expect(new Set(await outcomes(copy, mode))).toEqual(new Set(["right"]));
        }
        const reader = await PackBlobs.open(copy, folder, "read");
        expect(problems(reader, ...blobs)).toEqual([]);
        reader.close();
      }
    }
  });
});

describe("a file that is cut short", () => {
  test("a pack at any length: nothing wrong is read, what lies before is whole", async () => {
    for (const base of [disk.copy(), withoutIndexes(disk)]) {
      const bytes = base.bytesOf(journaledPack);
      let whole = 0;
      for (let size = 0; size < bytes.length; size += 3) {
        base.replace(journaledPack, bytes.slice(0, size));
        const found = await outcomes(base, "read");
        expect(found).not.toContain("WRONG");
        for (const code of found) expect(code).toMatch(/^(right|BLOB_CORRUPT|BLOB_MISSING)$/);
        // The other pack is not concerned.
        expect(new Set(found.slice(2 * journaled.length))).toEqual(new Set(["right"]));
        const right = found.filter((code) => code === "right").length;
        expect(right).toBeGreaterThanOrEqual(whole);
        whole = right;
      }
      base.replace(journaledPack, bytes);
      expect(whole).toBeGreaterThanOrEqual(8);
    }
  });

  test("an index at any length, empty or gone, costs nothing but time", async () => {
    const path = journaledPack.replace(".pack", ".idx");
    const bytes = disk.bytesOf(path);
    for (let size = 0; size < bytes.length; size++) {
      const copy = disk.copy();
      copy.replace(path, bytes.slice(0, size));
      expect(new Set(await outcomes(copy, "read"))).toEqual(new Set(["right"]));
    }
    for (const mode of ["read", "write"] as const) {
      const copy = withoutIndexes(disk);
      expect(new Set(await outcomes(copy, mode))).toEqual(new Set(["right"]));
      expect(copy.exists(path)).toBe(mode === "write");
      if (mode === "write") expect(toHex(copy.bytesOf(path))).toBe(toHex(bytes));
    }
  });
});

describe("files that are not what they should be", () => {
  test("an index of another pack, or of an earlier state, is not used", async () => {
    const copy = disk.copy();
    const index = bulkPack.replace(".pack", ".idx");
    copy.replace(journaledPack.replace(".pack", ".idx"), disk.bytesOf(index));
    expect(new Set(await outcomes(copy, "read"))).toEqual(new Set(["right"]));
    const other = new MemoryDisk();
    const store = await PackBlobs.open(other, folder, "write");
    commit(store, store.stage(noise(9000, 50)));
    store.close();
    for (const number of ["00000001.idx"]) {
      const stale = disk.copy();
      stale.replace(`${folder}/${number}`, other.bytesOf(`${folder}/${number}`));
      expect(new Set(await outcomes(stale, "read"))).toEqual(new Set(["right"]));
    }
  });

  test("packs under each other's name are damaged, not believed", async () => {
    const copy = withoutIndexes(disk);
    copy.replace(journaledPack, disk.bytesOf(bulkPack));
    copy.replace(bulkPack, disk.bytesOf(journaledPack));
    const found = await outcomes(copy, "read");
    expect(found.every((code) => code === "BLOB_CORRUPT" || code === "BLOB_MISSING")).toBe(true);
  });

  test("a pack of a later version is refused, with the file named", async () => {
    const copy = disk.copy();
    const bytes = copy.bytesOf(journaledPack);
    writeU16(bytes, 4, 2);
    writeU32(bytes, 12, crc32(bytes.subarray(0, 12)));
    copy.replace(journaledPack, bytes);
    expect(new Set(await outcomes(copy, "read"))).toContain("FORMAT_UNSUPPORTED");
  });

  test("empty and missing packs, and files that are none, disturb nothing else", async () => {
    const copy = disk.copy();
    copy.replace(`${folder}/0000000a.pack`, new Uint8Array(0));
    copy.replace(`${folder}/0000000b.pack`, new Uint8Array(5));
    copy.replace(`${folder}/notes.txt`, noise(10, 1));
    copy.replace(`${folder}/00000001.pack.tmp`, noise(10, 1));
    copy.replace(`${folder}/000000ff.idx`, noise(100, 1));
    expect(new Set(await outcomes(copy, "read"))).toEqual(new Set(["right"]));
    expect(new Set(await outcomes(copy, "write"))).toEqual(new Set(["right"]));
    expect(copy.list(folder)).not.toContain("00000001.pack.tmp");
    expect(copy.list(folder)).not.toContain("000000ff.idx");
    copy.remove(bulkPack);
    const found = await outcomes(copy, "read");
    expect(found.slice(0, 6)).toEqual(Array(6).fill("right"));
    expect(found.slice(6)).toEqual(Array(4).fill("BLOB_MISSING"));
  });
});

describe("what damage does to new blobs", () => {
  test("a damaged chunk is not counted on: storing the blob again heals it", async () => {
    const copy = disk.copy();
    const bytes = copy.bytesOf(journaledPack);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 255;
    copy.replace(journaledPack, bytes);
    const store = await PackBlobs.open(copy, folder, "write");
    const before = blobs.map((blob) => outcome(store, blob, "get"));
    expect(before).toContain("BLOB_CORRUPT");
    for (const blob of journaled) commit(store, store.stage(blob));
    expect(blobs.map((blob) => outcome(store, blob, "get"))).toEqual(blobs.map(() => "right"));
    store.close();
    expect(new Set(await outcomes(copy, "read"))).toEqual(new Set(["right"]));
  });

  test("nothing is appended to a pack that does not end with a valid entry", async () => {
    const copy = disk.copy();
    copy.replace(journaledPack, concat(copy.bytesOf(journaledPack), noise(20, 9)));
    const store = await PackBlobs.open(copy, folder, "write");
    const [write] = store.stage(noise(5000, 10)).entries;
    expect(write?.pack).toBe(3);
    store.close();
    const whole = await PackBlobs.open(disk.copy(), folder, "write");
    expect(whole.stage(noise(5000, 10)).entries[0]?.pack).toBe(1);
    whole.close();
  });
});
