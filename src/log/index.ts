/** The log: one journal for all sessions, per-session event logs behind it, recovery, the lock. */
export { type RestingJournal, type RestLater, whenAtRest } from "./at-rest.ts";
export {
  BulkMarker,
  type BulkWatermark,
  bulkFolder,
  bulkMarkerPath,
  isBeginning,
  readBulkMarker,
  readWatermark,
  sessionsInBulk,
} from "./bulk-marker.ts";
export { EventIndex } from "./event-index.ts";
export { EventLog, type LogExtent, type LogProblem, LogWalk } from "./event-log.ts";
export { encodeEventLogHeader, eventLogStart } from "./event-log-header.ts";
export { type HeldEntry, HeldJournal } from "./held-journal.ts";
export { Journal, type JournalStart, type JournalStatistics } from "./journal.ts";
export {
  type DirectoryEntry,
  type EntryKind,
  entryKinds,
  highestEpoch,
  type JournalEntry,
  parseSegmentName,
} from "./journal-frame.ts";
export { type JournalHoldings, journalHoldings, journalMendsPacks } from "./journal-holdings.ts";
export type { JournalSizes } from "./journal-sizes.ts";
export { currentHolder, DirectoryLock, describeHolder } from "./lock.ts";
export {
  blobFolder,
  checkpointPath,
  eventLogPath,
  journalFolder,
  manifestPath,
  packIdBytes,
  sessionFolder,
} from "./paths.ts";
export { type PlaceLater, type WaitingPlacements, whenQuiet } from "./placements.ts";
export { PlacingDisk } from "./placing-disk.ts";
export { type Holder, type Processes, systemProcesses } from "./processes.ts";
export {
  type JournalDamage,
  placedBytes,
  type Recovery,
  recoverJournal,
  type TornTail,
} from "./recovery.ts";
export { someAtOnce } from "./some-at-once.ts";
export {
  DirectoryTargets,
  type JournalTargets,
  type LiveSegments,
  type PackTargets,
  type SegmentExtent,
} from "./targets.ts";
