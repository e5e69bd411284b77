/**
 * The thread that hashes a source (`source-hash.ts`): takes buffers in the order in which they are
 * sent, gives them back, and says the hash of everything when it is asked.
 */
import { sha256Stream } from "../base/index.ts";
import { serve } from "../threads/index.ts";
import type { HashAnswer, HashOrder } from "./source-hash.ts";

const hash = sha256Stream();

serve<HashOrder, HashAnswer>(({ buffer, length }) => {
  if (length === 0) {
    const digest = new Uint8Array(hash.digest());
    return { answer: { buffer: digest, isDigest: true }, transfer: [digest] };
  }
  hash.update(buffer.subarray(0, length));
  return { answer: { buffer, isDigest: false }, transfer: [buffer] };
});
