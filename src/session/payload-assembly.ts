/**
 * Payloads of a bundle as they arrive: put together, hashed, compared with their names. Small ones
 * are held whole; of large ones only a hash is kept while the bytes go on to where they are stored.
 */
import { equalBytes, type Sha256Stream, sha256, sha256Stream, toHex } from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import { BlobNames } from "./blob-names.ts";
import type { PayloadSink } from "./chunk-window.ts";

/** Where payloads go that are imported. */
export interface PayloadTarget {
  /** Stores a payload that is known to be right; `bytes` are valid until it returns. */
  putPayload(bytes: Uint8Array, name: Uint8Array): void;
  /** Stores a large one, where it is to be stored; whether it is right shows at its end. */
  payloadStream(name: Uint8Array, size: number): BlobStream | undefined;
}

/** Hears of payloads whose bytes are not those of their names. */
export type WrongPayload = (name: Uint8Array, message: string) => void;

const heldBytesMax = 4 * 1024 * 1024;
const firstBytes = 64 * 1024;

/** Puts payloads together and remembers the names of those that are right. */
export class PayloadAssembly implements PayloadSink {
  readonly #onWrong: WrongPayload;
  /** Set once there is a place to store them in. */
  target: PayloadTarget | undefined;
  /** Payloads that are right, with their sizes. */
  readonly names = new BlobNames();
  bytes = 0;
  #name = new Uint8Array(32);
  #size = 0;
  /** Grows with what arrives, whatever was announced. */
  #held = new Uint8Array(firstBytes);
  #filled = 0;
  #stream: { readonly hash: Sha256Stream; readonly store: BlobStream | undefined } | undefined;

  constructor(onWrong: WrongPayload) {
    this.#onWrong = onWrong;
  }

  begin(name: Uint8Array, size: number): void {
    this.#name = Uint8Array.from(name);
    this.#size = size;
    this.#filled = 0;
    this.#stream = undefined;
    if (size <= heldBytesMax) return;
    this.#stream = { hash: sha256Stream(), store: this.target?.payloadStream(this.#name, size) };
  }

  data(bytes: Uint8Array): void {
    if (this.#stream) {
      this.#stream.hash.update(bytes);
      this.#stream.store?.push(bytes);
      return;
    }
    const end = this.#filled + bytes.length;
    if (end > this.#held.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#held.length));
      larger.set(this.#held.subarray(0, this.#filled));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#filled);
    this.#filled = end;
  }

  end(): void {
    const whole = this.#held.subarray(0, this.#filled);
    const actual = this.#stream ? this.#stream.hash.digest() : sha256(whole);
    if (!equalBytes(actual, this.#name)) {
      this.#onWrong(this.#name, `the bytes of payload ${toHex(this.#name)} are not its own`);
      return;
    }
    if (this.names.sizeOf(this.#name) !== undefined) {
      this.#onWrong(this.#name, `payload ${toHex(this.#name)} comes a second time`);
      return;
    }
    this.names.add(this.#name, this.#size);
    this.bytes += this.#size;
    if (this.#stream) this.#stream.store?.finish();
    else this.target?.putPayload(whole, this.#name);
  }
}
