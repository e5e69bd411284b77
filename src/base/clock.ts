/**
 * Time and randomness come in as arguments, so that everything above can be tested and replayed.
 * Here are their types, and those of this machine.
 */

/** Milliseconds since the Unix epoch. */
export type Clock = () => number;

/** `size` bytes that nobody can predict. */
export type Entropy = (size: number) => Uint8Array;

/** The clock of this machine. */
export const systemClock: Clock = () => Date.now();

/** The randomness of this machine (Web Crypto, which Node and browsers share). */
export const systemEntropy: Entropy = (size) =>
  globalThis.crypto.getRandomValues(new Uint8Array(size));
