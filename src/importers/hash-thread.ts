/**
 * The thread that takes the SHA-256 of a source while it is imported (`source-hash.ts`). It asks
 * Node itself, not `base`, and does what `serve` of `threads` does: so it is there at once, and
 * what other threads begin with is not cut into more files for what they would share with it.
 */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

/** How much of the source has been hashed, in bytes, and what that comes to. */
export interface HashAnswer {
  readonly size: number;
  readonly sha256: Uint8Array;
}

const hash = createHash("sha256");
const done = workerData as Int32Array;
let size = 0;

parentPort?.on("message", (bytes: Uint8Array) => {
  hash.update(bytes);
  size += bytes.length;
  const answer: HashAnswer = { size, sha256: Uint8Array.from(hash.copy().digest()) };
  parentPort?.postMessage(answer);
  Atomics.add(done, 0, 1);
});
