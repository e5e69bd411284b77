/**
 * Whether two failures are the same one. What the engine itself throws is worded differently from
 * version to version ("Cannot read properties of undefined …"), so of its errors only the name
 * counts; what a program or Reach throws counts to the letter.
 */
import type { Failure } from "./activation.ts";

const engineErrors: ReadonlySet<string> = new Set([
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

/** Compares name and code, and the message unless the engine may have worded it. */
export function sameFailure(
  a: Pick<Failure, "name" | "message" | "code">,
  b: Pick<Failure, "name" | "message" | "code">,
): boolean {
  if (a.name !== b.name || a.code !== b.code) return false;
  return engineErrors.has(a.name) || a.message === b.message;
}
