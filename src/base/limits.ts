/**
 * Every limit of Reach, in one file, units last. Relations between limits are asserted when the
 * module loads, so that a change that breaks one fails at once and not on somebody's disk.
 */
import { assert } from "./assert.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Limits of version 1 of the formats. Those that decide about bytes on disk never change. */
export const limits = {
  /** Encoded `data` above this goes to the blob store. */
  payloadInlineBytesMax: 4 * KiB,
  /** C2SP tlog-tiles frames an entry with a 16-bit length. */
  eventBytesMax: 65_535,
  /** UTF-8 bytes of an event's type. */
  eventTypeBytesMax: 256,
  eventSaltBytes: 16,
  /** Nesting of user data; deeper values are refused before they can exhaust a stack. */
  dataDepthMax: 512,
  /** One encoded value; what is larger (or holds one object many times) is refused. */
  valueBytesMax: 256 * MiB,

  batchEventsMax: 50,
  batchBytesMax: 256 * KiB,
  batchDelayMsMax: 100,

  journalGroupBytesMax: 4 * MiB,
  journalSegmentBytes: 64 * MiB,
  /** The journal is zeroed ahead in steps, so that an fdatasync never has to grow the file. */
  journalZeroStepBytes: 4 * MiB,
  /** Kept free so that what is acknowledged can be written to its place on a full disk. */
  reserveBytes: 8 * MiB,

  /** A payload above this is made durable in a pack before its event enters the journal. */
  blobJournalBytesMax: 1 * MiB,
  blobBytesMax: 2 ** 40,
  /** Content-defined chunks (FastCDC): least, average, most. */
  chunkBytesMin: 512,
  chunkBytesAverage: 2 * KiB,
  chunkBytesMax: 8 * KiB,
  /** References in one node of a chunk list. */
  chunkListRefsMin: 8,
  chunkListRefsAverage: 16,
  chunkListRefsMax: 64,
  packBytesMax: 64 * MiB,

  snapshotEventsDefault: 1000,
  /** An encoded state larger than this is refused: a reducer that keeps everything. */
  stateBytesMax: 64 * MiB,

  /** A record of a source above this is kept in fragments; it is not parsed. */
  recordBytesMax: 32 * MiB,
  fragmentBytes: 1 * MiB,
  /** Layout bytes that an import holds before it writes them as a note of their own. */
  layoutBytesMax: 256 * KiB,
  /** Bytes of one gap between records; a longer one is kept as fragments. */
  gapBytesMax: 64 * KiB,

  readWindowBytes: 1 * MiB,
  pageEventsMax: 1000,
  /** Bytes of payloads and events after which a page ends, or names its payloads only. */
  pageBytesMax: 8 * MiB,
  /** Bodies and headers of HTTP requests. */
  requestBytesMax: 8 * MiB,
  requestHeaderBytesMax: 16 * KiB,
  /** Events of one append over HTTP. */
  appendEventsMax: 1000,
  /** Bytes of such appends that may wait for the disk before more are refused. */
  appendsWaitingBytesMax: 64 * MiB,
  /** Bytes that wait for a tailing observer before it has to fetch at its own pace. */
  tailQueueBytesMax: 1 * MiB,
  /** Concurrent tails and other responses without end, in one process. */
  tailsMax: 20_000,
  runnerRssBytesMax: 512 * MiB,
} as const;

assert(limits.chunkBytesMin < limits.chunkBytesAverage, "chunk minimum is below the average");
assert(limits.chunkBytesAverage < limits.chunkBytesMax, "chunk average is below the maximum");
assert(limits.batchBytesMax > limits.eventBytesMax, "a batch holds at least one event");
assert(limits.journalGroupBytesMax > 2 * limits.batchBytesMax, "a group holds batches");
assert(limits.journalGroupBytesMax > 2 * limits.blobJournalBytesMax, "a group holds a blob");
assert(limits.journalSegmentBytes > 4 * limits.journalGroupBytesMax, "a segment holds groups");
assert(limits.reserveBytes >= 2 * limits.journalGroupBytesMax, "the reserve holds a group");
assert(limits.eventBytesMax > 2 * limits.payloadInlineBytesMax, "an inline payload fits an event");
assert(limits.valueBytesMax > limits.stateBytesMax, "a state is a value");
assert(limits.recordBytesMax > limits.fragmentBytes, "a record is larger than a fragment");
assert(limits.pageBytesMax > limits.eventBytesMax, "a page holds at least one event");
