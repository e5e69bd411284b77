/**
 * Standard base64 (RFC 4648 section 4), in its one canonical spelling: padded, no line breaks, no
 * stray bits. The platform's decoders accept more, and a signature with several spellings would be
 * several notes.
 */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Map(Array.from(alphabet, (letter, value) => [letter, value]));

/** Base64 of `bytes`. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += letter(group >> 18) + letter(group >> 12);
    text += left > 1 ? letter(group >> 6) : "=";
    text += left > 2 ? letter(group) : "=";
  }
  return text;
}

/** Bytes of canonical base64, or `undefined` if `text` is something else. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const letters = text.length - padding;
  let bits = 0;
  let held = 0;
  let offset = 0;
  for (let i = 0; i < letters; i++) {
    const value = values.get(text.charAt(i));
    if (value === undefined) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[offset++] = bits >> held;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}

function letter(bits: number): string {
  return alphabet.charAt(bits & 63);
}
