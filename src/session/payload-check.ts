/**
 * Checks that payloads are in the store: there, of the right size, and with the bytes that their
 * name stands for. Each is read once, however many events name it.
 */
import { codeOf, messageOf, toHex } from "../base/index.ts";
import type { BlobReader } from "../blobs/index.ts";
import { BlobNames } from "./blob-names.ts";
import type { ErrorReport } from "./rebuilding.ts";

/** Larger ones are read piece by piece. */
const heldBytesMax = 16 * 1024 * 1024;
/** Names remembered at most; of a session with more payloads some are read again. */
const namesMax = 2 ** 19;
const badNamesMax = 10_000;

/** Checks payloads and counts them. */
export class PayloadCheck {
  readonly #blobs: BlobReader;
  readonly #names = new BlobNames(namesMax);
  readonly #reported: ErrorReport;
  readonly #bad = new Map<string, string | undefined>();
  /** Distinct payloads that are whole, and their bytes. */
  count = 0;
  bytes = 0;
  /** Bytes of those that have yet to be recovered, of which nobody can tell. */
  unrecovered = 0;

  /** `reported` says of errors whether they are of what has yet to be recovered. */
  constructor(blobs: BlobReader, reported: ErrorReport = (error) => error) {
    this.#blobs = blobs;
    this.#reported = reported;
  }

  /** What is wrong with a payload of that name and size; `undefined` when nothing is. */
  fault(sha256: Uint8Array, size: number): string | undefined {
    const known = this.#names.sizeOf(sha256);
    if (known !== undefined) return known === size ? undefined : otherSize(sha256, known, size);
    if (this.#bad.size > 0 && this.#bad.has(toHex(sha256))) return this.#bad.get(toHex(sha256));
    try {
      const actual = this.#read(sha256, size);
      this.#names.add(sha256, actual);
      this.count += 1;
      this.bytes += actual;
      return actual === size ? undefined : otherSize(sha256, actual, size);
    } catch (error) {
      const code = codeOf(error);
      if (code !== "BLOB_MISSING" && code !== "BLOB_CORRUPT") throw error;
      const isAwaited = codeOf(this.#reported(error)) === "UNRECOVERED";
      if (isAwaited) this.unrecovered += Math.max(1, size);
      const message = isAwaited ? undefined : messageOf(error);
      if (this.#bad.size < badNamesMax) this.#bad.set(toHex(sha256), message);
      return message;
    }
  }

  /** Reads and verifies a whole payload; returns its size. */
  #read(sha256: Uint8Array, claimed: number): number {
    if (claimed <= heldBytesMax) {
      try {
        return this.#blobs.get(sha256, heldBytesMax).length;
      } catch (error) {
        // It has more bytes than the event says.
        if (codeOf(error) !== "BLOB_TOO_LARGE") throw error;
      }
    }
    let size = 0;
    for (const piece of this.#blobs.stream(sha256)) size += piece.length;
    return size;
  }
}

function otherSize(sha256: Uint8Array, actual: number, claimed: number): string {
  return `blob ${toHex(sha256)} has ${actual} bytes, and the event says ${claimed}`;
}
