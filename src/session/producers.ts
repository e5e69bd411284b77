/**
 * Exactly-once appends: what each producer of a session has appended last. A producer numbers its
 * appends 0, 1, 2, ... within an epoch; the numbers travel in the headers of the batches, so this
 * table is as durable as the events and is read back from them.
 */
import { readU32, sha256, utf8 } from "../base/index.ts";
import { batchHeaderBytes, batchProducer, type Producer } from "../event/index.ts";
import type { SessionReader } from "./session-reader.ts";

/** Where the last append of a producer went. */
export interface ProducerState {
  readonly epoch: number;
  readonly sequence: number;
  readonly firstSeq: number;
  readonly count: number;
  /** Resolves when that append is durable; a duplicate must not be told of it before. */
  readonly durable: Promise<void>;
}

/**
 * What to do with an append: `append` it; it is a `duplicate`, of the last append if `last` is
 * there, else of an earlier one; it comes from a `stale` epoch; or the numbers have a `gap`,
 * perhaps at the beginning of an epoch.
 */
export type ProducerVerdict =
  | { readonly verdict: "append" }
  | { readonly verdict: "duplicate"; readonly last: ProducerState | undefined }
  | { readonly verdict: "stale"; readonly epoch: number }
  | { readonly verdict: "gap"; readonly expected: number; readonly newEpoch: boolean };

const noWait = Promise.resolve();
/** Other work gets its turn after so many batches. */
const turnBatches = 512;

/** The number that a producer's name has in batch headers: the first 53 bits of its SHA-256. */
export function producerNumber(name: string): number {
  const hash = sha256(utf8(name));
  const number = (readU32(hash, 0) % 2 ** 21) * 2 ** 32 + readU32(hash, 4);
  return number === 0 ? 1 : number;
}

/** The producers of one session. */
export class Producers {
  readonly #states = new Map<number, ProducerState>();

  /** Reads them from the batches of a session. */
  static async of(reader: SessionReader): Promise<Producers> {
    const producers = new Producers();
    let batches = 0;
    for (const { bytes, bodyStart, firstSeq, count } of reader.batches()) {
      const producer = batchProducer(bytes, bodyStart - batchHeaderBytes);
      if (producer.id !== 0) producers.#found(producer, firstSeq, count);
      batches += 1;
      if (batches % turnBatches === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return producers;
  }

  /** A batch of the log; one append may have several. */
  #found({ id, epoch, sequence }: Producer, firstSeq: number, count: number): void {
    const before = this.#states.get(id);
    const goesOn = before?.epoch === epoch && before.sequence === sequence;
    this.#states.set(id, {
      epoch,
      sequence,
      firstSeq: goesOn ? before.firstSeq : firstSeq,
      count: goesOn ? before.count + count : count,
      durable: noWait,
    });
  }

  /** What is known of a producer; `undefined` for one that has not appended here. */
  state(id: number): ProducerState | undefined {
    return this.#states.get(id);
  }

  /** What to do with an append that a producer numbers like that. */
  judge({ id, epoch, sequence }: Producer): ProducerVerdict {
    const last = this.#states.get(id);
    if (last && epoch < last.epoch) return { verdict: "stale", epoch: last.epoch };
    const expected = last && last.epoch === epoch ? last.sequence + 1 : 0;
    if (sequence > expected) {
      return { verdict: "gap", expected, newEpoch: last !== undefined && last.epoch !== epoch };
    }
    if (sequence === expected) return { verdict: "append" };
    return { verdict: "duplicate", last: last?.sequence === sequence ? last : undefined };
  }

  /** Notes an append that is on its way; when it fails, whoever appended forgets the table. */
  note({ id, epoch, sequence }: Producer, at: Omit<ProducerState, "epoch" | "sequence">): void {
    this.#states.set(id, { epoch, sequence, ...at });
  }
}
