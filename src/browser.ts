/**
 * The public entry "reach-replay/browser": what an auditor's page needs, without a server and
 * without Node. It verifies bundles, and the proofs and checkpoints that a server gives.
 *
 *   import { verifyBundle } from "reach-replay/browser";
 *   const report = await verifyBundle(input.files[0], { verifierKey });
 */
import { ReachError } from "./base/index.ts";
import {
  type BundleReport,
  type BundleVerifyOptions,
  piecesOfStream,
  verifyBundle as verifyPieces,
} from "./session/index.ts";

export { codeOf, type ErrorCode, fromHex, ReachError } from "./base/index.ts";
export {
  type ClaimedSize,
  type ConsistencyClaim,
  type InclusionClaim,
  leafHashOf,
  type OpenedCheckpoint,
  openCheckpoint,
  type ProofVerdict,
  type Verifier,
  verifyConsistency,
  verifyInclusion,
} from "./merkle/index.ts";
export {
  type BundleReport,
  type BundleVerifyOptions,
  type Progress,
  type VerifiedCheckpoint,
  type VerifyProblem,
  type VerifyReport,
  verifierOf,
} from "./session/index.ts";

/** A bundle: a file that somebody chose, the body of an answer, or its bytes in order. */
export type BundleBytes =
  | Blob
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/**
 * Verifies a bundle (`reach export ID --format bundle`), also one that withholds events, in bounded
 * memory; the thread is left to others every 25 ms. What is wrong is in the report. Throws
 * `BUNDLE_INVALID` only for what is no bundle at all, `FORMAT_UNSUPPORTED` for one of a later
 * version, `NOTE_INVALID` for a key that is none, `INTERRUPTED`, `USAGE` for another source, and
 * what reading the source throws.
 */
export async function verifyBundle(
  source: BundleBytes,
  options: BundleVerifyOptions = {},
): Promise<BundleReport> {
  return verifyPieces(ownPieces(piecesOf(source)), options);
}

function piecesOf(source: BundleBytes): AsyncIterable<Uint8Array> | readonly Uint8Array[] {
  if (ArrayBuffer.isView(source)) return [source];
  if (typeof source !== "object" || source === null) throw notBytes();
  // Not by their classes: what comes from another frame has classes of its own.
  if ("stream" in source) return piecesOfStream(source.stream());
  if ("getReader" in source) return piecesOfStream(source);
  if (Symbol.asyncIterator in source) return source;
  throw notBytes();
}

/** The same bytes as arrays of this frame, which alone are known for what they are. */
async function* ownPieces(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (!ArrayBuffer.isView(piece)) throw notBytes();
    yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
}

function notBytes(): ReachError {
  return new ReachError("USAGE", "a bundle is a Blob, a Uint8Array, or a stream of these");
}
