/**
 * The one error of Reach. Code that reacts to an error compares `code`, never `instanceof`: errors
 * cross threads and contexts. Every code is explained in docs/ERRORS.md; a test keeps both in step.
 */

/** Stable error codes; a code is never renamed or used for something else. */
export const errorCodes = [
  "BUG",
  "USAGE",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "LOCKED",
  "FENCED",
  "READ_ONLY",
  "CLOSED",
  "CONFLICT",
  "DISK_FULL",
  "IO_FAILED",
  "UNRECOVERED",
  "CORRUPT",
  "QUARANTINED",
  "FORMAT_UNSUPPORTED",
  "EVENT_INVALID",
  "EVENT_TOO_LARGE",
  "DATA_UNSUPPORTED",
  "STATE_UNSUPPORTED",
  "STATE_TOO_LARGE",
  "PROGRAM_INVALID",
  "CONFIG_INVALID",
  "PROGRAM_FAILED",
  "SOURCE_UNREADABLE",
  "FORMAT_UNKNOWN",
  "BLOB_MISSING",
  "BLOB_CORRUPT",
  "BLOB_TOO_LARGE",
  "PROOF_INVALID",
  "NOTE_INVALID",
  "SIGNATURE_INVALID",
  "BUNDLE_INVALID",
  "GONE",
  "SESSION_ENDED",
  "OVERLOADED",
  "INTERRUPTED",
  "WORKER_FAILED",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "REQUEST_INVALID",
  "REQUEST_TOO_LARGE",
  "MEDIA_TYPE_UNSUPPORTED",
  "NOT_ACCEPTABLE",
  "RANGE_INVALID",
  "IDEMPOTENCY_KEY_REUSED",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "RESUME_DIVERGED",
  "DIVERGED",
] as const;

/** One of `errorCodes`. */
export type ErrorCode = (typeof errorCodes)[number];

/** Where an error happened and what to do: printed by the command line, sent by the server. */
export interface ErrorDetails {
  /** What to do about it, one sentence. */
  readonly hint?: string;
  /** A path, session id, `id@seq` or `file:line`. */
  readonly where?: string;
  readonly cause?: unknown;
}

/** An operation failed. `code` is stable; `message` says what happened, for people. */
export class ReachError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly where: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "ReachError";
    this.code = code;
    this.hint = details.hint;
    this.where = details.where;
  }
}

/** A member of something thrown. What user code throws may itself throw when it is looked at. */
function memberOf(error: unknown, name: "code" | "message"): unknown {
  try {
    return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  } catch {
    return undefined;
  }
}

/** The Reach code of anything thrown, also across threads; `undefined` for foreign errors. */
export function codeOf(error: unknown): ErrorCode | undefined {
  const code = memberOf(error, "code");
  return errorCodes.find((known) => known === code);
}

/** The message of anything thrown, also across contexts; never throws itself. */
export function messageOf(error: unknown): string {
  const message = memberOf(error, "message");
  if (typeof message === "string") return message;
  try {
    return String(error);
  } catch {
    return "something that has no message was thrown";
  }
}
