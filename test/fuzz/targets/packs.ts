/**
 * The blob store on packs and indexes that were changed behind its back: what is read is what was
 * named, or an error says that it is not there.
 */
import { concat, crc32, equalBytes, readU32, sha256, writeU32 } from "../../../src/base/index.ts";
import { PackBlobs, type StagedBlob } from "../../../src/blobs/index.ts";
import {
  entryHash,
  entryHeaderBytes,
  entrySize,
  packHeaderBytes,
} from "../../../src/blobs/pack-format.ts";
import { MemoryDisk } from "../../blobs/memory-disk.ts";
import { noise } from "../../blobs/samples.ts";
import { attempt, attemptAsync, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";

const folder = "blobs";
const files = ["00000001.pack", "00000002.pack", "00000001.idx", "00000002.idx"] as const;
/** Not so large that a fuzzed input has to be; several chunks, shared ones, an empty blob. */
const shared = noise(1500, 2);
const journaled = [noise(60, 1), shared, concat(shared, noise(300, 3)), new Uint8Array(0)];
const inBulk = [noise(40, 4), noise(1400, 5)];
const blobs = [...journaled, ...inBulk];
const faults = ["BLOB_CORRUPT", "BLOB_MISSING", "BLOB_TOO_LARGE", "FORMAT_UNSUPPORTED"] as const;

let stored: Promise<MemoryDisk> | undefined;

/** Stands for the journal: what was staged is durable, and goes to its place. */
function commit(writer: PackBlobs, staged: StagedBlob): void {
  for (const write of staged.entries) writer.apply(write);
}

async function store(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const writer = await PackBlobs.open(disk, folder, "write");
  for (const bytes of journaled) commit(writer, writer.stage(bytes));
  const bulk = writer.openBulk();
  for (const bytes of inBulk) bulk.put(bytes);
  await bulk.sync();
  bulk.close();
  writer.close();
  return disk;
}

/** Makes the CRCs of entries right, one behind the other, and that of the header. */
function sealPack(pack: Uint8Array, number: number): void {
  if (pack.length >= packHeaderBytes) writeU32(pack, 12, crc32(pack.subarray(0, 12)));
  for (let at = packHeaderBytes; at + entryHeaderBytes <= pack.length; ) {
    const size = entrySize(pack, at);
    if (size === 0 || at + size > pack.length) return;
    const seed = (Math.imul(number, 0x9e3779b1) ^ at) >>> 0;
    writeU32(pack, at, crc32(pack.subarray(at + 4, at + size), seed));
    at += size;
  }
}

function sealIndex(index: Uint8Array): void {
  if (index.length < 44) return;
  const filterEnd = 44 + 4 * readU32(index, 20);
  if (filterEnd > index.length) return;
  writeU32(index, 32, crc32(index.subarray(44, filterEnd)));
  writeU32(index, 36, crc32(index.subarray(filterEnd)));
  writeU32(index, 40, crc32(index.subarray(0, 40)));
}

/** Names that entries of a pack claim, right or wrong. */
function claimedNames(pack: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let at = packHeaderBytes; at + entryHeaderBytes <= pack.length && names.length < 6; ) {
    const size = entrySize(pack, at);
    if (size === 0) break;
    names.push(entryHash(pack, at).slice());
    at += size;
  }
  return names;
}

function read(reader: PackBlobs, name: Uint8Array): void {
  const got = attempt("get", faults, () => reader.get(name));
  if (got) promise(equalBytes(sha256(got), name), "what is read has the name that was asked for");
  const pieces = attempt("stream", faults, () => concat(...reader.stream(name)));
  if (pieces) promise(equalBytes(sha256(pieces), name), "so has what is streamed");
  promise((got === undefined) === (pieces === undefined), "both ways to read agree");
  const problems = attempt("problemsOf", faults, () => reader.problemsOf(name));
  if (problems) promise((problems.length === 0) === (got !== undefined), "what is whole is read");
  attempt("sizeOf", faults, () => reader.sizeOf(name));
}

/** Mutated packs and indexes: the first byte of an input chooses the file. */
export const packs: FuzzTarget = {
  name: "packs",
  weight: 4,
  bytesMax: 8192,
  words: ["RPK1", "RPX1", new Uint8Array(41), Uint8Array.of(0x00, 0x20, 0, 0, 1)],
  async seeds() {
    stored ??= store();
    const disk = await stored;
    return files.map((name, i) => concat(Uint8Array.of(i), disk.bytesOf(`${folder}/${name}`)));
  },
  repair(input) {
    const number = (input[0] ?? 0) % files.length;
    const content = input.subarray(1);
    if (number < 2) sealPack(content, number + 1);
    else sealIndex(content);
  },
  async check(input) {
    stored ??= store();
    const random = choicesOf(input);
    const disk = (await stored).copy();
    const number = (input[0] ?? 0) % files.length;
    const content = input.subarray(1);
    disk.replace(`${folder}/${files[number]}`, content);
    if (number < 2 && random.chance(0.5)) disk.remove(`${folder}/0000000${number + 1}.idx`);
    const names: Uint8Array[] = blobs.map((bytes) => sha256(bytes));
    if (number < 2) names.push(...claimedNames(content));
    const mode = random.chance(0.3) ? "write" : "read";
    const reader = await attemptAsync("open", faults, () => PackBlobs.open(disk, folder, mode));
    if (!reader) return;
    for (const name of names) read(reader, name);
    attempt("verifyAll", faults, () => [...reader.verifyAll(names)]);
    if (mode === "write") attempt("a new blob", faults, () => writeNew(reader));
    attempt("close", faults, () => reader.close());
    promise(disk.openFiles === 0, "all files are closed");
  },
};

function writeNew(reader: PackBlobs): void {
  const bytes = noise(700, 99);
  commit(reader, reader.stage(bytes));
  promise(equalBytes(reader.get(sha256(bytes)), bytes), "what is written new can be read");
}
