/**
 * Messages on a pipe: a length of four bytes, little-endian, then the message. A pipe delivers
 * bytes in pieces of its own liking; here they become messages again.
 */
import { readU32, writeU32 } from "../../base/index.ts";

const headerBytes = 4;

/** A message with its length before it. */
export function frame(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + message.length);
  writeU32(bytes, 0, message.length);
  bytes.set(message, headerBytes);
  return bytes;
}

/** Puts messages together again from the pieces in which a pipe delivers them. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #held = 0;

  /** The messages that are whole now. They are views of what was pushed, or of a copy of it. */
  push(piece: Uint8Array): Uint8Array[] {
    this.#pieces.push(piece);
    this.#held += piece.length;
    const messages: Uint8Array[] = [];
    while (this.#held >= headerBytes) {
      const need = headerBytes + readU32(this.#front(headerBytes), 0);
      if (this.#held < need) break;
      const bytes = this.#front(need);
      messages.push(bytes.subarray(headerBytes, need));
      this.#pieces[0] = bytes.subarray(need);
      this.#held -= need;
    }
    return messages;
  }

  /** The first piece, after it has been made at least so long. */
  #front(bytes: number): Uint8Array {
    const first = this.#pieces[0] as Uint8Array;
    if (first.length >= bytes) return first;
    const whole = new Uint8Array(this.#held);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [whole];
    return whole;
  }
}
