/**
 * Reads blobs out of packs. The straight way assembles all chunks and hashes once; only when that
 * hash is wrong is each chunk checked by itself, to use another copy or to name the damaged entry.
 * An entry that is not where an index says sends the reader back to the packs themselves.
 */
import {
  equalBytes,
  ReachError,
  type Sha256Stream,
  sha256,
  sha256Stream,
  toHex,
} from "../base/index.ts";
import type { BlobProblem } from "./blobs.ts";
import {
  chunkRefs,
  heightOf,
  type ListRef,
  readBlobContent,
  refAt,
  refCount,
  sizeBelow,
} from "./chunk-list.ts";
import { type Entry, EntryWindow } from "./entry-window.ts";
import type { Pack } from "./pack.ts";
import { entryKinds } from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";

/** `crypto.hash` and typed arrays of Node 20 end here. */
const heldBytesMax = 2 ** 31 - 1;
const pieceBytes = 256 * 1024;
const problemsMax = 100;

/** A place that should have held an entry and did not. */
interface BadPlace {
  readonly pack: Pack;
  readonly offset: number;
}

/** A blob as its entry describes it: bytes in one entry, or the root of its chunk list. */
type Blob =
  | { readonly size: number; readonly content: Uint8Array }
  | { readonly size: number; readonly root: Uint8Array; readonly place: BadPlace };

/** Looks at an entry that claims the right hash; says whether it is what was asked for. */
type Judge = (entry: Entry) => boolean;

/** Whether the entry holds bytes under their own hash: any kind but `blob`. */
function holdsBytes(entry: Entry): boolean {
  return entry.kind !== entryKinds.blob;
}

/** Reads blobs; one reader serves one call at a time, a stream has a reader of its own. */
export class BlobReads {
  readonly #packs: PackSet;
  readonly #window = new EntryWindow();
  #bad: BadPlace | undefined;

  constructor(packs: PackSet) {
    this.#packs = packs;
  }

  get(name: Uint8Array, bytesMax: number = heldBytesMax): Uint8Array {
    const blob = this.#open(name);
    if (blob.size > bytesMax || blob.size > heldBytesMax) {
      throw new ReachError("BLOB_TOO_LARGE", `blob ${toHex(name)} has ${blob.size} bytes`, {
        hint: "read it as a stream",
      });
    }
    if ("content" in blob) return blob.content.slice();
    const bytes = this.#assemble(name, blob.root, blob.size, false);
    if (equalBytes(sha256(bytes), name)) return bytes;
    const checked = this.#assemble(name, blob.root, blob.size, true);
    if (equalBytes(sha256(checked), name)) return checked;
    throw damaged(name, blob.place);
  }

  *stream(name: Uint8Array): Generator<Uint8Array> {
    const blob = this.#open(name);
    if ("content" in blob) {
      yield blob.content.slice();
      return;
    }
    const whole = sha256Stream();
    let piece = new Uint8Array(Math.min(pieceBytes, blob.size));
    let filled = 0;
    let left = blob.size;
    for (const chunk of this.#chunks(name, blob.root, true)) {
      if (filled + chunk.length > piece.length) {
        whole.update(piece.subarray(0, filled));
        yield piece.subarray(0, filled);
        piece = new Uint8Array(Math.min(pieceBytes, left));
        filled = 0;
        // Files may have changed while the caller held the piece.
        this.#window.clear();
      }
      piece.set(chunk, filled);
      filled += chunk.length;
      left -= chunk.length;
    }
    yield this.#lastPiece(name, blob.place, whole, piece.subarray(0, filled));
  }

  /** Size of a blob, or `undefined` when there is none of that name. */
  sizeOf(name: Uint8Array): number | undefined {
    this.#window.clear();
    let size: number | undefined;
    this.#locate(name, (entry) => {
      if (holdsBytes(entry)) size = entry.contentBytes;
      else if (entry.isValid()) size = readBlobContent(entry.content)?.size;
      return size !== undefined;
    });
    return size;
  }

  /** Checks each chunk and the whole of a blob; at most 100 problems. */
  problemsOf(name: Uint8Array): BlobProblem[] {
    const problems: BlobProblem[] = [];
    try {
      const whole = sha256Stream();
      const blob = this.#open(name);
      if ("content" in blob) return [];
      for (const ref of this.#refs(name, blob.root)) {
        try {
          whole.update(this.#chunk(name, ref, true).content);
        } catch (error) {
          problems.push(problemOf(name, error));
          if (problems.length === problemsMax) return problems;
        }
      }
      if (problems.length === 0 && !equalBytes(whole.digest(), name))
        throw damaged(name, blob.place);
    } catch (error) {
      problems.push(problemOf(name, error));
    }
    return problems;
  }

  /**
   * Walks over the verified entries of a blob: its own, then those below it. `enter` says whether
   * to go on below an entry. Throws when an entry is missing or damaged.
   */
  visit(name: Uint8Array, enter: (entry: Entry) => boolean): void {
    this.#window.clear();
    const entry = this.#require(name, name, (found) =>
      holdsBytes(found)
        ? found.isTrue()
        : found.isValid() && readBlobContent(found.content) !== undefined,
    );
    const root = holdsBytes(entry) ? undefined : readBlobContent(entry.content)?.root.slice();
    if (enter(entry) && root) this.#visit(name, root, enter);
  }

  #visit(name: Uint8Array, node: Uint8Array, enter: (entry: Entry) => boolean): void {
    const height = node[0] as number;
    for (let index = 0; index < refCount(node); index++) {
      const ref = refAt(node, index);
      if (height === 1) {
        enter(this.#chunk(name, ref, true));
        continue;
      }
      const entry = this.#node(name, ref.hash, height - 1, ref.size);
      const below = entry.content.slice();
      if (enter(entry)) this.#visit(name, below, enter);
    }
  }

  #lastPiece(
    name: Uint8Array,
    place: BadPlace,
    whole: Sha256Stream,
    piece: Uint8Array,
  ): Uint8Array {
    whole.update(piece);
    if (!equalBytes(whole.digest(), name)) throw damaged(name, place);
    return piece;
  }

  /** The blob of that name; its content, when in one entry, is verified and a view. */
  #open(name: Uint8Array): Blob {
    this.#window.clear();
    let blob: Blob | undefined;
    this.#require(name, name, (entry) => {
      if (holdsBytes(entry)) {
        if (entry.isTrue()) blob = { size: entry.contentBytes, content: entry.content };
      } else if (entry.isValid()) {
        const found = readBlobContent(entry.content);
        const place = { pack: entry.pack, offset: entry.offset };
        if (found) blob = { size: found.size, root: found.root.slice(), place };
      }
      return blob !== undefined;
    });
    return blob as Blob;
  }

  #assemble(name: Uint8Array, root: Uint8Array, size: number, strict: boolean): Uint8Array {
    const bytes = new Uint8Array(size);
    let filled = 0;
    for (const chunk of this.#chunks(name, root, strict)) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    return bytes;
  }

  /** The chunks of a blob in order, as views that are valid until the next one is asked for. */
  *#chunks(name: Uint8Array, root: Uint8Array, strict: boolean): Generator<Uint8Array> {
    for (const ref of this.#refs(name, root)) yield this.#chunk(name, ref, strict).content;
  }

  #refs(name: Uint8Array, root: Uint8Array): Generator<ListRef> {
    return chunkRefs(root, (hash, height, size) =>
      this.#node(name, hash, height, size).content.slice(),
    );
  }

  #node(name: Uint8Array, hash: Uint8Array, height: number, size: number): Entry {
    const isNode: Judge = (entry) =>
      holdsBytes(entry) &&
      entry.isTrue() &&
      heightOf(entry.content) === height &&
      sizeBelow(entry.content) === size;
    return this.#require(name, hash, isNode);
  }

  #chunk(name: Uint8Array, ref: ListRef, strict: boolean): Entry {
    const isChunk: Judge = (entry) =>
      entry.contentBytes === ref.size && holdsBytes(entry) && (!strict || entry.isTrue());
    // The chunks of a blob mostly lie one after the other: look there before asking an index.
    const next = this.#window.next(this.#packs);
    if (next?.hasHash(ref.hash) && isChunk(next)) return next;
    return this.#require(name, ref.hash, isChunk);
  }

  /** The entry of `hash`; throws, for the blob `name`, when there is none that `judge` takes. */
  #require(name: Uint8Array, hash: Uint8Array, judge: Judge): Entry {
    const entry = this.#locate(hash, judge);
    if (entry) return entry;
    const bad = this.#bad ?? this.#packs.firstDamage(name !== hash);
    if (bad) throw damaged(name, bad);
    throw new ReachError(
      "BLOB_MISSING",
      name === hash
        ? `blob ${toHex(name)} is not in the store`
        : `blob ${toHex(name)} is not complete: its chunk ${toHex(hash)} is not in the store`,
      {
        where: toHex(name),
        hint: "restore the blobs folder from a copy, or import the source again with --fresh",
      },
    );
  }

  /** Searches in the indexes, then for what is new, then in the packs that look wrong. */
  #locate(hash: Uint8Array, judge: Judge): Entry | undefined {
    this.#bad = undefined;
    const suspects = new Set<Pack>();
    let entry = this.#search(hash, judge, suspects);
    if (!entry && this.#packs.refresh()) entry = this.#search(hash, judge, suspects);
    if (entry) return entry;
    for (const pack of this.#packs.all()) if (pack.damage.length > 0) suspects.add(pack);
    const rescanned = [...suspects].filter((pack) => this.#packs.rescan(pack));
    return rescanned.length > 0 ? this.#search(hash, judge, suspects) : undefined;
  }

  #search(hash: Uint8Array, judge: Judge, suspects: Set<Pack>): Entry | undefined {
    let found: Entry | undefined;
    this.#window.clear();
    this.#packs.find(hash, (pack, offset) => {
      const entry = this.#window.at(pack, offset);
      if (entry?.hasHash(hash) && judge(entry)) {
        found = entry;
        return true;
      }
      if (isFault(entry, hash)) {
        this.#bad ??= { pack, offset };
        suspects.add(pack);
      }
      return false;
    });
    return found;
  }
}

/** Whether an index was wrong, or the entry is damaged. One whose hash begins alike is neither. */
function isFault(entry: Entry | undefined, hash: Uint8Array): boolean {
  if (!entry?.isValid()) return true;
  if (!entry.hasHash(hash)) return !equalBytes(entry.hash.subarray(0, 8), hash.subarray(0, 8));
  return holdsBytes(entry) && !entry.isTrue();
}

function damaged(name: Uint8Array, place: BadPlace): ReachError {
  const where = `${place.pack.name}, offset ${place.offset}`;
  return new DamagedBlob(`blob ${toHex(name)} is damaged: ${where} does not verify`, place);
}

/** `BLOB_CORRUPT`, with the place of the damaged entry. */
class DamagedBlob extends ReachError {
  readonly place: { readonly pack: number; readonly offset: number };

  constructor(message: string, place: BadPlace) {
    super("BLOB_CORRUPT", message, {
      where: `${place.pack.path}:${place.offset}`,
      hint: "restore the blobs folder from a copy, or import the source again with --fresh",
    });
    this.place = { pack: place.pack.number, offset: place.offset };
  }
}

/** The problem that an error of a read stands for; other errors are thrown on. */
function problemOf(name: Uint8Array, error: unknown): BlobProblem {
  if (error instanceof DamagedBlob) {
    return { code: "BLOB_CORRUPT", sha256: name, place: error.place, message: error.message };
  }
  if (error instanceof ReachError && error.code === "BLOB_MISSING") {
    return { code: "BLOB_MISSING", sha256: name, place: null, message: error.message };
  }
  throw error;
}
