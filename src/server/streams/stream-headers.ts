/**
 * The headers of the protocol as requests to streams. They are read to the letter: what is nearly a
 * number is none.
 */
import type { FastifyRequest } from "fastify";
import type { AppendProducer } from "../appends.ts";
import { HttpError } from "../problem.ts";
import { parseOffset } from "./stream-offset.ts";
import type { NewStream, StreamAppend } from "./stream-requests.ts";

const digits = /^(?:0|[1-9]\d*)$/;
const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+/;
/** RFC 3339: other texts that look like a time are read as many things, also by where one lives. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;
/** Names that the protocol keeps for itself begin like that. */
const reserved = /^__ds(?:\/|$)/;
const prefix = "/v1/stream/";

/** One header; `undefined` where it is missing. */
function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function invalid(message: string): HttpError {
  return new HttpError("REQUEST_INVALID", message);
}

/** A number that is written as one; `undefined` where the header is missing. */
function numberOf(request: FastifyRequest, name: string): number | undefined {
  const text = headerOf(request, name);
  if (text === undefined) return undefined;
  const value = digits.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw invalid(`${name} is no whole number`);
}

/** Whether a request closes the stream: `Stream-Closed: true`, and nothing else. */
function closes(request: FastifyRequest): boolean {
  return headerOf(request, "stream-closed")?.toLowerCase() === "true";
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}

/** The name of a stream. Throws `NOT_FOUND` for one that cannot be. */
export function checkName(name: string): string {
  if (name !== "" && name.isWellFormed() && !reserved.test(name)) return name;
  throw new HttpError("NOT_FOUND", "there can be no stream of this name", {
    hint: "names are not empty, and do not begin with __ds/",
  });
}

/** The content type of a request, if it is one. */
export function typeOf(request: FastifyRequest): string | undefined {
  const type = headerOf(request, "content-type");
  return type !== undefined && mediaType.test(type) ? type : undefined;
}

/** What a PUT asks for. Throws `REQUEST_INVALID`. */
export function newStreamOf(request: FastifyRequest): NewStream {
  const ttl = numberOf(request, "stream-ttl") ?? null;
  const expiresAt = headerOf(request, "stream-expires-at") ?? null;
  if (ttl !== null && expiresAt !== null) {
    throw invalid("Stream-TTL and Stream-Expires-At exclude each other");
  }
  const time = expiresAt === null || timestamp.test(expiresAt) ? expiresAt : "none";
  if (time !== null && Number.isNaN(Date.parse(time))) {
    throw invalid("Stream-Expires-At is no time of RFC 3339");
  }
  const contentType = typeOf(request);
  const fork = forkOf(request);
  return { contentType, ttl, expiresAt, closed: closes(request), body: bodyOf(request), fork };
}

function forkOf(request: FastifyRequest): NewStream["fork"] {
  const from = headerOf(request, "stream-forked-from");
  const offset = headerOf(request, "stream-fork-offset");
  const beyond = numberOf(request, "stream-fork-sub-offset");
  if (from === undefined) {
    if (offset === undefined && beyond === undefined) return undefined;
    throw invalid("a place to fork at goes with Stream-Forked-From");
  }
  const at = offset === undefined ? undefined : parseOffset(offset);
  if (offset !== undefined && at === undefined) throw invalid("Stream-Fork-Offset is no offset");
  return { name: nameOfPath(from), at, beyond: beyond ?? 0 };
}

/** The name in the path of a stream. */
function nameOfPath(path: string): string {
  if (!path.startsWith(prefix)) throw new HttpError("NOT_FOUND", "there is no such source");
  try {
    return checkName(decodeURIComponent(path.slice(prefix.length)));
  } catch (error) {
    if (error instanceof URIError) throw invalid("Stream-Forked-From is no path");
    throw error;
  }
}

/** What a POST asks for. Throws `REQUEST_INVALID`. */
export function appendOf(request: FastifyRequest): StreamAppend {
  const body = bodyOf(request);
  const close = closes(request);
  if (body.length === 0 && !close) throw invalid("an append without a body");
  const sequence = headerOf(request, "stream-seq");
  const producer = producerOf(request);
  return { body, contentType: typeOf(request), sequence, producer, close };
}

function producerOf(request: FastifyRequest): AppendProducer | undefined {
  const name = headerOf(request, "producer-id");
  const epoch = numberOf(request, "producer-epoch");
  const sequence = numberOf(request, "producer-seq");
  if (name === undefined && epoch === undefined && sequence === undefined) return undefined;
  if (name === undefined || name === "" || epoch === undefined || sequence === undefined) {
    throw invalid("Producer-Id, Producer-Epoch and Producer-Seq belong together");
  }
  return { name, epoch, sequence };
}
