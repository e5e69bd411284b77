/**
 * `structuredClone` for programs, which contexts lack: a copy of plain data, made the way events
 * and states are copied, so that what it can copy is what they can hold.
 */
import { decodeValue, encodeValue } from "../../base/index.ts";
import { views } from "./state-view.ts";

/** A copy that shares nothing. Throws `DATA_UNSUPPORTED` with the path of what is no plain data. */
export function structuredCopy(value: unknown): unknown {
  return decodeValue(encodeValue(value, "copy", views));
}
