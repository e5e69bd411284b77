/** Sessions: the data directory, reading, writing, importing into and exporting from them. */
export {
  type BackupOptions,
  type BackupReport,
  backupWorkspace,
} from "./backup/backup.ts";
export { backupData, type DataBackupOptions, type DataBackupReport } from "./backup/backup-data.ts";
export type { BackupTrouble } from "./backup/context.ts";
export { BulkWriter } from "./bulk-writer.ts";
export {
  type BundleReport,
  type BundleVerifyOptions,
  verifyBundle,
} from "./bundle.ts";
export { type BundleEventsOptions, BundleReader } from "./bundle-events.ts";
export { type BundleOptions, type BundleSummary, exportBundle } from "./bundle-export.ts";
export {
  type BundleImport,
  type BundleImportOptions,
  importBundle,
} from "./bundle-import.ts";
export { holdsBundle, writeBundlePage } from "./bundle-page.ts";
export { type BundleSource, bundlePieces } from "./bundle-source.ts";
export {
  foreignCheckpointNames,
  type KeyedNote,
  openKeyedCheckpoint,
  readForeignCheckpoint,
} from "./checkpoint-files.ts";
export {
  type ComparedEvent,
  type DiffOptions,
  diffSessions,
  type FieldDifference,
  type SessionDifference,
  type TypeCount,
} from "./difference.ts";
export { Directory } from "./directory.ts";
export type {
  CommitListener,
  DirectoryOptions,
  NewSession,
  StorageSizes,
} from "./directory-options.ts";
export { exportNdjson, type NdjsonOptions } from "./export-ndjson.ts";
export { type ByteSink, exportOriginal } from "./export-original.ts";
export { exportTlogTiles, type TilesOptions, type TilesSummary } from "./export-tiles.ts";
export { type ForkOptions, type ForkReport, forkSession } from "./fork.ts";
export { type ForkData, readForkData } from "./fork-data.ts";
export type { ForkParting } from "./fork-parting.ts";
export { collectGarbage, type GarbageOptions, type GarbageReport } from "./garbage.ts";
export { HeldBundle, type HeldManifest } from "./held-bundle.ts";
export { ImportIndex, type IndexedImport } from "./import-index.ts";
export { ImportSink, problemsKept, type SinkMeta } from "./import-sink.ts";
export { hasIdentity, type Identity, signText } from "./keys.ts";
export { lastEvent } from "./last-event.ts";
export {
  type ImportNote,
  importNoteOf,
  importNoteType,
  layoutNoteType,
  type NotedProblem,
  type ResumeAt,
} from "./layout.ts";
export {
  decodeManifest,
  encodeManifest,
  type ForkSecret,
  type Manifest,
  type ManifestFork,
  type ManifestProgram,
  type SessionKind,
  secretsOf,
} from "./manifest.ts";
export {
  type ProducerState,
  Producers,
  type ProducerVerdict,
  producerNumber,
} from "./producers.ts";
export type { RecoveryReport } from "./recover-directory.ts";
export { keyNoteType } from "./redacted-events.ts";
export { removeSession, removeUnwritten, type Tombstone } from "./remove.ts";
export {
  isRemoved,
  type Quarantine,
  quarantinePath,
  type ReaderContext,
  readManifest,
  SessionReader,
  sessionOrigin,
  tombstonePath,
  treePath,
} from "./session-reader.ts";
export { type RootMark, SessionTail } from "./session-tail.ts";
export {
  type Appended,
  type AppendTogether,
  type NewEvent,
  SessionWriter,
  type WriterContext,
} from "./session-writer.ts";
export { piecesOfStream } from "./stream-pieces.ts";
export { verifierOf } from "./verifier.ts";
export { type VerifyOptions, verifySession } from "./verify.ts";
export type {
  Progress,
  VerifiedCheckpoint,
  VerifyProblem,
  VerifyReport,
} from "./verify-report.ts";
