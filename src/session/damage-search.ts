/**
 * Which event of a damaged batch was hit. The CRC of a batch only says that something in it is
 * wrong; the stored leaf hashes tell which event, as far as the framing can still be followed.
 */
import { equalBytes, limits, readU16, readU64 } from "../base/index.ts";
import { batchHeaderBytes, batchSize, eventFramingBytes } from "../event/index.ts";
import { leafHash } from "../merkle/index.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { LogDamage, LogScan } from "./log-scan.ts";

/** What can be told about damage. */
export interface BadEvent {
  /** The first event that is not as it was, or may not be. */
  readonly seq: number;
  /** Seq behind the last event of the batch that is damaged, by its header. */
  readonly until: number;
  /** `event`: exactly that one. `batch`: some event from there on. `frame`: no event was hit. */
  readonly exact: "event" | "batch" | "frame";
}

/** Seq behind the batch that a damaged range begins with, by its header. */
export function claimedEnd(
  { seq, nextSeq = Number.POSITIVE_INFINITY }: LogDamage,
  bytes: Uint8Array,
): number {
  const claimed = bytes.length < batchHeaderBytes ? 0 : readU16(bytes, 12);
  const count = claimed > 0 && claimed <= limits.batchEventsMax ? claimed : 1;
  return Math.min(seq + count, nextSeq);
}

/** Seq behind the events of all batches of which a header can be found in a damaged range. */
export function claimedWithin(damage: LogDamage, scan: LogScan): number {
  const { offset, end, seq, nextSeq = Number.POSITIVE_INFINITY } = damage;
  let until = claimedEnd(damage, scan.read(offset, end));
  for (let from = offset; from + batchHeaderBytes <= end; ) {
    const bytes = scan.read(from, end);
    const last = bytes.length - batchHeaderBytes;
    for (let at = bytes.indexOf(0x52); at >= 0 && at <= last; at = bytes.indexOf(0x52, at + 1)) {
      if (typeof batchSize(bytes, at) === "string") continue;
      const first = readU64(bytes, at + 16);
      // Events in front of it have bytes there: what claims more of them is no header.
      const before = (from + at - offset) / eventFramingBytes;
      if (first < seq || first - seq > before) continue;
      until = Math.max(until, Math.min(first + readU16(bytes, at + 12), nextSeq));
    }
    if (last < 0) break;
    from += last + 1;
  }
  return until;
}

/** Looks for the first bad event in the bytes of a damaged range of a log. */
export function findBadEvent(
  damage: LogDamage,
  bytes: Uint8Array,
  derived: DerivedCheck,
): BadEvent {
  const { seq: first, nextSeq = Number.POSITIVE_INFINITY } = damage;
  const until = claimedEnd(damage, bytes);
  let at = batchHeaderBytes;
  for (let seq = first; seq < until; seq++) {
    const stored = derived.leaf(seq);
    if (!stored) return { seq: first, until, exact: "batch" };
    const end = at + eventFramingBytes + (at + 2 <= bytes.length ? readU16(bytes, at) : 0);
    const preimage = bytes.subarray(at + eventFramingBytes - 1, end);
    const whole = end <= bytes.length && preimage[0] === 0;
    if (!whole || !equalBytes(leafHash(preimage), stored)) return { seq, until, exact: "event" };
    at = end;
  }
  if (Number.isFinite(nextSeq) && until < nextSeq) return { seq: until, until, exact: "batch" };
  return { seq: first, until, exact: "frame" };
}

/** What happened to the events before `until`, in words. */
export function damageText(damage: LogDamage, found: BadEvent, until: number): string {
  const { seq, offset, end, how } = damage;
  const range = until - 1 > seq ? `events ${seq} to ${until - 1}` : `event ${seq}`;
  if (offset === end) return `${range} are missing before byte ${offset} of the log`;
  const batch = `the batch at byte ${offset} of the log, with ${range}, ${how}`;
  if (found.exact === "event") return `${batch}: event ${found.seq} is not as it was`;
  if (found.exact === "frame") return `${batch}: its events are as they were, their frame is not`;
  return batch;
}
