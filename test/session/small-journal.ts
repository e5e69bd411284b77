// A journal whose segments are soon full, so that files have to become durable in their places.

const KiB = 1024;

/** Sizes of it. */
export const smallJournal = {
  segmentBytes: 4 * KiB,
  zeroStepBytesMin: 4 * KiB,
  zeroStepBytesMax: 8 * KiB,
  groupBytesMax: 32 * KiB,
  groupEntriesMax: 8,
  reserveBytes: 64 * KiB,
};
