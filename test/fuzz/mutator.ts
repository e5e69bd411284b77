/**
 * Makes inputs out of valid ones: flips bits, lies about lengths, cuts, repeats, splices, puts in
 * words of the format and numbers at the edges. Everything follows from the randomness given.
 */
import { concat, utf8 } from "../../src/base/index.ts";
import type { Random } from "../sim/random.ts";

/** What inputs are made of. */
export interface MutatorOptions {
  /** Valid inputs. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format. */
  readonly words: readonly (Uint8Array | string)[];
  readonly bytesMax: number;
}

type Mutation = (bytes: Uint8Array, random: Random, mutator: Mutator) => Uint8Array;

const edges = [
  ...[0, 1, 2, 3, 7, 8, 16, 23, 24, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 257, 511, 512],
  ...[1023, 1024, 4095, 4096, 4097, 32_767, 32_768, 65_535, 65_536, 2 ** 20, 2 ** 24, 2 ** 31 - 1],
  ...[2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 2 ** 11],
];
const widths = [1, 2, 4, 8] as const;

/** Writes `value` modulo 2^(8 width), in either order of bytes. */
function writeNumber(
  bytes: Uint8Array,
  at: number,
  width: number,
  value: bigint,
  little: boolean,
): void {
  let rest = BigInt.asUintN(8 * width, value);
  for (let i = 0; i < width; i++) {
    bytes[at + (little ? i : width - 1 - i)] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

function readNumber(bytes: Uint8Array, at: number, width: number, little: boolean): bigint {
  let value = 0n;
  for (let i = 0; i < width; i++) {
    value = (value << 8n) | BigInt(bytes[at + (little ? width - 1 - i : i)] ?? 0);
  }
  return value;
}

/** A stretch of `bytes`: mostly short, sometimes any. */
function stretch(bytes: Uint8Array, random: Random): [start: number, end: number] {
  const start = random.int(bytes.length + 1);
  const room = bytes.length - start;
  const most = random.chance(0.8) ? Math.min(room, 16) : room;
  return [start, start + random.int(most + 1)];
}

function replaced(bytes: Uint8Array, start: number, end: number, part: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, start), part, bytes.subarray(end));
}

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length === 0) return bytes;
    const at = random.int(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.int(8));
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
    return bytes;
  },
  function setEdge(bytes, random) {
    const width = random.pick(widths);
    if (bytes.length < width) return bytes;
    const value = BigInt(random.pick(edges)) - BigInt(random.int(2));
    const at = random.int(bytes.length - width + 1);
    writeNumber(bytes, at, width, value, random.chance(0.5));
    return bytes;
  },
  function addToNumber(bytes, random) {
    const width = random.pick(widths);
    if (bytes.length < width) return bytes;
    const at = random.int(bytes.length - width + 1);
    const little = random.chance(0.5);
    const step = BigInt(random.between(-4, 4)) * (random.chance(0.2) ? 32n : 1n);
    writeNumber(bytes, at, width, readNumber(bytes, at, width, little) + step, little);
    return bytes;
  },
  /** A number that could be the length of what follows it says something else. */
  function lieAboutLength(bytes, random) {
    const width = random.pick(widths);
    const little = random.chance(0.5);
    const tries = Math.min(bytes.length - width, 32);
    for (let i = 0; i <= tries; i++) {
      const at = random.int(bytes.length - width + 1);
      const value = readNumber(bytes, at, width, little);
      if (value === 0n || value > BigInt(bytes.length - at)) continue;
      const lies = [value - 1n, value + 1n, value * 2n, BigInt(random.pick(edges)), 0n, -1n];
      writeNumber(bytes, at, width, random.pick(lies), little);
      return bytes;
    }
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.int(bytes.length + 1));
  },
  function cutOut(bytes, random) {
    const [start, end] = stretch(bytes, random);
    return replaced(bytes, start, end, new Uint8Array(0));
  },
  function insertNoise(bytes, random) {
    const at = random.int(bytes.length + 1);
    return replaced(bytes, at, at, random.bytes(1 + random.int(16)));
  },
  function repeat(bytes, random) {
    const [start, end] = stretch(bytes, random);
    const part = bytes.slice(start, end);
    const times = random.chance(0.9) ? 1 + random.int(4) : 1 + random.int(200);
    return replaced(bytes, end, end, concat(...new Array<Uint8Array>(times).fill(part)));
  },
  function move(bytes, random) {
    const [start, end] = stretch(bytes, random);
    const part = bytes.slice(start, end);
    const rest = replaced(bytes, start, end, new Uint8Array(0));
    const at = random.int(rest.length + 1);
    return replaced(rest, at, at, part);
  },
  function overwrite(bytes, random) {
    const [start, end] = stretch(bytes, random);
    const to = random.int(bytes.length + 1);
    bytes.copyWithin(to, start, end);
    return bytes;
  },
  function fill(bytes, random) {
    const [start, end] = stretch(bytes, random);
    bytes.fill(random.pick([0, 0xff, 0x20, random.int(256)]), start, end);
    return bytes;
  },
  function splice(bytes, random, mutator) {
    const other = mutator.seed(random);
    const [start, end] = stretch(other, random);
    const [from, to] = stretch(bytes, random);
    return replaced(bytes, from, to, other.subarray(start, end));
  },
  function crossOver(bytes, random, mutator) {
    const other = mutator.seed(random);
    const head = bytes.subarray(0, random.int(bytes.length + 1));
    return concat(head, other.subarray(random.int(other.length + 1)));
  },
  function putWord(bytes, random, mutator) {
    const word = mutator.word(random);
    const at = random.int(bytes.length + 1);
    const end = random.chance(0.5) ? at : Math.min(bytes.length, at + word.length);
    return replaced(bytes, at, end, word);
  },
];

/** Makes inputs for one target. */
export class Mutator {
  readonly #seeds: readonly Uint8Array[];
  readonly #words: readonly Uint8Array[];
  readonly #bytesMax: number;

  constructor({ seeds, words, bytesMax }: MutatorOptions) {
    this.#seeds = seeds;
    this.#words = words.map((word) => (typeof word === "string" ? utf8(word) : word));
    this.#bytesMax = bytesMax;
  }

  seed(random: Random): Uint8Array {
    return random.pick(this.#seeds);
  }

  word(random: Random): Uint8Array {
    return this.#words.length > 0 ? random.pick(this.#words) : random.bytes(4);
  }

  /** The next input: a valid one, a few mutations of one, or (rarely) nothing but noise. */
  input(random: Random): Uint8Array {
    if (random.chance(0.02)) return random.bytes(random.int(64));
    let bytes = this.seed(random).slice();
    if (random.chance(0.01)) return bytes;
    const count = random.chance(0.7) ? 1 + random.int(3) : 1 + random.int(24);
    for (let i = 0; i < count; i++) {
      bytes = random.pick(mutations)(bytes, random, this).slice(0, this.#bytesMax);
    }
    return bytes;
  }
}
