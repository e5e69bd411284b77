/**
 * Checkpoints, proofs and tiles of a session. Proofs are made from stored hashes and checked before
 * they are given away; where the stored ones are missing or damaged, from the events themselves.
 */
import { codeOf, equalBytes, ReachError, type SessionId } from "../base/index.ts";
import { BatchWalk } from "../event/index.ts";
import {
  encodeEntryBundle,
  type HashReader,
  leafHash,
  proveConsistency,
  proveInclusion,
  RangeBuilder,
  rootAt,
  storedCount,
  storedIndex,
  storedLevelStep,
  type Tile,
  TreeWriter,
  tileStoredIndexes,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
} from "../merkle/index.ts";
import type { Directory, SessionReader } from "../session/index.ts";
import { HttpError } from "./problem.ts";
import type { ReaderPool } from "./reader-pool.ts";

/** A proof that an event is in a tree. */
export interface Inclusion {
  readonly seq: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** A proof that a tree begins with another one. */
export interface Consistency {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** What a log has signed. */
interface Signed {
  readonly size: number;
  readonly root: Uint8Array;
}

/** A session that grows is signed anew so often at most, because somebody asks. */
const signingMs = 1000;
/** Trees that were computed from events and are kept. */
const computedMax = 2;
const turnBatches = 256;

/** The proofs of one workspace. */
export class Proofs {
  readonly #directory: Directory;
  readonly #readers: ReaderPool;
  readonly #signedAt = new Map<SessionId, number>();
  readonly #computed = new Map<SessionId, { readonly size: number; readonly hashes: Uint8Array }>();

  constructor(directory: Directory, readers: ReaderPool) {
    this.#directory = directory;
    this.#readers = readers;
  }

  /**
   * The newest checkpoint of a session: one that covers everything, unless that was asked for a
   * moment ago, or the session is read-only. Throws `NOT_FOUND` where there is none.
   */
  async checkpoint(id: SessionId): Promise<{ note: Uint8Array; size: number; root: Uint8Array }> {
    const signed = await this.#signedSize(id);
    const last = this.#signedAt.get(id) ?? Number.NEGATIVE_INFINITY;
    if (signed.size < signed.end && performance.now() - last >= signingMs) await this.#sign(id);
    return this.#newest(id);
  }

  /**
   * A checkpoint over everything that is durable. Throws `QUARANTINED`, `CONFLICT` for a session
   * that cannot be signed any further, `NOT_FOUND` where there is none.
   */
  async sign(id: SessionId): Promise<{ note: Uint8Array; size: number; root: Uint8Array }> {
    const signed = await this.#signedSize(id);
    if (signed.size < signed.end) await this.#directory.signSession(id);
    return this.#newest(id);
  }

  /** The newest checkpoint, signed over at least `size` events; throws where there are fewer. */
  async #covering(id: SessionId, size: number): Promise<Signed> {
    const { size: signed, end } = await this.#signedSize(id);
    if (size > end) {
      throw new HttpError("REQUEST_INVALID", `the session has ${end} events`, { where: "size" });
    }
    // One that has events is signed for the first who asks.
    if (signed < Math.max(size, Math.min(end, 1))) await this.#sign(id);
    const newest = await this.#newest(id);
    if (newest.size >= size) return newest;
    throw new HttpError("CONFLICT", `session ${id} is signed up to ${newest.size} events`, {
      where: id,
      hint: "it is read-only, or being imported, and cannot be signed any further now",
    });
  }

  #signedSize(id: SessionId): Promise<{ size: number; end: number }> {
    return this.#readers.with(id, (reader) => {
      return { size: reader.checkpoint()?.size ?? 0, end: reader.reliableSize };
    });
  }

  async #sign(id: SessionId): Promise<void> {
    if (this.#signedAt.size > 10_000) this.#signedAt.clear();
    this.#signedAt.set(id, performance.now());
    try {
      await this.#directory.signSession(id);
    } catch (error) {
      // What cannot be written to can still be read, as far as it was signed.
      const code = codeOf(error);
      if (code !== "QUARANTINED" && code !== "CONFLICT") throw error;
    }
  }

  #newest(id: SessionId): Promise<{ note: Uint8Array; size: number; root: Uint8Array }> {
    return this.#readers.with(id, (reader) => {
      const checkpoint = reader.checkpoint();
      if (checkpoint) {
        const { size, root } = checkpoint;
        return { note: reader.checkpointNote(), size, root };
      }
      throw new HttpError("NOT_FOUND", `session ${id} has no checkpoint`, {
        hint: "a session is signed when it has events",
      });
    });
  }

  /** A proof that event `seq` is in the tree of `size` events, by default of all signed ones. */
  async inclusion(id: SessionId, seq: number, size?: number): Promise<Inclusion> {
    const checkpoint = await this.#covering(id, size ?? seq + 1);
    const of = size ?? checkpoint.size;
    if (seq >= of) {
      throw new HttpError("REQUEST_INVALID", `a tree of ${of} has no event ${seq}`, {
        where: "seq",
      });
    }
    return this.#proved(id, checkpoint, of, (reader, read) => {
      const leaf = leafHash(Buffer.concat([Buffer.of(0), reader.event(seq).bytes]));
      const root = rootAt(of, read);
      const proof = proveInclusion(seq, of, read);
      const { ok } = verifyInclusion({ index: seq, size: of, leafHash: leaf, root, proof });
      return ok ? { seq, size: of, leafHash: leaf, root, proof } : undefined;
    });
  }

  /** A proof that the tree of `to` events begins with the one of `from`. */
  async consistency(id: SessionId, from: number, to?: number): Promise<Consistency> {
    const checkpoint = await this.#covering(id, Math.max(from, to ?? 0));
    const second = to ?? checkpoint.size;
    if (from > second) {
      throw new HttpError("REQUEST_INVALID", "a tree does not begin with a larger one", {
        where: "from",
      });
    }
    return this.#proved(id, checkpoint, second, (_, read) => {
      const fromRoot = rootAt(from, read);
      const toRoot = rootAt(second, read);
      const proof = from === 0 || from === second ? [] : proveConsistency(from, second, read);
      const claim = { first: from, second, firstRoot: fromRoot, secondRoot: toRoot, proof };
      const { ok } = verifyConsistency(claim);
      return ok ? { from, to: second, fromRoot, toRoot, proof } : undefined;
    });
  }

  /** The bytes of a tile, or a bundle of entries, within the signed tree. Throws `NOT_FOUND`. */
  async tile(id: SessionId, tile: Tile): Promise<Uint8Array> {
    const checkpoint = await this.#newest(id);
    const { level, index, width } = tile;
    const perItem = level === "entries" ? 1 : tileWidth ** level;
    const end = (index * tileWidth + width) * perItem;
    if (end > checkpoint.size) {
      throw new HttpError("NOT_FOUND", `the tree of ${checkpoint.size} has no such tile`);
    }
    if (level === "entries") {
      return this.#readers.with(id, (reader) => entryBundle(reader, index * tileWidth, width));
    }
    return this.#readers.with(id, async (reader) => {
      const stored = reader.storedTree(checkpoint.size);
      const whole = stored && tileHolds(level, index, checkpoint.size, stored);
      const read = whole ? stored : await this.#compute(reader, checkpoint);
      return Buffer.concat(read(tileStoredIndexes(tile)));
    });
  }

  /** Makes a proof from stored hashes and, if it does not hold against what was signed, anew. */
  #proved<Proof extends object>(
    id: SessionId,
    checkpoint: Signed,
    size: number,
    prove: (reader: SessionReader, read: HashReader) => Proof | undefined,
  ): Promise<Proof> {
    return this.#readers.with(id, async (reader) => {
      const stored = reader.storedTree(checkpoint.size);
      if (stored && beginsSigned(size, checkpoint, stored)) {
        const proof = prove(reader, stored);
        if (proof) return proof;
      }
      const proof = prove(reader, await this.#compute(reader, checkpoint));
      if (proof) return proof;
      throw notSigned(id);
    });
  }

  /** The hashes that the signed tree would store, from the events. Throws `CORRUPT`. */
  async #compute(reader: SessionReader, { size, root }: Signed): Promise<HashReader> {
    const kept = this.#computed.get(reader.id);
    const known = kept && kept.size >= size ? kept.hashes : undefined;
    const hashes = known ?? (await treeOf(reader, size));
    const read: HashReader = (indexes) =>
      indexes.map((index) => hashes.subarray(32 * index, 32 * index + 32));
    if (!equalBytes(rootAt(size, read), root)) throw notSigned(reader.id);
    if (!known) this.#computed.set(reader.id, { size, hashes });
    const [oldest] = this.#computed.keys();
    if (this.#computed.size > computedMax && oldest !== undefined) this.#computed.delete(oldest);
    return read;
  }
}

function notSigned(id: SessionId): ReachError {
  return new ReachError("CORRUPT", `session ${id} does not have the root that was signed`, {
    where: id,
    hint: "`reach verify` names what is wrong",
  });
}

/** A bundle of all these events: a part of one would be taken for all. Throws `CORRUPT`. */
function entryBundle(reader: SessionReader, from: number, width: number): Uint8Array {
  const to = Math.min(from + width, reader.reliableSize);
  const entries: Uint8Array[] = [];
  for (const { bytes } of from < to ? reader.events(from, to) : []) entries.push(bytes);
  if (entries.length === width) return encodeEntryBundle(entries);
  const missing = from + entries.length;
  throw new ReachError("CORRUPT", `event ${missing} was signed, and cannot be read`, {
    where: `${reader.id}@${missing}`,
    hint: "`reach verify` names what is wrong",
  });
}

/**
 * Whether the hashes of a tile belong to the signed tree, whose root is made of the tiles that are
 * not full: of a full one by the hash above it, which lies in a tile itself.
 */
function tileHolds(level: number, index: number, size: number, read: HashReader): boolean {
  if ((index + 1) * tileWidth ** (level + 1) > size) return true;
  const range = new RangeBuilder();
  for (const hash of read(tileStoredIndexes({ level, index, width: tileWidth }))) {
    range.append(hash);
  }
  const [above] = read([storedIndex(storedLevelStep * (level + 1), index)]);
  if (!above || !equalBytes(range.root(), above)) return false;
  return tileHolds(level + 1, Math.floor(index / tileWidth), size, read);
}

/** Whether the tree of `size` leaves is a beginning of the signed one, by these hashes. */
function beginsSigned(size: number, checkpoint: Signed, read: HashReader): boolean {
  const first = size;
  const { size: second, root: secondRoot } = checkpoint;
  const firstRoot = rootAt(first, read);
  const proof = first > 0 && first < second ? proveConsistency(first, second, read) : [];
  return verifyConsistency({ first, second, firstRoot, secondRoot, proof }).ok;
}

async function treeOf(reader: SessionReader, size: number): Promise<Uint8Array> {
  const hashes = new Uint8Array(32 * storedCount(size));
  const tree = new TreeWriter();
  let at = 0;
  let batches = 0;
  for (const batch of reader.batches(0, size)) {
    for (const walk = new BatchWalk(batch); tree.size < size && walk.next(); ) {
      tree.append(leafHash(walk.preimage()));
    }
    const bytes = tree.take();
    hashes.set(bytes, at);
    at += bytes.length;
    batches += 1;
    if (batches % turnBatches === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return hashes;
}
