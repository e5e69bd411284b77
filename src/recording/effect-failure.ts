/**
 * How a failed effect is recorded, and how it is thrown: the same error live and in every rerun, so
 * that code which looks at `name`, `code` or `data` takes the same way again.
 */
import { decodeValue, encodeValue, messageOf } from "../base/index.ts";

/** A failure as it is recorded. */
export interface RecordedFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  /** Of an answer, as the errors of most clients of HTTP have it. */
  readonly status?: number;
  /** The member `data` of what was thrown, where it is plain data. */
  readonly data?: unknown;
}

/** An effect has failed: what its result says, whatever class was thrown. */
export class EffectFailure extends Error {
  readonly code: string | number | undefined;
  readonly status: number | undefined;
  readonly data: unknown;

  /** `cause` is what was thrown; it is there only when the effect has just been run. */
  constructor({ name, message, code, status, data }: RecordedFailure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

/** What is kept of something thrown. */
export function failureOf(thrown: unknown): RecordedFailure {
  const name = member(thrown, "name");
  const code = member(thrown, "code");
  const status = member(thrown, "status");
  const data = plainCopy(member(thrown, "data"));
  return {
    name: typeof name === "string" ? name : "Error",
    message: messageOf(thrown).toWellFormed(),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof status === "number" ? { status } : {}),
    ...(data === undefined ? {} : { data }),
  };
}

/** The failure in the data of a result, or nothing when it is none. */
export function recordedFailure(error: unknown): RecordedFailure {
  const { name, message, code, status, data } = (error ?? {}) as Partial<RecordedFailure>;
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : "the effect failed",
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(data === undefined ? {} : { data }),
  };
}

function member(thrown: unknown, name: string): unknown {
  try {
    return typeof thrown === "object" && thrown !== null ? Reflect.get(thrown, name) : undefined;
  } catch {
    return undefined;
  }
}

function plainCopy(value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return decodeValue(encodeValue(value));
  } catch {
    return undefined;
  }
}
