/**
 * What the command ends with. Scripts rely on these numbers, so every error code of Reach has one
 * here, and a new code does not compile before somebody has decided.
 */
import type { ErrorCode } from "../base/index.ts";
import { failureCodeOf } from "./failure.ts";

/** Exit codes by meaning; they never change. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  diverged: 3,
  unverified: 4,
  notFound: 5,
  denied: 6,
  unavailable: 7,
  interrupted: 130,
  terminated: 143,
} as const;

/** One of `exitCodes`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byErrorCode: Readonly<Record<ErrorCode, ExitCode>> = {
  BUG: exitCodes.failed,
  USAGE: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  ALREADY_EXISTS: exitCodes.failed,
  LOCKED: exitCodes.unavailable,
  FENCED: exitCodes.unavailable,
  READ_ONLY: exitCodes.failed,
  CLOSED: exitCodes.failed,
  CONFLICT: exitCodes.failed,
  DISK_FULL: exitCodes.unavailable,
  IO_FAILED: exitCodes.failed,
  UNRECOVERED: exitCodes.unavailable,
  CORRUPT: exitCodes.unverified,
  QUARANTINED: exitCodes.unverified,
  FORMAT_UNSUPPORTED: exitCodes.failed,
  EVENT_INVALID: exitCodes.failed,
  EVENT_TOO_LARGE: exitCodes.failed,
  DATA_UNSUPPORTED: exitCodes.failed,
  STATE_UNSUPPORTED: exitCodes.failed,
  STATE_TOO_LARGE: exitCodes.failed,
  PROGRAM_INVALID: exitCodes.failed,
  CONFIG_INVALID: exitCodes.usage,
  PROGRAM_FAILED: exitCodes.failed,
  SOURCE_UNREADABLE: exitCodes.failed,
  FORMAT_UNKNOWN: exitCodes.failed,
  BLOB_MISSING: exitCodes.unverified,
  BLOB_CORRUPT: exitCodes.unverified,
  BLOB_TOO_LARGE: exitCodes.failed,
  PROOF_INVALID: exitCodes.unverified,
  NOTE_INVALID: exitCodes.unverified,
  SIGNATURE_INVALID: exitCodes.unverified,
  BUNDLE_INVALID: exitCodes.unverified,
  GONE: exitCodes.notFound,
  SESSION_ENDED: exitCodes.failed,
  OVERLOADED: exitCodes.unavailable,
  INTERRUPTED: exitCodes.interrupted,
  WORKER_FAILED: exitCodes.failed,
  UNAUTHENTICATED: exitCodes.denied,
  FORBIDDEN: exitCodes.denied,
  REQUEST_INVALID: exitCodes.usage,
  REQUEST_TOO_LARGE: exitCodes.failed,
  MEDIA_TYPE_UNSUPPORTED: exitCodes.failed,
  NOT_ACCEPTABLE: exitCodes.failed,
  RANGE_INVALID: exitCodes.usage,
  IDEMPOTENCY_KEY_REUSED: exitCodes.failed,
  RATE_LIMITED: exitCodes.unavailable,
  UNAVAILABLE: exitCodes.unavailable,
  RESUME_DIVERGED: exitCodes.diverged,
  DIVERGED: exitCodes.diverged,
};

/** The exit code for anything thrown; what is no error of Reach has failed. */
export function exitCodeOf(error: unknown): ExitCode {
  const code = failureCodeOf(error);
  return code === undefined ? exitCodes.failed : byErrorCode[code];
}
