/**
 * The Durable Streams protocol at `/v1/stream/{name}`: create, append, read, follow, close, delete.
 * What it means is in `streams/`; here it is HTTP. docs/STREAMS.md has the mapping.
 */

import type { FastifyReply, FastifyRequest } from "fastify";
import * as Type from "typebox";
import { ProducerRefused } from "../appends.ts";
import { vary } from "../negotiation.ts";
import { HttpError } from "../problem.ts";
import { oneOf, problems } from "../schemas.ts";
import { sendBytes } from "../sending.ts";
import type { ServerApp } from "../server-context.ts";
import { follow, isBinary } from "../streams/stream-events.ts";
import { appendOf, checkName, newStreamOf, typeOf } from "../streams/stream-headers.ts";
import { bodyOf } from "../streams/stream-messages.ts";
import { cursorAfter, offsetText, parseOffset } from "../streams/stream-offset.ts";
import type { StreamPiece } from "../streams/stream-reading.ts";
import type { Stream } from "../streams/stream-store.ts";
import { StreamClosed } from "../streams/streams.ts";
import { matches } from "./pages.ts";

const path = "/v1/stream/*";
const tags = ["streams"];
const eventStream = "text/event-stream";
const Name = Type.Object({ "*": Type.String({ description: "Name of the stream; has slashes." }) });
const Header = Type.Optional(Type.String());
const PutHeaders = Type.Object({
  "stream-ttl": Header,
  "stream-expires-at": Header,
  "stream-closed": Header,
  "stream-forked-from": Header,
  "stream-fork-offset": Header,
  "stream-fork-sub-offset": Header,
});
const PostHeaders = Type.Object({
  "stream-closed": Header,
  "stream-seq": Header,
  "producer-id": Header,
  "producer-epoch": Header,
  "producer-seq": Header,
});
const ReadQuery = Type.Object({
  offset: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: "Where to go on: Stream-Next-Offset of an answer, `-1`, or `now`.",
    }),
  ),
  live: Type.Optional(oneOf(["long-poll", "sse"] as const)),
  cursor: Type.Optional(Type.String({ maxLength: 64, description: "Stream-Cursor of an answer." })),
});
/** A stream may have the type of a page: no browser may run, send or load anything of it. */
const policy = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
/** As bytes: to text the framework would add a charset. */
const nothingToSay = new Uint8Array(0);
const nothing = { description: "Done", type: "null" };
const headersOnly = {
  description: "No body, with the content type of the stream",
  content: { "*/*": { schema: Type.String({ maxLength: 0 }) } },
};
const bytes = {
  description: "Messages, in the content type of the stream",
  content: { "*/*": { schema: Type.String({ format: "binary" }) } },
};

/** Adds the routes, whose bodies are bytes of any type. */
export function addStreamRoutes(app: ServerApp): void {
  app.register((plain, _, done) => {
    const scope = plain as ServerApp;
    scope.removeAllContentTypeParsers();
    const options = { parseAs: "buffer" as const };
    scope.addContentTypeParser("*", options, async (_: unknown, body: Buffer) => body);
    scope.addHook("onRequest", async (request, reply) => {
      reply.header("content-security-policy", policy);
      // A type that is none is as good as no type: the protocol has a default for it.
      if (typeOf(request) === undefined) delete request.raw.headers["content-type"];
    });
    addPut(scope);
    addPost(scope);
    addGet(scope);
    addHead(scope);
    addDelete(scope);
    done();
  });
}

function addPut(app: ServerApp): void {
  app.put(
    path,
    {
      config: { access: "sessions:trigger" },
      schema: {
        tags,
        summary: "Create a stream, or find the one that is as asked for",
        params: Name,
        headers: PutHeaders,
        response: { ...problems([409, 410]), 200: headersOnly, 201: headersOnly },
      },
    },
    async (request, reply) => {
      const { streams } = request.access.workspace;
      const name = checkName(request.params["*"]);
      const { stream, created } = await streams.create(name, newStreamOf(request));
      const { config, state } = stream;
      reply.code(created ? 201 : 200).header("stream-next-offset", offsetText(state.tail));
      if (created) reply.header("location", locationOf(request));
      if (state.closed) reply.header("stream-closed", "true");
      return sendBytes(reply.header("content-type", config.contentType), nothingToSay);
    },
  );
}

/**
 * The URL of a stream as who created it knows it: behind a proxy by the scheme that the proxy was
 * asked with. Where the Host is none, its path: the stream is there, whatever was sent.
 */
function locationOf({ headers, raw: { url = "" } }: FastifyRequest): string {
  const scheme = headers["x-forwarded-proto"] === "https" ? "https" : "http";
  const location = `${scheme}://${headers.host}${url}`;
  return URL.canParse(location) ? new URL(location).href : url;
}

function addPost(app: ServerApp): void {
  app.post(
    path,
    {
      config: { access: "sessions:append" },
      schema: {
        tags,
        summary: "Append to a stream, or close it; durable when answered",
        params: Name,
        headers: PostHeaders,
        response: { ...problems([409, 410]), 200: nothing, 204: nothing },
      },
    },
    async (request, reply) => {
      const { streams } = request.access.workspace;
      const append = appendOf(request);
      try {
        const done = await streams.append(checkName(request.params["*"]), append);
        reply.header("stream-next-offset", offsetText(done.next));
        if (done.closed) reply.header("stream-closed", "true");
        const { producer, body } = append;
        if (producer) {
          reply.header("producer-epoch", String(producer.epoch));
          reply.header("producer-seq", String(done.sequence ?? producer.sequence));
        }
        const news = producer !== undefined && body.length > 0 && !done.duplicate;
        return reply.code(news ? 200 : 204).send();
      } catch (error) {
        if (error instanceof StreamClosed) {
          reply.header("stream-closed", "true");
          reply.header("stream-next-offset", offsetText(error.next));
        }
        throw error instanceof ProducerRefused ? refusal(error, append.producer, reply) : error;
      }
    },
  );
}

/** Why a producer is refused, with the headers that tell it how to go on. */
function refusal(
  { verdict, message }: ProducerRefused,
  producer: { readonly sequence: number; readonly epoch: number } | undefined,
  reply: FastifyReply,
): HttpError {
  if (verdict.verdict === "stale") {
    reply.header("producer-epoch", String(verdict.epoch));
    return new HttpError("FENCED", message, { status: 403 });
  }
  const expected = verdict.verdict === "gap" ? verdict.expected : 0;
  if (verdict.verdict === "gap" && verdict.newEpoch) {
    return new HttpError("REQUEST_INVALID", "a new epoch begins with Producer-Seq 0");
  }
  reply.header("producer-expected-seq", String(expected));
  reply.header("producer-received-seq", String(producer?.sequence ?? 0));
  return new HttpError("CONFLICT", message);
}

function addHead(app: ServerApp): void {
  app.head(
    path,
    {
      config: { access: "sessions:read" },
      schema: {
        tags,
        summary: "A stream without its messages",
        params: Name,
        response: { ...problems([410]), 200: headersOnly },
      },
    },
    async (request, reply) => {
      const stream = await request.access.workspace.streams.find(checkName(request.params["*"]));
      const { config, state, id } = stream;
      const closed = state.closed !== undefined;
      reply.header("stream-next-offset", offsetText(state.tail));
      if (closed) reply.header("stream-closed", "true");
      if (config.ttl !== null) reply.header("stream-ttl", String(config.ttl));
      if (config.expiresAt !== null) reply.header("stream-expires-at", config.expiresAt);
      reply.header("etag", etagOf(id, "-1", state.tail, closed));
      // Without a length: that of no body is not the one of what a GET would get.
      return reply.header("content-type", config.contentType).send(undefined as never);
    },
  );
}

function addDelete(app: ServerApp): void {
  app.delete(
    path,
    {
      config: { access: "sessions:control" },
      schema: {
        tags,
        summary: "Delete a stream for good",
        params: Name,
        response: { ...problems([410]), 204: nothing },
      },
    },
    async (request, reply) => {
      await request.access.workspace.streams.delete(checkName(request.params["*"]));
      return reply.code(204).send();
    },
  );
}

function addGet(app: ServerApp): void {
  app.get(
    path,
    {
      config: { access: "sessions:read", endless: true },
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: "Read a stream from an offset, wait for more, or follow it",
        params: Name,
        querystring: ReadQuery,
        response: {
          ...problems([410]),
          200: {
            ...bytes,
            content: { ...bytes.content, [eventStream]: { schema: Type.String() } },
          },
          204: nothing,
          304: nothing,
        },
      },
    },
    async (request, reply) => {
      const { streams } = request.access.workspace;
      const { offset, live, cursor } = request.query;
      if (live !== undefined && offset === undefined) {
        throw new HttpError("REQUEST_INVALID", "a live read says its offset");
      }
      const stream = await streams.find(checkName(request.params["*"]));
      streams.touch(stream);
      const from = placeOf(offset, stream);
      if (live === "sse") return sendEvents(request, reply, stream, { from, cursor });
      if (live === "long-poll") return poll(request, reply, stream, { from, cursor });
      const piece = offset === "now" ? emptyPiece(stream) : await streams.read(stream, from);
      return sendPiece(request, reply, stream, piece, offset ?? "-1");
    },
  );
}

/** The place of an offset. Throws `REQUEST_INVALID`. */
function placeOf(offset: string | undefined, { state }: Stream): number {
  if (offset === undefined || offset === "-1") return 0;
  if (offset === "now") return state.tail;
  const place = parseOffset(offset);
  if (place !== undefined) return place;
  throw new HttpError("REQUEST_INVALID", "the offset is none");
}

function emptyPiece({ state }: Stream): StreamPiece {
  return { messages: [], next: state.tail, upToDate: true, closed: state.closed !== undefined };
}

function etagOf(id: string, from: string, next: number, closed: boolean): string {
  return `"${id}:${from}:${offsetText(next)}${closed ? ":c" : ""}"`;
}

function describe(reply: FastifyReply, { next, upToDate, closed }: StreamPiece): void {
  reply.header("stream-next-offset", offsetText(next));
  if (upToDate) reply.header("stream-up-to-date", "true");
  if (closed) reply.header("stream-closed", "true");
}

function sendPiece(
  request: FastifyRequest,
  reply: FastifyReply,
  stream: Stream,
  piece: StreamPiece,
  offset: string,
): FastifyReply {
  const { id, config, state } = stream;
  describe(reply, piece);
  vary(reply, "Authorization");
  reply.header("content-type", config.contentType);
  if (offset !== "now") {
    const etag = etagOf(id, offset, piece.next, piece.closed);
    reply.header("etag", etag).header("cache-control", cacheControl(stream));
    if (matches(request.headers["if-none-match"], etag)) {
      return reply.removeHeader("content-type").code(304).send();
    }
  }
  return sendBytes(reply, bodyOf(piece.messages, state.json));
}

/** What is at an offset never changes, but a stream may go: caches keep it for a minute at most. */
function cacheControl({ config: { expiresAt } }: Stream): string {
  const left = expiresAt === null ? 60 : (Date.parse(expiresAt) - Date.now()) / 1000;
  if (left < 60) return `private, max-age=${Math.max(Math.floor(left), 0)}`;
  return "private, max-age=60, stale-while-revalidate=300";
}

/** Answers as soon as there is something behind `from`, the stream is closed, or time is up. */
async function poll(
  request: FastifyRequest,
  reply: FastifyReply,
  stream: Stream,
  { from, cursor }: { readonly from: number; readonly cursor: string | undefined },
): Promise<FastifyReply> {
  const { streams, tails, config } = request.access.workspace;
  const leave = tails.enter();
  const gone = new AbortController();
  // Of this answer: the connection may serve many.
  reply.raw.once("close", () => gone.abort());
  const until = performance.now() + config.streamPollMs;
  const unfollow = streams.follow(stream);
  try {
    for (;;) {
      const piece = await streams.read(stream, from);
      if (stream.state.deleted) throw new HttpError("NOT_FOUND", "the stream has been deleted");
      const left = until - performance.now();
      const over = left <= 0 || tails.stopping || gone.signal.aborted;
      if (piece.messages.length > 0 || piece.closed || over) {
        const next = cursorAfter(cursor, Date.now());
        reply.header("stream-cursor", next);
        if (piece.messages.length > 0) {
          return sendPiece(request, reply, stream, piece, offsetText(from));
        }
        describe(reply, piece);
        return reply.code(204).send();
      }
      await tails.wait(stream.id, stream.state.size, { timeoutMs: left, signal: gone.signal });
    }
  } finally {
    leave();
    unfollow();
  }
}

function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  stream: Stream,
  { from, cursor }: { readonly from: number; readonly cursor: string | undefined },
): FastifyReply {
  const { streams, tails, config } = request.access.workspace;
  const leave = tails.enter();
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": eventStream,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...(isBinary(stream.config.contentType) ? { "stream-sse-data-encoding": "base64" } : {}),
  });
  raw.flushHeaders();
  raw.socket?.setNoDelay(true);
  follow(raw, { streams, tails, config, stream, from, cursor })
    .catch((error: unknown) => {
      request.log.debug({ err: error }, "an answer of a stream ended early");
      raw.destroy();
    })
    .finally(leave);
  return reply;
}
