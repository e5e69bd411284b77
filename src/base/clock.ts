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

/** The longest that a timer takes, in milliseconds, about 25 days: a longer one is over at once. */
export const timerMsMax = 2 ** 31 - 1;

/** Random bytes, asked for ahead: asking costs the same for 16 and for all of them. */
const ahead = new Uint8Array(2048);
let used = ahead.length;

/** The randomness of this machine (Web Crypto, which Node and browsers share). */
export const systemEntropy: Entropy = (size) => {
  if (size > ahead.length) return globalThis.crypto.getRandomValues(new Uint8Array(size));
  if (used + size > ahead.length) {
    globalThis.crypto.getRandomValues(ahead);
    used = 0;
  }
  const bytes = ahead.slice(used, used + size);
  ahead.fill(0, used, used + size);
  used += size;
  return bytes;
};
