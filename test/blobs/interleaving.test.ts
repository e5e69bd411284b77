/**
 * Any interleaving of journaled and bulk writing, of abandoning, crashing, recovering, collecting
 * and reading from another process leaves every blob that was committed, and only whole ones.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, equalBytes, sha256, toHex } from "../../src/base/index.ts";
import {
  type BulkPackWriter,
  PackBlobs,
  type PackMark,
  type PackWrite,
  type StagedBlob,
} from "../../src/blobs/index.ts";
import { problems } from "./blobs.cases.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { noise, seeded } from "./samples.ts";

const folder = "blobs";

interface OpenBulk {
  readonly writer: BulkPackWriter;
  readonly put: Uint8Array[];
  record: PackMark;
  /** Durable, but not on record yet; nothing is put meanwhile. */
  synced: PackMark | undefined;
}

interface Waiting {
  readonly staged: StagedBlob;
  readonly bytes: Uint8Array;
}

/** A writing process, what it must not lose, and a reading one beside it. */
class World {
  disk = new MemoryDisk();
  #readerDisk = this.disk.sibling();
  readonly #random: () => number;
  readonly #options: { packBytesMax: number; indexBytesMax: number; knownSlotsMax: number };
  store!: PackBlobs;
  reader!: PackBlobs;
  /** Blobs by name that are committed or on record. */
  readonly safe = new Map<string, Uint8Array>();
  /** What the journal holds, since the packs were made durable last. */
  journal: PackWrite[] = [];
  /** Packs as they were then: what a power failure may go back to. */
  durable = new Map<string, Uint8Array>();
  waiting: Waiting[] = [];
  bulks: OpenBulk[] = [];
  /** Blobs that were made lately, whatever became of them. */
  readonly recent: Uint8Array[] = [];
  readonly done = new Map<string, number>();

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#options = {
      packBytesMax: 6000 + this.pick(60_000),
      indexBytesMax: this.pick(2) * 1_000_000,
      knownSlotsMax: 1024,
    };
  }

  pick(below: number): number {
    return Math.floor(this.#random() * below);
  }

  async open(): Promise<void> {
    this.store = await PackBlobs.open(this.disk, folder, "write", this.#options);
    this.reader = await PackBlobs.open(this.#readerDisk, folder, "read", this.#options);
  }

  /** Some bytes: new, old, or old ones with a change. */
  bytes(): Uint8Array {
    let bytes = noise(this.pick(2) === 0 ? this.pick(3000) : this.pick(20_000), this.pick(1e9));
    if (this.recent.length > 0 && this.pick(3) > 0) {
      const old = this.recent[this.pick(this.recent.length)] as Uint8Array;
      const at = this.pick(old.length + 1);
      const changed = concat(old.subarray(0, at), bytes.subarray(0, 100), old.subarray(at));
      bytes = this.pick(3) === 0 ? changed : old;
    }
    this.recent.push(bytes);
    if (this.recent.length > 12) this.recent.shift();
    return bytes;
  }

  /** Does one thing at random. */
  async step(): Promise<void> {
    const steps = [
      this.stage,
      this.stage,
      this.commit,
      this.commit,
      this.abandon,
      this.bulkPut,
      this.bulkPut,
      this.bulkSync,
      this.bulkEnd,
      this.read,
      this.settle,
      this.crash,
      this.powerFailure,
      this.reopen,
      this.collect,
    ];
    const step = steps[this.pick(steps.length)] as () => void | Promise<void>;
    this.done.set(step.name, (this.done.get(step.name) ?? 0) + 1);
    await step.call(this);
  }

  stage(): void {
    const bytes = this.bytes();
    this.waiting.push({ staged: this.store.stage(bytes), bytes });
  }

  /** The journal takes some of what is staged, in any order. */
  commit(): void {
    const count = 1 + this.pick(this.waiting.length);
    for (let i = 0; i < count && this.waiting.length > 0; i++) {
      const [{ staged, bytes }] = this.waiting.splice(this.pick(this.waiting.length), 1) as [
        Waiting,
      ];
      const writes = staged.entries;
      this.journal.push(...writes);
      for (const write of writes) this.store.apply(write);
      this.safe.set(toHex(staged.ref.sha256), bytes);
    }
  }

  abandon(): void {
    if (this.waiting.length === 0) return;
    const [{ staged }] = this.waiting.splice(this.pick(this.waiting.length), 1) as [Waiting];
    this.store.abandon(staged);
  }

  bulkPut(): void {
    if (this.bulks.length === 0 || (this.bulks.length < 3 && this.pick(3) === 0)) {
      const writer = this.store.openBulk();
      this.bulks.push({ writer, put: [], record: writer.watermark, synced: undefined });
    }
    const bulk = this.bulks[this.pick(this.bulks.length)] as OpenBulk;
    if (bulk.synced) return;
    const bytes = this.bytes();
    if (this.pick(2) === 0) bulk.writer.put(bytes);
    else {
      const stream = bulk.writer.putStream();
      for (let at = 0; at < bytes.length; at += 999) stream.push(bytes.subarray(at, at + 999));
      stream.finish();
    }
    bulk.put.push(bytes);
  }

  async bulkSync(): Promise<void> {
    const bulk = this.bulks[this.pick(this.bulks.length)];
    if (!bulk) return;
    bulk.synced ??= await bulk.writer.sync();
    // Other things happen between making bytes durable and putting that on record.
    if (this.pick(2) === 0) return;
    bulk.record = bulk.synced;
    bulk.synced = undefined;
    for (const bytes of bulk.put.splice(0)) this.safe.set(toHex(sha256(bytes)), bytes);
    this.#keepBulkPacks();
    if (this.pick(2) === 0) bulk.writer.confirm();
  }

  async bulkEnd(): Promise<void> {
    const [bulk] = this.bulks.splice(this.pick(this.bulks.length), 1);
    if (!bulk) return;
    if (this.pick(2) === 0) {
      await bulk.writer.sync();
      for (const bytes of bulk.put) this.safe.set(toHex(sha256(bytes)), bytes);
      bulk.writer.close();
      this.#keepBulkPacks();
      return;
    }
    bulk.writer.abandon();
    await this.store.cut(bulk.record.pack, bulk.record.size);
    this.#keepBulkPacks();
  }

  read(): void {
    for (const [name, bytes] of this.safe) {
      const reader = this.pick(2) === 0 ? this.reader : this.store;
      const read = reader.get(sha256(bytes));
      if (!equalBytes(read, bytes)) throw new Error(`blob ${name} is wrong`);
    }
  }

  /** The journal makes the packs durable and lets go of what it held. */
  settle(): void {
    this.journal = [];
    for (const name of this.#packs()) this.durable.set(name, this.disk.bytesOf(name));
  }

  /** The process dies; what it wrote is still there. */
  async crash(): Promise<void> {
    await this.recover();
  }

  /** What was not made durable is lost, zero or torn. */
  async powerFailure(): Promise<void> {
    for (const name of this.#packs()) {
      const durable = this.durable.get(name) ?? new Uint8Array(0);
      const bytes = this.disk.bytesOf(name);
      const size = durable.length + this.pick(bytes.length - durable.length + 1);
      const left = bytes.slice(0, size);
      if (this.pick(2) === 0) left.fill(0, durable.length, durable.length + this.pick(size));
      if (size === 0 && this.pick(2) === 0) this.disk.remove(name);
      else this.disk.replace(name, left);
    }
    await this.recover();
    this.#readerDisk = this.disk.sibling();
    this.reader = await PackBlobs.open(this.#readerDisk, folder, "read", this.#options);
  }

  async recover(): Promise<void> {
    this.waiting = [];
    this.disk = this.disk.sibling();
    this.store = await PackBlobs.open(this.disk, folder, "write", this.#options);
    for (const { record } of this.bulks) await this.store.cut(record.pack, record.size);
    this.bulks = [];
    for (const write of this.journal) this.store.apply(write);
    this.#keepBulkPacks();
    this.check(this.store);
  }

  async reopen(): Promise<void> {
    await this.#giveUp();
    this.store.close();
    this.reader.close();
    expect([this.disk.openFiles, this.#readerDisk.openFiles]).toEqual([0, 0]);
    await this.open();
  }

  async collect(): Promise<void> {
    await this.#giveUp();
    this.settle();
    for (const name of this.safe.keys()) if (this.pick(4) === 0) this.safe.delete(name);
    await this.store.collect([...this.safe.values()].map((bytes) => sha256(bytes)));
    this.durable.clear();
    this.settle();
  }

  /** Ends everything that has not been committed. */
  async #giveUp(): Promise<void> {
    for (const { staged } of this.waiting.splice(0)) this.store.abandon(staged);
    for (const { writer, record } of this.bulks.splice(0)) {
      writer.abandon();
      await this.store.cut(record.pack, record.size);
    }
  }

  check(store: PackBlobs): void {
    for (const [name, bytes] of this.safe) {
      if (!equalBytes(store.get(sha256(bytes)), bytes)) throw new Error(`blob ${name} is wrong`);
      expect(store.problemsOf(sha256(bytes))).toEqual([]);
    }
    expect(problems(store, ...this.safe.values())).toEqual([]);
  }

  #packs(): string[] {
    const names = this.disk.list(folder).filter((name) => name.endsWith(".pack"));
    return names.map((name) => `${folder}/${name}`);
  }

  /** A bulk writer makes durable what is below its watermark; a cut makes a durable file. */
  #keepBulkPacks(): void {
    const open = new Map(this.bulks.map(({ record }) => [record.pack, record.size]));
    for (const { pack, kind, size } of this.store.packs()) {
      if (kind === "journaled") continue;
      const name = this.store.pathOfPack(pack);
      const end = open.get(pack) ?? size;
      this.durable.set(name, this.disk.bytesOf(name).slice(0, end));
    }
  }
}

async function live(seed: number, steps: number): Promise<World> {
  const world = new World(seed);
  await world.open();
  for (let i = 0; i < steps; i++) await world.step();
  world.check(world.reader);
  await world.recover();
  return world;
}

describe("a store that is used in every way", () => {
  test("keeps every committed blob", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0 }), async (seed) => {
        await live(seed, 60);
      }),
      { numRuns: 60 },
    );
  });

  test("keeps them over a long life, in which everything happens", async () => {
    const world = await live(20_251_120, 600);
    expect(world.done.size).toBe(12);
    for (const [step, times] of world.done) expect(times, step).toBeGreaterThan(9);
  });
});
