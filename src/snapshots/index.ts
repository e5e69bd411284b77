/**
 * Snapshots of a session's state under a program: signed records of hashes, states in the store.
 */
export {
  appendSnapshots,
  readSnapshots,
  type Snapshot,
  type SnapshotRecord,
  snapshotPath,
  snapshotText,
  soundSnapshots,
  tornRecords,
} from "./snapshot-log.ts";
