/**
 * Errors as HTTP answers: problem documents (RFC 9457) with the stable code of the error. What went
 * wrong inside of the server stays in its log; the answer names the request to look for.
 */

import type { FastifyReply, FastifyRequest } from "fastify";
import * as Type from "typebox";
import { codeOf, type ErrorCode, messageOf, ReachError } from "../base/index.ts";

/** Media type of problem documents. */
export const problemType = "application/problem+json";

/** The schema of a problem document. */
export const ProblemDocument = Type.Object(
  {
    type: Type.String({ description: "Leads to the documentation of the code." }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "What happened, for people." }),
    code: Type.String({ description: "Stable; compare this.", pattern: "^[A-Z_]+$" }),
    where: Type.Optional(Type.String({ description: "A session, `id@seq`, or a field." })),
    hint: Type.Optional(Type.String({ description: "What to do about it." })),
    taken: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), {
        description: "Of several inputs the seqs of the first ones: those were taken.",
      }),
    ),
    requestId: Type.String(),
  },
  { $id: "Problem", description: "RFC 9457 problem document" },
);

/** A problem as it is sent. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly where?: string;
  readonly hint?: string;
  readonly taken?: readonly number[];
  readonly requestId: string;
}

/** Statuses of codes; what is not here is a fault of the server, 500. */
const statuses: Partial<Readonly<Record<ErrorCode, number>>> = {
  USAGE: 400,
  REQUEST_INVALID: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  NOT_ACCEPTABLE: 406,
  ALREADY_EXISTS: 409,
  CONFLICT: 409,
  QUARANTINED: 409,
  SESSION_ENDED: 409,
  GONE: 410,
  EVENT_TOO_LARGE: 413,
  REQUEST_TOO_LARGE: 413,
  BLOB_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  RANGE_INVALID: 416,
  EVENT_INVALID: 422,
  DATA_UNSUPPORTED: 422,
  STATE_UNSUPPORTED: 422,
  STATE_TOO_LARGE: 422,
  PROGRAM_INVALID: 422,
  CONFIG_INVALID: 500,
  PROGRAM_FAILED: 422,
  FORMAT_UNKNOWN: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  RATE_LIMITED: 429,
  LOCKED: 503,
  FENCED: 503,
  CLOSED: 503,
  DISK_FULL: 503,
  UNRECOVERED: 503,
  OVERLOADED: 503,
  INTERRUPTED: 503,
  UNAVAILABLE: 503,
  RESUME_DIVERGED: 500,
  DIVERGED: 409,
};

/** The client asked for something that is broken, or for what its program does: it may know. */
const tellsMore: ReadonlySet<ErrorCode> = new Set([
  "CORRUPT",
  "BLOB_MISSING",
  "BLOB_CORRUPT",
  "WORKER_FAILED",
]);

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** What a failure adds to its answer: the status where the code alone does not say it, headers. */
export interface ProblemDetails {
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  readonly hint?: string;
  readonly where?: string;
  /** Seqs of the inputs that were taken before one failed. */
  readonly taken?: readonly number[];
  readonly cause?: unknown;
}

/** An error with what only HTTP knows of it. */
export class HttpError extends ReachError {
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly taken: readonly number[] | undefined;

  constructor(code: ErrorCode, message: string, details: ProblemDetails = {}) {
    super(code, message, details);
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.taken = details.taken;
  }
}

/** The error for a path or a method that there is not. */
export function noRoute(): HttpError {
  return new HttpError("NOT_FOUND", "there is no such route", { hint: "see /docs" });
}

/** The HTTP status of an error code. */
export function statusOf(code: ErrorCode): number {
  return statuses[code] ?? 500;
}

/** Errors of the framework, by its codes. */
function frameworkProblem(error: unknown): { code: ErrorCode; status: number } | undefined {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return { code: "REQUEST_TOO_LARGE", status: 413 };
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return { code: "MEDIA_TYPE_UNSUPPORTED", status: 415 };
  }
  if (code === "FST_ERR_VALIDATION") return { code: "REQUEST_INVALID", status: 422 };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return { code: "REQUEST_INVALID", status: statusCode };
  }
  return undefined;
}

/** The problem document of anything thrown. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = codeOf(error);
  const foreign = known === undefined ? frameworkProblem(error) : undefined;
  const code = known ?? foreign?.code ?? "BUG";
  const asked = error instanceof HttpError ? error.status : undefined;
  const status = asked ?? foreign?.status ?? statusOf(code);
  const inside = status === 500 && !tellsMore.has(code);
  const detail = inside ? "the server failed; its log says more under this request id" : undefined;
  const { where, hint } = error as { where?: unknown; hint?: unknown };
  const taken = error instanceof HttpError ? error.taken : undefined;
  return {
    type: `/docs/errors#${code}`,
    title: titles[status] ?? "Error",
    status,
    detail: detail ?? withoutPaths(messageOf(error)),
    code,
    ...(typeof where === "string" && !where.includes("/") ? { where } : {}),
    ...(typeof hint === "string" && !inside ? { hint: withoutPaths(hint) } : {}),
    ...(taken === undefined ? {} : { taken }),
    requestId,
  };
}

/** Paths of the server's disk are nobody's business. */
function withoutPaths(text: string): string {
  return text.replace(/(^|[\s"'`(])\/(?!v1\/|docs)[^\s"'`):,]+/g, "$1…");
}

/** Seconds after which asking again makes sense, for answers that say so. */
export function retryAfterOf(error: unknown, status: number): number | undefined {
  if (error instanceof HttpError && error.retryAfterSeconds !== undefined) {
    return error.retryAfterSeconds;
  }
  return status === 503 || status === 429 ? 1 : undefined;
}

/** Answers a request with the problem of `error`; logs what is a fault of the server. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request.id);
  const { status } = problem;
  if (status >= 500 && status !== 503) request.log.error({ err: error }, "request failed");
  const retryAfter = retryAfterOf(error, status);
  if (retryAfter !== undefined) reply.header("retry-after", String(Math.ceil(retryAfter)));
  if (status === 401) reply.header("www-authenticate", 'Bearer realm="reach"');
  reply.code(status).header("cache-control", "no-store").type(problemType);
  // As bytes: the framework would add a charset, which this media type does not have.
  reply.send(Buffer.from(JSON.stringify(problem)));
}
