/**
 * Checks of encoded values that come from strangers, and JSON texts as values. The CBOR itself is
 * in `cbor-encode.ts` and `cbor-decode.ts`.
 */
import { equalBytes, fromUtf8Strict } from "./bytes.ts";
import { decodeValue } from "./cbor-decode.ts";
import { encodeValue } from "./cbor-encode.ts";
import { messageOf } from "./errors.ts";

/**
 * Checks that `bytes` are one value exactly as `encodeValue` writes it: then the value that is read
 * from them is the value that was meant, and nobody can write it in another way. For bytes from
 * strangers; costs a decode and an encode. Returns the problem, or `undefined` when there is none.
 */
export function checkWellFormed(bytes: Uint8Array): string | undefined {
  try {
    if (equalBytes(encodeValue(decodeValue(bytes)), bytes)) return undefined;
    return "bytes that should be CBOR hold a value in another form than Reach writes";
  } catch (error) {
    return messageOf(error);
  }
}

/** JSON text of bytes as a value; invalid UTF-8 and invalid JSON throw a `SyntaxError`. */
export function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(textOfJson(bytes));
}

/** The text of bytes that should be JSON; invalid UTF-8 throws a `SyntaxError`. */
export function textOfJson(bytes: Uint8Array): string {
  try {
    return fromUtf8Strict(bytes);
  } catch {
    throw new SyntaxError("a JSON text that is no UTF-8");
  }
}
