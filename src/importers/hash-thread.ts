/**
 * The thread that takes the SHA-256 of a source while it is imported (`source-hash.ts`). It asks
 * Node itself, not `base` and `threads`: so it is there at once, and what other threads begin with
 * is not cut into more files for what they would share with this one.
 */
import { createHash } from "node:crypto";
import { parentPort } from "node:worker_threads";

/** The next bytes of the source; without any, all of it has been sent. */
export interface HashOrder {
  readonly bytes?: Uint8Array;
}

/** The hash, when all of the source has been sent. */
export interface HashAnswer {
  readonly sha256?: Uint8Array;
}

const hash = createHash("sha256");

function answer({ bytes }: HashOrder): HashAnswer {
  if (!bytes) return { sha256: Uint8Array.from(hash.digest()) };
  hash.update(bytes);
  return {};
}

parentPort?.on("message", (order: HashOrder) => parentPort?.postMessage(answer(order)));
