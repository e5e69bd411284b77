/** Blobs: the port, and the driver in packs on a disk. */
export { cutBlob } from "./blob-encoder.ts";
export type {
  BlobCut,
  BlobName,
  BlobProblem,
  BlobReader,
  BlobStore,
  BlobStream,
  BulkPackWriter,
  CheckProgress,
  CollectReport,
  PackInfo,
  PackMark,
  PackWrite,
  StagedBlob,
} from "./blobs.ts";
export { firstCut, nextCut, StreamChunker } from "./chunker.ts";
export { PackBlobs, type PackBlobsOptions } from "./pack-blobs.ts";
export {
  type HeldPackBytes,
  missingInPack,
  noPack,
  type PackRange,
  type PackSurvey,
  surveyPack,
} from "./pack-copy.ts";
export { indexName, packHeaderBytes, packName, packNumberOf } from "./pack-format.ts";
