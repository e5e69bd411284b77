/**
 * One hash over everything that a program made: two runs with the same digest made the same calls,
 * emits and timers with the same inputs, ended their steps alike, and did it in the same order.
 */
import { sha256Stream, utf8, writeU32, writeU64 } from "../base/index.ts";
import { eventKinds } from "../event/index.ts";
import type { MadeOperation } from "./operation.ts";

const bufferBytes = 32 * 1024;
const headerBytes = 8 + 8 + 1 + 4 + 4;

/** What a run made between two places. */
export interface DigestedOperations {
  readonly operations: number;
  /** How many of them are ends of steps. */
  readonly steps: number;
  readonly hash: Uint8Array;
}

/** SHA-256 over operations in order: seq, time, kind, type and payload of each. */
export class OperationDigest {
  #stream = sha256Stream();
  readonly #buffer = new Uint8Array(bufferBytes);
  #used = 0;
  #operations = 0;
  #steps = 0;

  /** Takes the operation that was made in place `seq`. */
  add(seq: number, { kind, type, time, data }: MadeOperation): void {
    this.#operations += 1;
    if (kind === "step") this.#steps += 1;
    const name = utf8(type);
    this.#reserve(headerBytes);
    writeU64(this.#buffer, this.#used, seq);
    writeU64(this.#buffer, this.#used + 8, time);
    this.#buffer[this.#used + 16] = eventKinds.indexOf(kind);
    writeU32(this.#buffer, this.#used + 17, name.length);
    writeU32(this.#buffer, this.#used + 21, data.length);
    this.#used += headerBytes;
    this.#put(name);
    this.#put(data);
  }

  /** What came since the last call. */
  take(): DigestedOperations {
    this.#flush();
    const hash = new Uint8Array(this.#stream.digest());
    const taken = { operations: this.#operations, steps: this.#steps, hash };
    this.#stream = sha256Stream();
    this.#operations = 0;
    this.#steps = 0;
    return taken;
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length > bufferBytes / 2) {
      this.#flush();
      this.#stream.update(bytes);
      return;
    }
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes > bufferBytes) this.#flush();
  }

  #flush(): void {
    if (this.#used > 0) this.#stream.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
