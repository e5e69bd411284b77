/** What every other folder stands on: bytes, hashes, values, limits, errors, time and ids. */
export { assert, unreachable } from "./assert.ts";
export {
  compareBytes,
  concat,
  equalBytes,
  fromHex,
  fromUtf8,
  fromUtf8Strict,
  noBytes,
  readU16,
  readU32,
  readU64,
  toHex,
  utf8,
  writeU16,
  writeU32,
  writeU64,
} from "./bytes.ts";
export { checkWellFormed, parseJson, textOfJson } from "./cbor.ts";
export { decodeValue, repeatedText } from "./cbor-decode.ts";
export { type Aliases, encodeValue, type Views } from "./cbor-encode.ts";
export { cborTags } from "./cbor-tags.ts";
export { type Clock, type Entropy, systemClock, systemEntropy, timerMsMax } from "./clock.ts";
export {
  codeOf,
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  messageOf,
  ReachError,
} from "./errors.ts";
export {
  crc32,
  crc32Portable,
  type Sha256Stream,
  sha256,
  sha256Into,
  sha256Stream,
} from "./hash.ts";
export {
  checkWorkspaceName,
  isSessionId,
  isWorkspaceName,
  newSessionId,
  type SessionId,
  sessionIdBytes,
  sessionIdOf,
} from "./ids.ts";
export { inexactNumber } from "./inexact-number.ts";
export { limits } from "./limits.ts";
export { byteSize, grouped, timestamp } from "./quantity.ts";
export { nextTurn } from "./turn.ts";
export { pathText } from "./value-path.ts";
