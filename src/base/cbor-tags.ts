/**
 * The numbers of CBOR that Reach writes: tags, major types, simple values. Bytes are forever, so
 * these never change.
 */

/** CBOR tags (RFC 8949, 3.4): two of the standard, one registered, the rest ours. */
export const cborTags = {
  bignum: 2,
  negativeBignum: 3,
  /** RFC 8949 registry "embedded JSON": a byte string that holds one JSON text. */
  embeddedJson: 262,
  /** `[sha256, size, form]`: a payload in the blob store. */
  blobRef: 0x52454100,
  /** A string with lone surrogates, as UTF-16LE bytes. */
  illFormedText: 0x52454101,
  /** An object as `[key, value, ...]`, for keys that readers of a plain map lose. */
  pairs: 0x52454102,
} as const;

/** Major types (RFC 8949, 3.1). */
export const majorTypes = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  other: 7,
} as const;

/** Initial bytes of the simple values, and of the only float that is written: 64 bits. */
export const simpleValues = {
  false: 0xf4,
  true: 0xf5,
  null: 0xf6,
  undefined: 0xf7,
  float64: 0xfb,
} as const;

/** Whether an object with this key is written as pairs, because common readers rename the key. */
export function needsPairs(key: string): boolean {
  return key === "__proto__" || key === "constructor";
}
