/**
 * The verifiable tree over a session's events: RFC 6962 hashing, compact ranges, stored nodes,
 * proofs, and the C2SP formats that other people's tools read. Pure: no files, no keys, no clock.
 */
export { fromBase64, toBase64 } from "./base64.ts";
export {
  type Checkpoint,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  type ReadCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";
export {
  emptyRoot,
  hashBytes,
  isHash,
  leafHash,
  leafHashInto,
  leafHashOf,
  nodeHash,
} from "./hasher.ts";
export {
  storedCount,
  storedIndex,
  storedLevelStep,
  storedSize,
  storedSizeMax,
} from "./nodes.ts";
export {
  formatNote,
  isKeyName,
  keyText,
  type Note,
  type NoteSignature,
  openNote,
  parseNote,
  type Signer,
  signNote,
  type VerifiedNote,
  type Verifier,
} from "./note.ts";
export {
  ed25519KeyId,
  ed25519Note,
  ed25519Signer,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  type SignRaw,
  type VerifierKey,
  type VerifyRaw,
} from "./note-key.ts";
export {
  computeHashes,
  type HashPlan,
  planConsistency,
  planInclusion,
  planRange,
} from "./plan.ts";
export {
  type ClaimedSize,
  type ConsistencyClaim,
  type HashReader,
  type InclusionClaim,
  type ProofVerdict,
  proveConsistency,
  proveInclusion,
  readRange,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from "./proof.ts";
export {
  type CompactRange,
  decodeRange,
  emptyRange,
  encodeRange,
  mergeRanges,
  type NodeSink,
  RangeBuilder,
  rangeRoot,
} from "./range.ts";
export { decompose, type Subtree } from "./subtree.ts";
export {
  decodeEntryBundle,
  encodeEntryBundle,
  parseTilePath,
  type Tile,
  tilePath,
  tileStoredIndexes,
  tilesOf,
  tileWidth,
} from "./tiles.ts";
export { TreeWriter } from "./tree-writer.ts";
