/**
 * How large the files of a journal are. The defaults are the limits of Reach; whoever tests what
 * happens when a segment is full, or the disk is, makes them small.
 */
import { assert, limits } from "../base/index.ts";

/** Sizes in bytes. */
export interface JournalSizes {
  /** A segment that has reached this is followed by the next one. */
  readonly segmentBytes: number;
  /** Least and most that a segment is zeroed ahead of its frames at a time. */
  readonly zeroStepBytesMin: number;
  readonly zeroStepBytesMax: number;
  /** Most that one group holds, unless a single unit is larger. */
  readonly groupBytesMax: number;
  readonly groupEntriesMax: number;
  /** Kept free for what is acknowledged and not yet in its place. */
  readonly reserveBytes: number;
}

const defaults: JournalSizes = {
  segmentBytes: limits.journalSegmentBytes,
  zeroStepBytesMin: 256 * 1024,
  zeroStepBytesMax: limits.journalZeroStepBytes,
  groupBytesMax: limits.journalGroupBytesMax,
  // Each begins in a page of its own: with these, a group fits into the reserve.
  groupEntriesMax: 512,
  reserveBytes: limits.reserveBytes,
};

/** The sizes to work with: the defaults, but for those that are given. */
export function journalSizes(given: Partial<JournalSizes> = {}): JournalSizes {
  const sizes = { ...defaults, ...given };
  assert(sizes.zeroStepBytesMin <= sizes.zeroStepBytesMax, "a zeroing step has a range");
  assert(sizes.reserveBytes >= 2 * sizes.groupBytesMax, "the reserve holds a group");
  return sizes;
}
