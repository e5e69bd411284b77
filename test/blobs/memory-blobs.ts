/**
 * The store in memory, for tests beside the one in packs. Packs of whole blobs,
 * without chunks; it shows what the port promises in the fewest words.
 */
import { assert, concat, ReachError, sha256, toHex } from "../../src/base/index.ts";
import type {
  BlobName,
  BlobProblem,
  BlobStore,
  BlobStream,
  BulkPackWriter,
  CollectReport,
  PackInfo,
  PackMark,
  PackWrite,
  StagedBlob,
} from "../../src/blobs/blobs.ts";

const pieceBytes = 256 * 1024;

/** Blobs under their names in hexadecimal, each with the offset at which it begins. */
interface MemoryPack {
  readonly pack: number;
  readonly kind: "journaled" | "bulk";
  readonly blobs: Map<string, { readonly offset: number; readonly bytes: Uint8Array }>;
  size: number;
}

/** A staged write and the blobs that carry it. */
interface Pending {
  readonly write: PackWrite;
  readonly carriers: Set<StagedBlob>;
  applied: boolean;
}

/** Bytes that a blob takes in a pack: at least one, so that the size always grows. */
function bytesTaken(bytes: Uint8Array): number {
  return bytes.length + 1;
}

function keep(pack: MemoryPack, offset: number, bytes: Uint8Array): void {
  pack.blobs.set(toHex(sha256(bytes)), { offset, bytes });
  pack.size = Math.max(pack.size, offset + bytesTaken(bytes));
}

function missing(name: Uint8Array): ReachError {
  return new ReachError("BLOB_MISSING", `blob ${toHex(name)} is not in the store`);
}

/** Blobs in memory. */
export class MemoryBlobs implements BlobStore {
  readonly #packs = new Map<number, MemoryPack>();
  readonly #pending = new Map<string, Pending>();
  readonly #writers = new Set<MemoryWriter>();
  #highest = 0;
  /** Number of the pack for staged blobs, 0 before the first, and its next offset. */
  #staging = 0;
  #end = 0;

  get(name: Uint8Array, bytesMax: number = Number.POSITIVE_INFINITY): Uint8Array {
    const bytes = this.#require(name);
    if (bytes.length <= bytesMax) return bytes.slice();
    throw new ReachError("BLOB_TOO_LARGE", `blob ${toHex(name)} has ${bytes.length} bytes`);
  }

  *stream(name: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#require(name);
    for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) {
      yield bytes.slice(at, at + pieceBytes);
    }
  }

  has(name: Uint8Array): boolean {
    return this.sizeOf(name) !== undefined;
  }

  sizeOf(name: Uint8Array): number | undefined {
    const hex = toHex(name);
    for (const { blobs } of this.#packs.values()) {
      const blob = blobs.get(hex);
      if (blob) return blob.bytes.length;
    }
    return undefined;
  }

  problemsOf(name: Uint8Array): BlobProblem[] {
    if (this.has(name)) return [];
    const { message } = missing(name);
    return [{ code: "BLOB_MISSING", sha256: name, place: null, message }];
  }

  *verifyAll(live: Iterable<Uint8Array>): Generator<BlobProblem> {
    for (const { blobs } of this.#packs.values()) {
      for (const [hex, { bytes }] of blobs) {
        const name = sha256(bytes);
        if (toHex(name) === hex) continue;
        const message = `blob ${hex} has changed in memory`;
        yield { code: "BLOB_CORRUPT", sha256: name, place: null, message };
      }
    }
    for (const name of live) yield* this.problemsOf(name);
  }

  stage(bytes: Uint8Array): StagedBlob {
    const ref = { sha256: sha256(bytes), size: bytes.length };
    const hex = toHex(ref.sha256);
    if (this.#isJournaled(hex)) return { ref, entries: [] };
    const pending = this.#pending.get(hex) ?? this.#lay(hex, bytes);
    const staged = {
      ref,
      get entries() {
        return pending.applied ? [] : [pending.write];
      },
    };
    pending.carriers.add(staged);
    return staged;
  }

  abandon(staged: StagedBlob): void {
    const hex = toHex(staged.ref.sha256);
    const pending = this.#pending.get(hex);
    if (!pending?.carriers.delete(staged) || pending.carriers.size > 0) return;
    this.#pending.delete(hex);
  }

  apply({ pack: number, offset, bytes }: PackWrite): void {
    this.#highest = Math.max(this.#highest, number);
    keep(this.#packs.get(number) ?? this.#create(number, "journaled"), offset, bytes);
    const hex = toHex(sha256(bytes));
    const pending = this.#pending.get(hex);
    if (pending) pending.applied = true;
    this.#pending.delete(hex);
  }

  openBulk(): BulkPackWriter {
    this.#highest += 1;
    const pack = this.#create(this.#highest, "bulk");
    const writer = new MemoryWriter(pack, () => this.#writers.delete(writer));
    this.#writers.add(writer);
    return writer;
  }

  packs(): PackInfo[] {
    const all = [...this.#packs.values()].sort((a, b) => a.pack - b.pack);
    return all.map(({ pack, size, kind }) => ({ pack, size, kind }));
  }

  async cut(number: number, size: number): Promise<void> {
    const pack = this.#packs.get(number);
    if (!pack || pack.size <= size) return;
    assert(pack.kind === "bulk", "what is behind the journal is never cut");
    pack.size = size;
    for (const [name, { offset, bytes }] of pack.blobs) {
      if (offset + bytesTaken(bytes) > size) pack.blobs.delete(name);
    }
    if (pack.blobs.size === 0) this.#packs.delete(number);
  }

  async collect(live: Iterable<Uint8Array>): Promise<CollectReport> {
    assert(this.#pending.size === 0, "nothing is staged while packs are collected");
    assert(this.#writers.size === 0, "no bulk writer is open while packs are collected");
    const needed = new Set<string>();
    for (const name of live) {
      this.#require(name);
      needed.add(toHex(name));
    }
    const report = { packsRemoved: 0, packsWritten: 0, bytesFreed: 0 };
    for (const [number, { blobs }] of this.#packs) {
      for (const [name, { bytes }] of blobs) {
        if (needed.has(name)) continue;
        blobs.delete(name);
        report.bytesFreed += bytesTaken(bytes);
      }
      if (blobs.size > 0) continue;
      this.#packs.delete(number);
      report.packsRemoved += 1;
    }
    this.#staging = 0;
    return report;
  }

  close(): void {
    for (const writer of this.#writers) writer.abandon();
  }

  #require(name: Uint8Array): Uint8Array {
    const hex = toHex(name);
    for (const { blobs } of this.#packs.values()) {
      const blob = blobs.get(hex);
      if (blob) return blob.bytes;
    }
    throw missing(name);
  }

  #isJournaled(hex: string): boolean {
    return [...this.#packs.values()].some((p) => p.kind === "journaled" && p.blobs.has(hex));
  }

  #lay(hex: string, bytes: Uint8Array): Pending {
    if (this.#staging === 0) {
      this.#highest += 1;
      this.#staging = this.#highest;
      this.#end = 0;
    }
    const write = { pack: this.#staging, offset: this.#end, bytes: new Uint8Array(bytes) };
    this.#end += bytesTaken(bytes);
    const pending = { write, carriers: new Set<StagedBlob>(), applied: false };
    this.#pending.set(hex, pending);
    return pending;
  }

  #create(number: number, kind: MemoryPack["kind"]): MemoryPack {
    const pack: MemoryPack = { pack: number, kind, blobs: new Map(), size: 0 };
    this.#packs.set(number, pack);
    return pack;
  }
}

/** A bulk writer: what was put waits until `sync`. */
class MemoryWriter implements BulkPackWriter {
  readonly #pack: MemoryPack;
  readonly #ended: () => void;
  #waiting: Uint8Array[] = [];
  #known = new Set<string>();
  #open = true;
  watermark: PackMark;
  readonly unconfirmed: readonly number[] = [];
  storedBytes = 0;

  constructor(pack: MemoryPack, ended: () => void) {
    this.#pack = pack;
    this.#ended = ended;
    this.watermark = { pack: pack.pack, size: 0 };
  }

  put(bytes: Uint8Array): BlobName {
    this.#check();
    const name = sha256(bytes);
    const hex = toHex(name);
    if (!this.#known.has(hex)) {
      this.#known.add(hex);
      this.#waiting.push(new Uint8Array(bytes));
      this.storedBytes += bytesTaken(bytes);
    }
    return { sha256: name, size: bytes.length };
  }

  putStream(): BlobStream {
    const pieces: Uint8Array[] = [];
    return {
      push: (bytes) => {
        this.#check();
        pieces.push(new Uint8Array(bytes));
      },
      finish: () => this.put(concat(...pieces)),
    };
  }

  async sync(): Promise<PackMark> {
    this.#check();
    for (const bytes of this.#waiting.splice(0)) keep(this.#pack, this.#pack.size, bytes);
    this.watermark = { pack: this.#pack.pack, size: this.#pack.size };
    return this.watermark;
  }

  confirm(): void {
    // Nobody counts on a bulk pack but its writer.
  }

  close(): void {
    this.#open = false;
    this.#ended();
  }

  abandon(): void {
    this.close();
  }

  #check(): void {
    if (!this.#open) throw new ReachError("CLOSED", "this bulk writer is closed");
  }
}
