/**
 * Sessions: beginning one, one of them at a glance, the list. Nothing of this is cached by anybody,
 * since a session grows.
 */
import * as Type from "typebox";
import {
  encodeValue,
  equalBytes,
  newSessionId,
  type SessionId,
  systemClock,
  systemEntropy,
  toHex,
} from "../../base/index.ts";
import {
  lastEvent,
  type NewEvent,
  type NewSession,
  type SessionReader,
} from "../../session/index.ts";
import type { Access } from "../access/access.ts";
import { allows } from "../access/scopes.ts";
import type { AppendProducer } from "../appends.ts";
import { NewEventObject, newEventOf } from "../event-schemas.ts";
import { negotiate } from "../negotiation.ts";
import { HttpError } from "../problem.ts";
import { producerHeaders, producerOf } from "../producer-headers.ts";
import { removeStored } from "../removal.ts";
import { answers, oneOf, problems, SessionIdParam, SessionParams, Sha256 } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";
import { eventStream, sendTail } from "../tails/send-tail.ts";
import type { UsedSource } from "../tails/tail-hub.ts";
import { Turns } from "../turns.ts";
import type { Workspace } from "../workspace.ts";
import { nextLink } from "./pages.ts";

const statuses = [
  "recorded",
  "queued",
  "running",
  "waiting",
  "parked",
  "ended",
  "stuck",
  "read-only",
  "damaged",
] as const;

/** A session as it is answered. */
export const Session = Type.Object(
  {
    id: SessionIdParam,
    kind: oneOf(["recorded", "executed"] as const),
    status: oneOf(statuses, {
      description:
        "`recorded`: events come from outside; of an executed one what it does; `read-only`, " +
        "`damaged`: see `problem`.",
    }),
    outcome: Type.Union([Type.String(), Type.Null()], { description: "How it ended." }),
    name: Type.String(),
    program: Type.Union([Type.String(), Type.Null()]),
    format: Type.String({ description: "What it was imported from; empty for others." }),
    created: Type.Integer({ description: "Milliseconds since the epoch." }),
    size: Type.Integer({ description: "Events; also the seq of the next one." }),
    signed: Type.Union([Type.Integer(), Type.Null()], {
      description: "Events under the newest signed checkpoint.",
    }),
    root: Type.Union([Sha256, Type.Null()], { description: "Root of that checkpoint." }),
    problem: Type.Union([Type.String(), Type.Null()], { description: "What is wrong with it." }),
  },
  { $id: "Session", additionalProperties: false },
);

const SessionList = Type.Object({
  sessions: Type.Array(Session),
  cursor: Type.Union([SessionIdParam, Type.Null()], { description: "For the next page." }),
});

const ListQuery = Type.Object(
  {
    cursor: Type.Optional(SessionIdParam),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    status: Type.Optional(oneOf(statuses)),
    program: Type.Optional(Type.String({ maxLength: 256 })),
    prefix: Type.Optional(
      Type.String({ pattern: "^[0-9a-f-]{1,36}$", description: "How their ids begin." }),
    ),
    since: Type.Optional(
      Type.Integer({ minimum: 0, description: "Begun at or after this time, in milliseconds." }),
    ),
  },
  { additionalProperties: false },
);

const Execute = Type.Object(
  {
    program: Type.String({ minLength: 1, maxLength: 256 }),
    input: Type.Optional(Type.Unknown()),
    name: Type.Optional(Type.String({ maxLength: 256 })),
  },
  { additionalProperties: false },
);
const Record = Type.Object(
  {
    id: Type.Optional(
      Type.Unsafe<string>({
        ...SessionIdParam,
        description:
          "Of a session that has none yet; with the headers of a producer, whose append 0 this " +
          "is, the same request again begins nothing.",
      }),
    ),
    name: Type.Optional(Type.String({ maxLength: 256 })),
    events: Type.Array(NewEventObject, { minItems: 1, maxItems: 1000 }),
  },
  { additionalProperties: false },
);
const Begin = Type.Union([Execute, Record], {
  description: "A program and its input, or a recorded session with its first events.",
});
const Begun = Type.Object({ id: SessionIdParam }, { $id: "Begun" });

const BeginHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "The same key again: the same session, also after a restart.",
    }),
  ),
  ...producerHeaders,
});

const removedAnswer = { description: "Removed, durably", type: "null" };

/** Sessions that one page of a filtered list looks at. */
const lookedAtMax = 2000;

/** Adds the routes. */
export function addSessionRoutes(app: ServerApp): void {
  app.post(
    "/v1/sessions",
    {
      config: { access: "sessions:trigger" },
      schema: {
        tags: ["sessions"],
        summary: "Begin a session",
        description:
          "With `Accept: text/event-stream` the answer goes on as a tail of the session, from " +
          "its first event, with `payload=inline`; a token needs `sessions:read` for that.",
        headers: BeginHeaders,
        body: Begin,
        response: {
          ...problems([406, 409, 410]),
          201: {
            description: "Begun; the first event is durable",
            content: {
              "application/json": { schema: Begun },
              [eventStream]: { schema: Type.String() },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { workspace } = request.access;
      const tailed = negotiate(request, reply, ["application/json", eventStream]) === eventStream;
      if (tailed) mayTail(request.access);
      const once = {
        key: request.headers["idempotency-key"],
        producer: producerOf(request.headers),
      };
      let used: UsedSource | undefined;
      const onId = (id: SessionId): void => {
        used = workspace.tails.sourceOfNew(id);
      };
      const begun = begin(workspace, request.body, once, tailed ? onId : undefined);
      const { id, replayed } = await begun.catch((error: unknown) => {
        used?.release();
        throw error;
      });
      if (!replayed && "program" in request.body) {
        workspace.metrics.triggerToFirstEvent.observe(reply.elapsedTime / 1000);
      }
      if (replayed) reply.header("idempotent-replayed", "true");
      reply.code(201).header("location", `/v1/sessions/${id}`);
      if (!tailed) return { id };
      request.endless = true;
      used ??= workspace.tails.source(id);
      sendTail(reply, workspace.tails, used, { status: 201, from: 0, payload: "inline" });
      return reply;
    },
  );
  app.get(
    "/v1/sessions",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["sessions"],
        summary: "Sessions, the newest first",
        querystring: ListQuery,
        response: answers(200, SessionList),
      },
    },
    async (request, reply) => {
      const list = await listOf(request.access.workspace, request.query);
      const { cursor } = list;
      if (cursor !== null) reply.header("link", nextLink(request, "cursor", cursor));
      return list;
    },
  );
  app.get(
    "/v1/sessions/:id",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["sessions"],
        summary: "One session",
        params: SessionParams,
        response: answers(200, Session, [410]),
      },
    },
    async ({ access, params }, reply) => {
      const session = await sessionOf(access.workspace, params.id);
      reply.header("reach-size", String(session.size));
      return session;
    },
  );
  app.delete(
    "/v1/sessions/:id",
    {
      config: { access: "admin" },
      schema: {
        tags: ["sessions"],
        summary: "Remove a session for good",
        description:
          "One that has ended, or that was recorded and is no stream's. A tombstone stays; the " +
          "room of its payloads comes back with `reach gc`.",
        params: SessionParams,
        response: {
          ...problems([409, 410]),
          204: removedAnswer,
        },
      },
    },
    async ({ access, params }, reply) => {
      await removeStored(access.workspace, params.id);
      return reply.code(204).send();
    },
  );
}

/** Refuses before anything is begun. Throws `FORBIDDEN`, `OVERLOADED`. */
function mayTail({ scopes, workspace }: Access): void {
  if (!allows(scopes, "sessions:read")) {
    throw new HttpError("FORBIDDEN", "this token does not have the scope sessions:read", {
      hint: "without `Accept: text/event-stream` the session is begun and not tailed",
    });
  }
  workspace.tails.checkRoom();
}

/** What makes that a request which is sent twice begins one session. */
interface Once {
  readonly key: string | undefined;
  readonly producer: AppendProducer | undefined;
}

async function begin(
  workspace: Workspace,
  body: Type.Static<typeof Begin>,
  once: Once,
  onId: ((id: SessionId) => void) | undefined,
): Promise<{ id: SessionId; replayed: boolean }> {
  if (!("program" in body)) return beginRecorded(workspace, body, once);
  const { key, producer } = once;
  if (producer) {
    throw new HttpError("REQUEST_INVALID", "a program has no producer", {
      hint: "an Idempotency-Key begins its session once",
    });
  }
  const { engine, triggers } = workspace;
  if (!engine) throw new HttpError("UNAVAILABLE", "this server runs no programs");
  const { program, input = null, name } = body;
  const bytes = encodeValue(input);
  const start = async (id: SessionId): Promise<SessionId> => {
    onId?.(id);
    const options = { id, fresh: true, ...(name === undefined ? {} : { name }) };
    const work = (): Promise<{ id: SessionId }> => engine.start(program, input, options);
    return (await triggers.run(program, bytes.length, work)).id;
  };
  if (key === undefined) {
    const id = newSessionId(systemClock, systemEntropy);
    return { id: await start(id), replayed: false };
  }
  const { id, begun } = await workspace.keyed.once(key, async (fresh) => {
    await start(fresh);
  });
  if (!begun) await checkSame(workspace, id, name, [{ kind: "trigger", type: program, bytes }]);
  return { id, replayed: !begun };
}

async function beginRecorded(
  workspace: Workspace,
  { id: own, name, events }: Type.Static<typeof Record>,
  { key, producer }: Once,
): Promise<{ id: SessionId; replayed: boolean }> {
  const now = systemClock();
  const made = events.map((event) => newEventOf(event, now));
  const session = name === undefined ? {} : { name };
  if (own !== undefined && key === undefined) {
    const { id, duplicate } = await beginOwn(workspace, { ...session, id: own }, made, producer);
    return { id, replayed: duplicate };
  }
  if (producer || own !== undefined) {
    throw new HttpError("REQUEST_INVALID", "an Idempotency-Key goes with neither id nor producer", {
      hint: "an id with a producer, or with neither of them a key",
    });
  }
  if (key === undefined) {
    const { id } = await workspace.appends.create(session, made);
    return { id, replayed: false };
  }
  const { id, begun } = await workspace.keyed.once(key, async (fresh) => {
    await workspace.appends.create({ ...session, id: fresh }, made);
  });
  // An event without a time of its own got the time of its request, which is another one.
  const sent = made.map((event, i) => ({ ...event, time: events[i]?.time }));
  if (!begun) await checkSame(workspace, id, name, sent);
  return { id, replayed: !begun };
}

/** A session whose id comes with the request. */
async function beginOwn(
  { appends }: Workspace,
  session: NewSession & { readonly id: SessionId },
  events: readonly NewEvent[],
  producer: AppendProducer | undefined,
): Promise<{ id: SessionId; duplicate: boolean }> {
  const { id } = session;
  if (!producer) await appends.create(session, events);
  else if ((await appends.begin(session, events, producer)).duplicate)
    return { id, duplicate: true };
  return { id, duplicate: false };
}

/** An event as a request has it; what is left out may be anything. */
interface SentEvent {
  readonly kind: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly ref?: number | null;
  readonly time?: number | undefined;
}

/** Throws unless a session that a key has begun was begun by this very request. */
async function checkSame(
  workspace: Workspace,
  id: SessionId,
  name: string | undefined,
  sent: readonly SentEvent[],
): Promise<void> {
  await workspace.readers.with(id, (reader) => {
    if (reader.manifest.name === (name ?? "") && beganWith(reader, sent)) return;
    throw new HttpError(
      "IDEMPOTENCY_KEY_REUSED",
      "this key has begun a session with another request",
      {
        where: id,
        hint: "a key belongs to one request; use a new one for a new session",
      },
    );
  });
}

/**
 * Whether these are the first events. What a recorded session begins with has batches of its own,
 * so one of them ends with the request.
 */
function beganWith(reader: SessionReader, sent: readonly SentEvent[]): boolean {
  let end = 0;
  for (const { firstSeq, count } of reader.batches(0, sent.length)) end = firstSeq + count;
  if (end < sent.length) return false;
  if (end > sent.length && reader.manifest.kind === "recorded") return false;
  for (const event of reader.events(0, sent.length)) {
    const { kind, type, bytes, ref = event.ref, time = event.time } = sent[event.seq] as SentEvent;
    if (event.kind !== kind || event.type !== type) return false;
    if (event.ref !== ref || event.time !== time) return false;
    if (!equalBytes(event.payloadBytes, bytes)) return false;
  }
  return true;
}

async function listOf(
  workspace: Workspace,
  query: Type.Static<typeof ListQuery>,
): Promise<Type.Static<typeof SessionList>> {
  const { cursor, limit = 100, status, program, prefix = "", since } = query;
  const sessions: Type.Static<typeof Session>[] = [];
  const turns = new Turns();
  let lookedAt = 0;
  let last: SessionId | undefined;
  // Behind every id that begins so: no letter of an id comes after an f.
  const end = prefix === "" ? undefined : `${prefix}g`;
  const before = end === undefined || (cursor !== undefined && cursor < end) ? cursor : end;
  for (const id of workspace.catalogue.newest(before)) {
    if (!id.startsWith(prefix)) break;
    if (sessions.length >= limit || lookedAt >= lookedAtMax)
      return { sessions, cursor: last ?? null };
    await turns.next();
    const session = await summaryOf(workspace, id);
    last = id;
    lookedAt += 1;
    if (since !== undefined && session.created < since) continue;
    if (status !== undefined && session.status !== status) continue;
    if (program !== undefined && session.program !== program) continue;
    sessions.push(session);
  }
  return { sessions, cursor: null };
}

/**
 * A session for a list: one that is damaged is in it, saying so. Throws where the disk does not
 * take something to its place: no session is shorter for that.
 */
async function summaryOf(
  workspace: Workspace,
  id: SessionId,
): Promise<Type.Static<typeof Session>> {
  try {
    return await sessionOf(workspace, id);
  } catch (error) {
    const { disk, path } = workspace.directory;
    // Whoever looks at the sessions has the disk take what waits for its place, or hears why not.
    disk.exists(`${path}/sessions`);
    const problem = error instanceof Error ? error.message : "it cannot be read";
    return { ...unreadable, id, problem: problem.replaceAll(workspace.directory.path, "…") };
  }
}

const unreadable = {
  kind: "recorded",
  status: "damaged",
  outcome: null,
  name: "",
  program: null,
  format: "",
  created: 0,
  size: 0,
  signed: null,
  root: null,
} as const;

/** A session as it is answered. Throws `NOT_FOUND`, `GONE`, `CORRUPT`. */
export async function sessionOf(
  workspace: Workspace,
  id: SessionId,
): Promise<Type.Static<typeof Session>> {
  return workspace.readers.with(id, (reader) => {
    const { kind, name, format, created } = reader.manifest;
    const checkpoint = reader.checkpoint();
    return {
      id,
      kind,
      ...statusOf(workspace, reader),
      name,
      program: programOf(reader),
      format,
      created,
      size: reader.reliableSize,
      signed: checkpoint?.size ?? null,
      root: checkpoint ? toHex(checkpoint.root) : null,
    };
  });
}

type Status = Pick<Type.Static<typeof Session>, "status" | "outcome" | "problem">;

function statusOf({ engine }: Workspace, reader: SessionReader): Status {
  const { quarantine, manifest } = reader;
  if (quarantine) return { status: "read-only", outcome: null, problem: quarantine.reason };
  if (manifest.kind === "recorded") return { status: "recorded", outcome: null, problem: null };
  if (!engine) {
    const end = lastEvent(reader);
    if (end?.kind !== "end") return { status: "parked", outcome: null, problem: null };
    return { status: "ended", outcome: end.type, problem: null };
  }
  const { phase, outcome, error } = engine.status(reader.id);
  return { status: phase, outcome: outcome ?? null, problem: error?.message ?? null };
}

/** The program of an executed session. */
function programOf({ manifest }: SessionReader): string | null {
  return manifest.program?.name ?? null;
}
