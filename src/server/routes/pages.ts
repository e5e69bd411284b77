/**
 * Reading a transcript page by page: from any seq, or by number. A page of 1,000 events that is
 * full never changes, so caches may keep it for ever.
 */

import type { FastifyReply, FastifyRequest } from "fastify";
import * as Type from "typebox";
import { limits } from "../../base/index.ts";
import { type EventKind, EventView, eventKinds, typeFilter } from "../../event/index.ts";
import type { SessionReader } from "../../session/index.ts";
import { EventObject, EventPage, PageQuery, Payload } from "../event-schemas.ts";
import { negotiate } from "../negotiation.ts";
import { JsonWriter, type PayloadChoice } from "../pages/json-writer.ts";
import {
  cborBytes,
  cborPieces,
  jsonPieces,
  type Page,
  payloadBudget,
  planPage,
} from "../pages/page.ts";
import { HttpError } from "../problem.ts";
import { problems, Seq, SessionIdParam, SessionParams } from "../schemas.ts";
import { sendBytes, sendPage } from "../sending.ts";
import type { ServerApp } from "../server-context.ts";

const json = "application/json";
const ndjson = "application/x-ndjson";
const cbor = "application/cbor";
const cborSequence = "application/cbor-seq";
const pageTypes = [json, ndjson, cbor, cborSequence] as const;
type PageType = (typeof pageTypes)[number];

/** Pages that are full are kept by whoever got them; `private`: it took a token. */
const immutable = "private, max-age=31536000, immutable";
/** Counts changes in how events are written as JSON: part of every ETag. */
const textVersion = 1;

const binary = Type.String({ format: "binary" });
const pageAnswers = {
  ...problems([406, 410]),
  200: {
    description: "Events",
    headers: { link: { type: "string", description: 'rel="next", where there is more' } },
    content: {
      [json]: { schema: EventPage },
      [ndjson]: { schema: EventObject },
      [cbor]: { schema: binary },
      [cborSequence]: { schema: binary },
    },
  },
};
const PageParams = Type.Object(
  { id: SessionIdParam, n: Type.Integer({ minimum: 0, maximum: 2 ** 43 }) },
  { additionalProperties: false },
);
const EventParams = Type.Object({ id: SessionIdParam, seq: Seq }, { additionalProperties: false });
const PayloadQuery = Type.Object(
  { payload: Type.Optional(Payload) },
  { additionalProperties: false },
);

/** Adds the routes. */
export function addPageRoutes(app: ServerApp): void {
  app.get(
    "/v1/sessions/:id/events",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["transcript"],
        summary: "Events behind a seq",
        params: SessionParams,
        querystring: PageQuery,
        response: pageAnswers,
      },
    },
    async (request, reply) => sendEvents(request, reply, request.params.id, request.query),
  );
  app.get(
    "/v1/sessions/:id/pages/:n",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["transcript"],
        summary: "The n-th 1,000 events; immutable when it is full",
        params: PageParams,
        querystring: PayloadQuery,
        response: { ...pageAnswers, 304: { description: "Not modified", type: "null" } },
      },
    },
    async (request, reply) => sendNumbered(request, reply, request.params, request.query.payload),
  );
  app.get(
    "/v1/sessions/:id/events/:seq",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["transcript"],
        summary: "One event",
        params: EventParams,
        querystring: PayloadQuery,
        response: {
          ...problems([406, 410]),
          200: {
            description: "Event",
            content: { [json]: { schema: EventObject }, [cbor]: { schema: binary } },
          },
        },
      },
    },
    async (request, reply) => {
      const { id, seq } = request.params;
      const type = negotiate(request, reply, [json, cbor]);
      const payload = payloadFor(type, request.query.payload);
      const bytes = await request.access.workspace.readers.with(id, (reader) => {
        const end = reader.reliableSize;
        if (seq >= end) throw noEvent(id, seq, end);
        const event = reader.event(seq);
        if (type === cbor) return Buffer.from(event.bytes);
        const writer = new JsonWriter();
        writer.event(new EventView(event.bytes, reader.blobs), payload, payloadBudget(reader));
        return writer.take();
      });
      return sendBytes(reply.type(type).header("cache-control", immutable), bytes);
    },
  );
}

function noEvent(id: string, seq: number, end: number): HttpError {
  return new HttpError("NOT_FOUND", `session ${id} has no event ${seq}`, {
    hint: end === 0 ? "it has no events" : `its events are 0 to ${end - 1}`,
  });
}

/** What of payloads a representation holds; refuses what it cannot. */
function payloadFor(type: PageType, asked: PayloadChoice | undefined): PayloadChoice {
  const stored = type === cbor || type === cborSequence;
  if (!stored) return asked ?? "inline";
  if (asked === undefined || asked === "ref") return "ref";
  throw new HttpError(
    "REQUEST_INVALID",
    `${type} is the stored bytes, with payloads by reference`,
    {
      hint: "leave `payload` out, or ask for JSON",
    },
  );
}

function kindsOf(text: string | undefined): ReadonlySet<EventKind> | undefined {
  if (text === undefined) return undefined;
  const kinds = new Set<EventKind>();
  for (const name of text.split(",")) {
    const kind = eventKinds.find((known) => known === name);
    if (kind === undefined) {
      throw new HttpError("REQUEST_INVALID", "kind in the query names no kind of event", {
        hint: `there are ${eventKinds.join(", ")}`,
        where: "kind",
      });
    }
    kinds.add(kind);
  }
  return kinds;
}

function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  query: Type.Static<typeof PageQuery>,
): FastifyReply {
  const type = negotiate(request, reply, pageTypes);
  const payload = payloadFor(type, query.payload);
  const kinds = kindsOf(query.kind);
  const filter = query.type === undefined ? undefined : typeFilter(query.type);
  const lease = request.access.workspace.readers.lease(id);
  let page: Page;
  let end: number;
  try {
    end = lease.reader.reliableSize;
    const { after = -1, limit = limits.pageEventsMax } = query;
    page = planPage(lease.reader, {
      from: after + 1,
      to: end,
      limit,
      payload,
      kinds,
      type: filter,
    });
  } catch (error) {
    lease.release();
    throw error;
  }
  const { next } = page;
  const more = next < end;
  reply.header("reach-next", String(next - 1)).header("reach-more", String(more));
  if (more) reply.header("link", nextLink(request, "after", next - 1));
  return send(reply, lease, page, type, payload, { id, next: next - 1, more });
}

/** The link to what comes next: the same request with another place to begin at. */
export function nextLink({ raw }: FastifyRequest, place: string, value: string | number): string {
  const [, path = "", query = ""] = /^([^?]*)\??(.*)$/s.exec(raw.url ?? "") ?? [];
  const parameters = new URLSearchParams(query);
  parameters.set(place, String(value));
  return `<${path}?${parameters}>; rel="next"`;
}

function sendNumbered(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, n }: { readonly id: string; readonly n: number },
  asked: PayloadChoice | undefined,
): FastifyReply {
  const type = negotiate(request, reply, pageTypes);
  const payload = payloadFor(type, asked);
  const lease = request.access.workspace.readers.lease(id);
  try {
    const from = n * limits.pageEventsMax;
    const end = lease.reader.reliableSize;
    if (from >= end && n > 0) {
      throw new HttpError("NOT_FOUND", `session ${id} has no page ${n}`, {
        hint: `it has ${end} events, 1,000 to a page`,
      });
    }
    const to = Math.min(from + limits.pageEventsMax, end);
    const full = to === from + limits.pageEventsMax;
    // What is in a log never changes: where it lies and how it is written say it all.
    const etag = `"${id}.${n}.${to - from}.${type.slice(12)}.${payload}.${textVersion}"`;
    reply.header("etag", etag).header("cache-control", full ? immutable : "private, no-cache");
    if (to < end) reply.header("link", `</v1/sessions/${id}/pages/${n + 1}>; rel="next"`);
    if (matches(request.headers["if-none-match"], etag)) {
      lease.release();
      return reply.code(304).send();
    }
    const page = planPage(lease.reader, { from, to, limit: limits.pageEventsMax, payload: "ref" });
    return send(reply, lease, page, type, payload, { id, next: to - 1 });
  } catch (error) {
    lease.release();
    throw error;
  }
}

/** `If-None-Match` (RFC 9110, 13.1.2): compared weakly. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((part) => part.trim().replace(/^W\//, "") === etag);
}

function send(
  reply: FastifyReply,
  { reader, release }: { readonly reader: SessionReader; readonly release: () => void },
  page: Page,
  type: PageType,
  payload: PayloadChoice,
  about: { readonly id: string; readonly next: number; readonly more?: boolean },
): FastifyReply {
  reply.type(type);
  if (type === cbor || type === cborSequence) {
    const framing = type === cbor ? "array" : "sequence";
    const bytes = cborBytes(page, framing);
    return sendPage(reply, cborPieces(page, framing), { release, bytes });
  }
  const text = type === ndjson ? lineText(page) : objectText(about);
  return sendPage(reply, jsonPieces(reader, page, payload, text), { release });
}

function lineText({ events }: Page): { before: string; between: string; after: string } {
  return { before: "", between: "\n", after: events.length > 0 ? "\n" : "" };
}

function objectText(about: {
  readonly id: string;
  readonly next: number;
  readonly more?: boolean;
}): {
  before: string;
  between: string;
  after: string;
} {
  const { id, ...rest } = about;
  return {
    before: `{"id":"${id}","events":[`,
    between: ",\n",
    after: `],${JSON.stringify(rest).slice(1)}`,
  };
}
