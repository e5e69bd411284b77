/**
 * Whether the log is what was signed: the compact ranges of all parts are merged, and the roots on
 * the way are compared with the checkpoint and with the snapshots.
 */
import { equalBytes } from "../base/index.ts";
import { BatchWalk } from "../event/index.ts";
import {
  type Checkpoint,
  decodeRange,
  emptyRoot,
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

/** Roots of the tree by size, out of ranges that arrive in any order. */
export class Roots {
  readonly #ranges = new Map<number, Uint8Array>();
  readonly #roots = new Map<number, Uint8Array>([[0, emptyRoot]]);

  /** Takes encoded ranges that lie one behind the other, the first from leaf `from`. */
  add(from: number, ranges: readonly Uint8Array[]): void {
    let begin = from;
    for (const bytes of ranges) {
      this.#ranges.set(begin, bytes);
      begin = decodeRange(bytes).end;
    }
  }

  /** Merges everything; afterwards `at` knows the root at the end of each range. */
  merge(): void {
    const tree = new RangeBuilder();
    for (let bytes = this.#ranges.get(0); bytes; bytes = this.#ranges.get(tree.end)) {
      tree.appendRange(decodeRange(bytes));
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
