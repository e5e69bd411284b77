/**
 * What is fuzzed: a piece of code that takes bytes from a stranger, and the promise that it keeps
 * whatever they are. Each file in `targets` holds one or a few that belong together.
 */
import { codeOf, crc32, type ErrorCode, messageOf } from "../../src/base/index.ts";
import { Random } from "../sim/random.ts";

/** One target. */
export interface FuzzTarget {
  readonly name: string;
  /** How many of the inputs of a run it gets, relative to the others. */
  readonly weight: number;
  /** Longest input that is made for it; 4 KiB when left out. */
  readonly bytesMax?: number;
  /** Words that mean something to the code: magic numbers, tokens. */
  readonly words?: readonly (Uint8Array | string)[];
  /** Valid inputs, made by the code itself, the same for the same randomness. */
  seeds(random: Random): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** Makes checksums right again, so that what lies behind them is reached. Changes in place. */
  repair?(input: Uint8Array, random: Random): void;
  /** The same for a format in which that changes the length. */
  reform?(input: Uint8Array, random: Random): Uint8Array;
  /** Throws when the promise is broken. May keep or change `input`, which is its own. */
  check(input: Uint8Array): Promise<void> | void;
}

/** A promise that does not hold. */
export class BrokenPromise extends Error {}

/** Throws `BrokenPromise` unless `condition` holds; `promise` says what should be. */
export function promise(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new BrokenPromise(`broken: ${promise}`);
}

function refuse(error: unknown, codes: readonly ErrorCode[], what: string): void {
  const code = codeOf(error);
  if (code !== undefined && codes.includes(code)) return;
  const found = `${code ?? "an error without a code"}: ${messageOf(error)}`;
  throw new BrokenPromise(`broken: ${what} throws ${codes.join(", ") || "nothing"}; ${found}`, {
    cause: error,
  });
}

/** The result of `operation`, or `undefined` when it throws one of the documented `codes`. */
export function attempt<T>(
  what: string,
  codes: readonly ErrorCode[],
  operation: () => T,
): T | undefined {
  try {
    return operation();
  } catch (error) {
    refuse(error, codes, what);
    return undefined;
  }
}

/** The same for what has to be waited for. */
export async function attemptAsync<T>(
  what: string,
  codes: readonly ErrorCode[],
  operation: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await operation();
  } catch (error) {
    refuse(error, codes, what);
    return undefined;
  }
}

/** Choices that depend on nothing but the input, so that an input alone shows a failure again. */
export function choicesOf(input: Uint8Array): Random {
  return new Random("choices", crc32(input), input.length);
}
