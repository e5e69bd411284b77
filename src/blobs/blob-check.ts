/**
 * Checks all packs: first every entry by itself, then that everything live blobs refer to is there.
 * List nodes that were found complete are not walked twice, so a conversation that was sent a
 * hundred times is checked in the time of its stored bytes.
 */
import { equalBytes, sha256, toHex } from "../base/index.ts";
import type { BlobProblem, CheckProgress } from "./blobs.ts";
import { heightOf, readBlobContent, refAt, refCount } from "./chunk-list.ts";
import { type Entry, EntryWindow } from "./entry-window.ts";
import { KnownChunks } from "./known-chunks.ts";
import type { Pack } from "./pack.ts";
import {
  entryHash,
  entryHeaderBytes,
  entryKind,
  entryKinds,
  packHeaderBytes,
  readPackHeader,
} from "./pack-format.ts";
import { type ReadAt, scanEntries } from "./pack-scan.ts";
import type { PackSet } from "./pack-set.ts";

const completeSlots = 2 ** 17;

/** A damaged place of a pack, and the blob that its entry claims to be, if any. */
interface Fault {
  readonly offset: number;
  readonly message: string;
  readonly blob: Uint8Array | null;
}

/** Everything that is wrong in the packs; see `BlobReader.verifyAll`. */
export function* checkPacks(
  packs: PackSet,
  live: Iterable<Uint8Array>,
  onProgress: CheckProgress,
): Generator<BlobProblem> {
  packs.refresh();
  const sizes = packs.all().map((pack) => packs.unlessGone(pack, () => pack.size()) ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const check = new PackCheck(packs);
  let done = 0;
  for (const pack of packs.all()) {
    yield* packs.unlessGone(pack, () => check.entries(pack)) ?? [];
    done += packs.unlessGone(pack, () => pack.size()) ?? 0;
    onProgress(Math.min(done, total), total);
  }
  for (const name of live) {
    const problem = check.blob(name);
    if (problem) yield problem;
  }
}

function readsOf(pack: Pack): ReadAt {
  return (into, offset) => pack.read(into, offset);
}

class PackCheck {
  readonly #packs: PackSet;
  readonly #window = new EntryWindow();
  /** Damaged entries as `pack:offset`; there are few. */
  readonly #bad = new Set<string>();
  /** List nodes below which everything is there. */
  readonly #complete = new KnownChunks(completeSlots);

  constructor(packs: PackSet) {
    this.#packs = packs;
  }

  /** Checks each entry of a pack; returns the first place that is damaged. */
  entries(pack: Pack): BlobProblem[] {
    const faults = this.#faultsOf(pack);
    for (const { offset } of faults) this.#bad.add(`${pack.number}:${offset}`);
    const [first] = faults;
    if (!first) return [];
    const more = faults.length > 1 ? `, and ${faults.length - 1} more places` : "";
    const message = `${pack.name}, offset ${first.offset}: ${first.message}${more}`;
    const place = { pack: pack.number, offset: first.offset };
    return [{ code: "BLOB_CORRUPT", sha256: first.blob, place, message }];
  }

  /** Whether everything that a blob consists of is there and undamaged. */
  blob(name: Uint8Array): BlobProblem | undefined {
    let found = false;
    let root: Uint8Array | undefined;
    this.#packs.find(name, (pack, offset) => {
      const entry = this.#window.at(pack, offset);
      if (!entry?.hasHash(name) || this.#bad.has(`${pack.number}:${offset}`)) return false;
      if (entry.kind === entryKinds.blob) root = readBlobContent(entry.content)?.root.slice();
      found = true;
      return true;
    });
    if (!found) return this.#missing(name, name);
    return root && this.#below(name, root);
  }

  #faultsOf(pack: Pack): Fault[] {
    const faults: Fault[] = [];
    const header = new Uint8Array(packHeaderBytes);
    const size = pack.size();
    const read = pack.read(header, 0);
    if (readPackHeader(header.subarray(0, read), pack.number) === undefined) {
      faults.push({ offset: 0, message: "the header is damaged", blob: null });
    }
    if (size <= packHeaderBytes) return faults;
    let unindexed = 0;
    const end = scanEntries(readsOf(pack), pack.number, packHeaderBytes, size, {
      entry: (buffer, at, offset, entrySize) => {
        if (!pack.indexes(entryHash(buffer, at), offset)) unindexed += 1;
        if (entryIsTrue(buffer, at, entrySize)) return;
        faults.push({ offset, message: "an entry holds something else", blob: null });
      },
      damaged: (offset, until, buffer, claimed) => {
        if (pack.isHole(offset, until)) return;
        const isBlob = claimed >= 0 && entryKind(buffer, claimed) === entryKinds.blob;
        const blob = isBlob ? entryHash(buffer, claimed).slice() : null;
        faults.push({ offset, message: `${until - offset} bytes are no valid entry`, blob });
      },
    });
    if (end < size) {
      faults.push({ offset: end, message: `ends with ${size - end} invalid bytes`, blob: null });
    }
    // An index that misses entries is derived data gone wrong: made anew, nothing to report.
    if (unindexed > 0) pack.rescan();
    return faults;
  }

  /** The first thing missing below a node of a blob. */
  #below(name: Uint8Array, node: Uint8Array): BlobProblem | undefined {
    const height = node[0] as number;
    for (let index = 0; index < refCount(node); index++) {
      const ref = refAt(node, index);
      if (height > 1 && this.#complete.find(ref.hash) >= 0) continue;
      const entry = this.#find(ref.hash, ref.size, height - 1);
      if (!entry) return this.#missing(name, ref.hash);
      if (height === 1) continue;
      const problem = this.#below(name, entry.content.slice());
      if (problem) return problem;
      this.#complete.add(ref.hash, 1, 1);
    }
    return undefined;
  }

  /** An undamaged entry of that hash: a chunk of `size` bytes, or a node of that height. */
  #find(hash: Uint8Array, size: number, height: number): Entry | undefined {
    const fits = (entry: Entry): boolean =>
      entry.kind !== entryKinds.blob &&
      !this.#bad.has(`${entry.pack.number}:${entry.offset}`) &&
      (height === 0 ? entry.contentBytes === size : heightOf(entry.content) === height);
    const next = this.#window.next(this.#packs);
    if (next?.hasHash(hash) && fits(next)) return next;
    let found: Entry | undefined;
    this.#packs.find(hash, (pack, offset) => {
      const entry = this.#window.at(pack, offset);
      if (entry?.hasHash(hash) && fits(entry)) found = entry;
      return found !== undefined;
    });
    return found;
  }

  #missing(name: Uint8Array, hash: Uint8Array): BlobProblem {
    let place: BlobProblem["place"] = null;
    this.#packs.find(hash, (pack, offset) => {
      if (!this.#bad.has(`${pack.number}:${offset}`)) return false;
      place = { pack: pack.number, offset };
      return true;
    });
    const state = place ? "damaged" : "missing";
    const code = place ? "BLOB_CORRUPT" : "BLOB_MISSING";
    const part = name === hash ? "" : `not complete: its part ${toHex(hash)} is `;
    const message = `blob ${toHex(name)} is ${part}${state}`;
    return { code, sha256: name, place, message };
  }
}

/** Whether a valid entry of a scan holds what it claims to hold. */
function entryIsTrue(buffer: Uint8Array, at: number, size: number): boolean {
  const content = buffer.subarray(at + entryHeaderBytes, at + size);
  if (entryKind(buffer, at) === entryKinds.blob) return readBlobContent(content) !== undefined;
  return equalBytes(sha256(content), entryHash(buffer, at));
}
