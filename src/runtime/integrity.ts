/**
 * Whether the log is what was signed: the compact ranges of all parts are merged, and the roots on
 * the way are compared with the checkpoint and with the snapshots.
 */
import { equalBytes } from "../base/index.ts";
import { BatchWalk } from "../event/index.ts";
import {
  type Checkpoint,
  type CompactRange,
  decodeRange,
  emptyRange,
  emptyRoot,
  hashBytes,
  leafHash,
  RangeBuilder,
  storedIndex,
} from "../merkle/index.ts";
import type { SessionReader } from "../session/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";

/** What does not verify; `seq` is the first event that is not certain. */
export interface IntegrityProblem {
  readonly seq: number;
  readonly message: string;
}

/** Leaves that are joined in one turn, in half a millisecond. */
const leavesPerTurn = 1000;

/** The hashes of the leaves from `begin` on that wait for being joined. */
interface Leaves {
  readonly begin: number;
  readonly hashes: Uint8Array;
}

/** Roots of the tree by size, out of ranges and leaves that arrive in any order. */
export class Roots {
  readonly #ranges = new Map<number, CompactRange>();
  readonly #roots = new Map<number, Uint8Array>([[0, emptyRoot]]);
  readonly #leaves: Leaves[] = [];

  /** Takes encoded ranges that lie one behind the other, the first from leaf `from`. */
  add(from: number, ranges: readonly Uint8Array[]): void {
    let begin = from;
    for (const bytes of ranges) {
      const range = decodeRange(bytes);
      this.#ranges.set(begin, range);
      begin = range.end;
    }
  }

  /**
   * Takes the hashes of leaves that lie one behind the other, the first at `from`; `cuts` are the
   * sizes behind `from`, ascending, where a range is to end. They are joined in later turns.
   */
  addLeaves(from: number, hashes: Uint8Array, cuts: readonly number[]): void {
    const end = from + hashes.length / hashBytes;
    let begin = from;
    for (const cut of [...cuts.filter((size) => size < end), end]) {
      while (begin < cut) {
        const next = Math.min(cut, begin + leavesPerTurn);
        const piece = hashes.subarray(hashBytes * (begin - from), hashBytes * (next - from));
        this.#leaves.push({ begin, hashes: piece });
        setImmediate(() => this.#joinNext());
        begin = next;
      }
    }
  }

  #joinNext(): void {
    const next = this.#leaves.shift();
    if (!next) return;
    const builder = new RangeBuilder(emptyRange(next.begin));
    for (let at = 0; at < next.hashes.length; at += hashBytes) builder.append(next.hashes, at);
    this.#ranges.set(next.begin, builder.range());
  }

  /** Merges everything; afterwards `at` knows the root at the end of each range. */
  merge(): void {
    while (this.#leaves.length > 0) this.#joinNext();
    const tree = new RangeBuilder();
    for (let range = this.#ranges.get(0); range; range = this.#ranges.get(tree.end)) {
      tree.appendRange(range);
      this.#roots.set(tree.end, tree.root());
    }
    this.#ranges.clear();
  }

  /** The root of the tree over the first `size` events, where a range ended there. */
  at(size: number): Uint8Array | undefined {
    return this.#roots.get(size);
  }
}

/** The first signed root that the events do not have. */
export function checkRoots(
  reader: SessionReader,
  roots: Roots,
  checkpoint: Checkpoint | undefined,
  records: readonly SnapshotRecord[],
): IntegrityProblem | undefined {
  const signed = records.map(({ size, root }) => ({ size, root, by: "a snapshot" }));
  if (checkpoint)
    signed.push({ size: checkpoint.size, root: checkpoint.root, by: "the checkpoint" });
  signed.sort((a, b) => a.size - b.size);
  let good = 0;
  for (const { size, root, by } of signed) {
    const found = roots.at(size);
    if (found && equalBytes(found, root)) good = size;
    else return mismatch(reader, good, size, by);
  }
  return undefined;
}

function mismatch(reader: SessionReader, from: number, to: number, by: string): IntegrityProblem {
  const seq = firstOtherLeaf(reader, from, to);
  const where = seq === undefined ? `events ${from} to ${to - 1} are not` : `event ${seq} is not`;
  return { seq: seq ?? from, message: `${where} what ${by} over ${to} events was signed for` };
}

/** The first event that has another leaf hash than the stored tree, if that can be believed. */
function firstOtherLeaf(reader: SessionReader, from: number, to: number): number | undefined {
  const stored = reader.storedTree(to);
  if (!stored) return undefined;
  for (const batch of reader.batches(from, to)) {
    for (const walk = new BatchWalk(batch); walk.next() && walk.seq < to; ) {
      if (walk.seq < from) continue;
      const [expected] = stored([storedIndex(0, walk.seq)]);
      if (!expected || !equalBytes(leafHash(walk.preimage()), expected)) return walk.seq;
    }
  }
  return undefined;
}
