/**
 * The randomness of a step: the ChaCha20 key stream (RFC 8439, 2.3) of the step's key, so that who
 * does not know the session's secret cannot guess an id that a program made, and a replay draws the
 * same numbers again. Reducers have none: they are folded without the step around them.
 */

const blockWords = 16;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function quarter(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  x[a] = (x[a] as number) + (x[b] as number);
  x[d] = rotate((x[d] as number) ^ (x[a] as number), 16);
  x[c] = (x[c] as number) + (x[d] as number);
  x[b] = rotate((x[b] as number) ^ (x[c] as number), 12);
  x[a] = (x[a] as number) + (x[b] as number);
  x[d] = rotate((x[d] as number) ^ (x[a] as number), 8);
  x[c] = (x[c] as number) + (x[d] as number);
  x[b] = rotate((x[b] as number) ^ (x[c] as number), 7);
}

/** One block of the key stream: sixteen words out of the sixteen of `input`. */
export function chachaBlock(input: Uint32Array, output: Uint32Array): void {
  output.set(input);
  for (let round = 0; round < 10; round++) {
    quarter(output, 0, 4, 8, 12);
    quarter(output, 1, 5, 9, 13);
    quarter(output, 2, 6, 10, 14);
    quarter(output, 3, 7, 11, 15);
    quarter(output, 0, 5, 10, 15);
    quarter(output, 1, 6, 11, 12);
    quarter(output, 2, 7, 8, 13);
    quarter(output, 3, 4, 9, 14);
  }
  for (let i = 0; i < blockWords; i++) output[i] = (output[i] as number) + (input[i] as number);
}

const hexDigits = "0123456789abcdef";

/** The generator of one step. */
export class Randomness {
  readonly #input = new Uint32Array(blockWords);
  readonly #block = new Uint32Array(blockWords);
  #next = blockWords;

  /** `key` is 32 bytes; they are copied. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    this.#input.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    for (let i = 0; i < 8; i++) this.#input[4 + i] = view.getUint32(4 * i, true);
  }

  /** The next 32 bits. */
  word(): number {
    if (this.#next === blockWords) {
      chachaBlock(this.#input, this.#block);
      this.#input[12] = (this.#input[12] as number) + 1;
      if (this.#input[12] === 0) this.#input[13] = (this.#input[13] as number) + 1;
      this.#next = 0;
    }
    return this.#block[this.#next++] as number;
  }

  /** A number from 0 up to 1, 53 bits of it random. */
  fraction(): number {
    const high = this.word() >>> 5;
    return (high * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  /** A UUID of version 4 (RFC 9562, 5.4). */
  uuid(): string {
    let text = "";
    for (let group = 0; group < 4; group++) {
      let word = this.word();
      if (group === 1) word = (word & 0xffff0fff) | 0x00004000;
      if (group === 2) word = (word & 0x3fffffff) | 0x80000000;
      for (let shift = 28; shift >= 0; shift -= 4) {
        text += hexDigits[(word >>> shift) & 15];
        const { length } = text;
        if (length === 8 || length === 13 || length === 18 || length === 23) text += "-";
      }
    }
    return text;
  }
}
