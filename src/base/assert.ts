/**
 * Assertions. A failed one is a bug in Reach, never a user's mistake: it carries the code `BUG`,
 * stops the session it concerns, and is not caught to go on.
 */
import { ReachError } from "./errors.ts";

/**
 * Throws a `BUG` when `condition` does not hold.
 * `message` states what should be true, in the indicative.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ReachError("BUG", `assertion failed: ${message}`);
}

/** Marks a place that no value can reach; the compiler checks that `value` is `never`. */
export function unreachable(value: never, message: string): never {
  throw new ReachError("BUG", `unreachable: ${message}: ${String(value)}`);
}
