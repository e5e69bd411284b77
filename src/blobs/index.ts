/** Blobs: the port, the driver in packs on a disk, and the driver in memory. */
export type {
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
export { MemoryBlobs } from "./memory-blobs.ts";
export { PackBlobs, type PackBlobsOptions } from "./pack-blobs.ts";
