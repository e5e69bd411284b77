/** Bytes to store in tests: noise that does not repeat, and conversations that grow. */
import { sha256, toHex, utf8 } from "../../src/base/index.ts";

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `size` bytes of noise. */
export function noise(size: number, seed: number): Uint8Array {
  const random = seeded(seed);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = Math.floor(random() * 256);
  return bytes;
}

/** Text of about `size` characters out of 5,000 words, the early ones more often. */
export function prose(size: number, random: () => number): string {
  const words: string[] = [];
  for (let length = 0; length < size; ) {
    const rank = Math.floor(random() * random() * 5000);
    const word = toHex(sha256(utf8(`word ${rank}`))).slice(0, 2 + (rank % 8));
    words.push(word);
    length += word.length + 1;
  }
  return words.join(" ");
}

/** The requests of an agent: each holds the whole conversation so far, as it is sent to a model. */
export function modelCalls(calls: number, bytesPerCall: number, seed: number): Uint8Array[] {
  const random = seeded(seed);
  const messages: unknown[] = [{ role: "system", content: prose(2000, random) }];
  return Array.from({ length: calls }, (_, call) => {
    const toolResult = { type: "tool_result", tool_use_id: `toolu_${call}` };
    messages.push({
      role: "user",
      content: [{ ...toolResult, text: prose(bytesPerCall * 0.6, random) }],
    });
    messages.push({ role: "assistant", content: prose(bytesPerCall * 0.4, random) });
    return utf8(JSON.stringify({ model: "large", max_tokens: 4096, messages }));
  });
}

/** Name of some bytes in hexadecimal. */
export function nameOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes));
}
