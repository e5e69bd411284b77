// What the processes that are killed write: anybody can tell from session and seq what an event has
// to hold. A script, since the processes are started without a build step of their own.

import { createHash } from "node:crypto";

/**
 * The payload of an event; one in sixteen goes to the blob store.
 * @param {string} id
 * @param {number} seq
 * @returns {Uint8Array}
 */
export function payloadOf(id, seq) {
  const hash = createHash("sha256").update(`${id}@${seq}`).digest();
  const [kind, length] = [hash.readUInt8(0) % 16, hash.readUInt8(1)];
  const size = kind === 0 ? 5000 + 20 * length : kind === 1 ? 4000 + length : 20 + length;
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) {
    bytes.set(hash.subarray(0, Math.min(32, size - at)), at);
    hash.writeUInt32LE(at, 4);
  }
  return bytes;
}

/**
 * Numbers from a seed (mulberry32), from 0 to below 1.
 * @param {number} seed
 * @returns {() => number}
 */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
