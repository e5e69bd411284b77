/**
 * Verifies a bundle in one pass, section by section, and believes nothing before it has been
 * checked. What has been checked can be handed on to whoever imports it.
 */
import {
  equalBytes,
  messageOf,
  readU32,
  type SessionId,
  type Sha256Stream,
  sessionIdBytes,
  sha256,
  sha256Stream,
  toHex,
} from "../base/index.ts";
import { type Batch, BatchWalk, batchHeaderBytes, readBatch } from "../event/index.ts";
import { eventLogStart } from "../log/index.ts";
import {
  emptyRoot,
  keyText,
  leafHash,
  openCheckpoint,
  openNote,
  RangeBuilder,
  type Verifier,
} from "../merkle/index.ts";
import { snapshotText } from "../snapshots/index.ts";
import { BlobNames } from "./blob-names.ts";
import { bundleError, bundleText, type SectionKind, sectionKinds, sectionOrder } from "./bundle-format.ts";
import {
  type BundleHead,
  type BundleTrailer,
  readCheckpoint,
  readHead,
  readSnapshotRecords,
  readTrailer,
} from "./bundle-values.ts";
import { type KeyedNote, openCheckpointOf, openKeyedCheckpoint } from "./checkpoint-files.ts";
import { PayloadReader } from "./chunk-window.ts";
import { EventCheck } from "./event-check.ts";
import { verifierOf } from "./keys.ts";
import { PayloadAssembly } from "./payload-assembly.ts";
import { RootMarks } from "./root-marks.ts";
import { isSignedBy, SignedClaims } from "./signed-claims.ts";
import { type SignedSnapshot, SnapshotClaims } from "./snapshot-claims.ts";
import { ProblemList } from "./verify-report.ts";
