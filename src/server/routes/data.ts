/**
 * States, payloads and bundles: what is larger than events. Payloads are what strangers wrote, so
 * no browser ever shows one: they come as attachments without a type.
 */
import { PassThrough } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import * as Type from "typebox";
import { codeOf, fromHex } from "../../base/index.ts";
import { encodedStateAt, programFor, programName } from "../../runtime/index.ts";
import { exportBundle } from "../../session/index.ts";
import { negotiate } from "../negotiation.ts";
import { JsonWriter } from "../pages/json-writer.ts";
import { HttpError } from "../problem.ts";
import { answers, problems, Seq, SessionIdParam, SessionParams, Sha256 } from "../schemas.ts";
import { sendBytes, sendPieces, writingTo } from "../sending.ts";
import type { ServerApp } from "../server-context.ts";
import { Turns } from "../turns.ts";
import { matches } from "./pages.ts";

const json = "application/json";
const cbor = "application/cbor";
const octets = "application/octet-stream";
const immutable = "private, max-age=31536000, immutable";
const binary = Type.String({ format: "binary" });
/** Payloads up to this size are read at once. */
const heldBytesMax = 4 * 1024 * 1024;

const State = Type.Object(
  {
    id: SessionIdParam,
    at: Seq,
    program: Type.Object({ name: Type.String(), version: Type.String() }),
    stateHash: Sha256,
    snapshotUsed: Type.Union([Seq, Type.Null()]),
    state: Type.Unknown(),
  },
  { $id: "State" },
);
const BlobParams = Type.Object({ sha256: Sha256 }, { additionalProperties: false });

/** Adds the routes. */
export function addDataRoutes(app: ServerApp): void {
  const config = { access: "sessions:read" as const };
  app.get(
    "/v1/sessions/:id/state",
    {
      config,
      exposeHeadRoute: false,
      schema: {
        tags: ["data"],
        summary: "The state after a number of events",
        params: SessionParams,
        querystring: Type.Object(
          { at: Type.Optional(Seq) },
          { additionalProperties: false, description: "Default: after all events." },
        ),
        response: {
          ...answers(200, State, [406, 410]),
          200: {
            description: "State",
            content: { [json]: { schema: State }, [cbor]: { schema: binary } },
          },
        },
      },
    },
    async (request, reply) => sendState(request, reply, request.params.id, request.query.at),
  );
  app.get(
    "/v1/sessions/:id/bundle",
    {
      config,
      exposeHeadRoute: false,
      schema: {
        tags: ["data"],
        summary: "The session in one file, to verify and import elsewhere",
        params: SessionParams,
        querystring: Type.Object(
          { snapshots: Type.Optional(Type.Boolean()) },
          { additionalProperties: false },
        ),
        response: {
          ...problems([410]),
          200: { description: "Bundle", content: { [octets]: { schema: binary } } },
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      return sendBundle(request, reply, id, request.query.snapshots ?? false);
    },
  );
  app.get(
    "/v1/blobs/:sha256",
    {
      config,
      schema: {
        tags: ["data"],
        summary: "A payload above 4 KiB",
        params: BlobParams,
        headers: Type.Object({ range: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: {
          ...problems([416]),
          200: { description: "Payload", content: { [octets]: { schema: binary } } },
          206: { description: "Part of it", content: { [octets]: { schema: binary } } },
          304: { description: "Not modified", type: "null" },
        },
      },
    },
    async (request, reply) => sendBlob(request, reply, request.params.sha256),
  );
}

async function sendState(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  at: number | undefined,
): Promise<FastifyReply> {
  const type = negotiate(request, reply, [json, cbor]);
  const { directory, readers, states } = request.access.workspace;
  const kind = await readers.with(id, ({ manifest }) => manifest.kind);
  const program = await programFor(directory, id);
  const signal = gone(reply);
  const found = await encodedStateAt(directory, id, at, { program, signal });
  // The states of an executed session are kept while it runs.
  if (kind === "recorded") states.looked(id, program, found);
  reply.type(type).header("etag", `"${found.stateHash}.${type}"`);
  reply.header("reach-at", String(found.at)).header("cache-control", "private, no-cache");
  if (type === cbor) {
    const { name, version, hash } = programName(program);
    const parts = [name, version, hash].map(encodeURIComponent);
    reply.header("reach-program", parts.join("/"));
    if (found.snapshotUsed !== null) reply.header("reach-snapshot", String(found.snapshotUsed));
    return sendBytes(reply, found.bytes);
  }
  const { at: after, stateHash, snapshotUsed } = found;
  const about = { id, at: after, program: programName(program), stateHash, snapshotUsed };
  const writer = new JsonWriter();
  writer.raw(`${JSON.stringify(about).slice(0, -1)},"state":`);
  writer.value(found.bytes);
  writer.raw("}");
  return sendBytes(reply, writer.take());
}

/** Aborted when the client has gone before its answer. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

async function sendBundle(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  snapshots: boolean,
): Promise<FastifyReply> {
  const { directory, readers } = request.access.workspace;
  await readers.with(id, () => undefined);
  const stream = new PassThrough({ highWaterMark: 256 * 1024 });
  const signal = gone(reply);
  exportBundle(directory, id, writingTo(stream), { snapshots, signal }).then(
    () => stream.end(),
    (error: unknown) => {
      if (codeOf(error) !== "INTERRUPTED") request.log.error({ err: error }, "bundle failed");
      // A bundle that is cut off has no trailer: nobody takes it for a whole one.
      stream.destroy(error instanceof Error ? error : undefined);
    },
  );
  reply.type(octets).header("content-disposition", `attachment; filename="${id}.bundle"`);
  return reply.send(stream);
}

function sendBlob(request: FastifyRequest, reply: FastifyReply, name: string): FastifyReply {
  const { blobs } = request.access.workspace.directory;
  const sha256 = fromHex(name) as Uint8Array;
  const size = blobs.sizeOf(sha256);
  if (size === undefined) {
    throw new HttpError("NOT_FOUND", `there is no payload ${name}`, {
      hint: "payloads up to 4 KiB lie in their events",
    });
  }
  const etag = `"${name}"`;
  reply.header("etag", etag).header("cache-control", immutable).header("accept-ranges", "bytes");
  if (matches(request.headers["if-none-match"], etag)) return reply.code(304).send();
  const range = rangeOf(request, size, etag);
  if (range === "unsatisfiable") {
    reply.header("content-range", `bytes */${size}`);
    throw new HttpError("RANGE_INVALID", `the payload has ${size} bytes`);
  }
  const { from, to } = range ?? { from: 0, to: size };
  reply.type(octets).header("content-disposition", `attachment; filename="${name}"`);
  if (range) reply.code(206).header("content-range", `bytes ${from}-${to - 1}/${size}`);
  if (size <= heldBytesMax) return sendBytes(reply, blobs.get(sha256).subarray(from, to));
  const pieces = cut(blobs.stream(sha256), from, to, gone(reply));
  return sendPieces(reply, pieces, { release: () => {}, bytes: to - from });
}

/** The bytes `[from, to)` of a stream; what comes before is verified and dropped, in turns. */
async function* cut(
  pieces: Iterable<Uint8Array>,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const turns = new Turns();
  let at = 0;
  for (const piece of pieces) {
    if (signal.aborted) return;
    const start = Math.max(from - at, 0);
    const end = Math.min(to - at, piece.length);
    if (start < end) yield piece.subarray(start, end);
    at += piece.length;
    if (at >= to) return;
    await turns.next();
  }
}

/**
 * One range of bytes (RFC 9110, 14.1.2); several, or another unit, are answered with all, and so is
 * a HEAD, for which there are no ranges.
 */
function rangeOf(
  { headers, method }: FastifyRequest,
  size: number,
  etag: string,
): { from: number; to: number } | "unsatisfiable" | undefined {
  if (method !== "GET") return undefined;
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== etag) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (!match || (first === "" && last === "")) return undefined;
  if (first === "") {
    const from = Math.max(size - Number(last), 0);
    return Number(last) === 0 || size === 0 ? "unsatisfiable" : { from, to: size };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return undefined;
  if (from >= size) return "unsatisfiable";
  return { from, to: last === "" ? size : Math.min(Number(last) + 1, size) };
}
