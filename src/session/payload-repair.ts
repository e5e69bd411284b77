/**
 * Payloads of a session that is here, brought back from a bundle of it: those that are missing or
 * damaged are stored again. A chunk that does not verify counts as one that is not there, so the
 * store takes it anew, and every session that names it has it again. Each is held whole meanwhile.
 */
import { concat } from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import type { Directory } from "./directory.ts";
import { PayloadCheck } from "./payload-check.ts";

/** Bytes held until they are made durable. */
const heldBytesMax = 16 * 1024 * 1024;

/** Stores what cannot be read. */
export class PayloadRepair {
  readonly #directory: Directory;
  readonly #check: PayloadCheck;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Payloads that were stored. */
  count = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#check = new PayloadCheck(directory.blobs);
  }

  /** Stores a payload, a copy of it, where it cannot be read. */
  put(bytes: Uint8Array, name: Uint8Array): void {
    if (this.#isWhole(name, bytes.length)) return;
    this.#hold(bytes.slice());
  }

  /** The same for one that arrives piece by piece; nothing when it can be read. */
  stream(name: Uint8Array, size: number): BlobStream | undefined {
    if (this.#isWhole(name, size)) return undefined;
    const pieces: Uint8Array[] = [];
    return {
      push: (bytes) => void pieces.push(bytes.slice()),
      finish: () => {
        this.#hold(concat(...pieces));
        return { sha256: name, size };
      },
    };
  }

  #isWhole(name: Uint8Array, size: number): boolean {
    return this.#check.fault(name, size) === undefined;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.count += 1;
  }

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    if (this.#heldBytes >= heldBytesMax) await this.close();
  }

  /** Makes durable what there is. */
  async close(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    await Promise.all(held.map((bytes) => this.#directory.keepPayload(bytes)));
  }
}
