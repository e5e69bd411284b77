/**
 * Appending: events of a recorded session, inputs of an executed one. What is answered is durable,
 * and whoever sends it again with the same producer numbers appends it once.
 */
import * as Type from "typebox";
import { type SessionId, systemClock } from "../../base/index.ts";
import { checkEventType } from "../../event/index.ts";
import type { AppendProducer } from "../appends.ts";
import { NewEvents, newEventOf } from "../event-schemas.ts";
import { HttpError } from "../problem.ts";
import { answers, Seq, SessionParams } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";
import { streamFormat } from "../streams/stream-note.ts";
import type { Workspace } from "../workspace.ts";

const Appended = Type.Object(
  {
    firstSeq: Type.Union([Seq, Type.Null()], {
      description: "`null` for a duplicate of an append before the producer's last one.",
    }),
    count: Type.Integer({ minimum: 0 }),
    size: Seq,
    duplicate: Type.Boolean({ description: "It was appended before, and not again." }),
  },
  { $id: "Appended", additionalProperties: false },
);

const AppendQuery = Type.Object(
  {
    expected: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "The seq that the first event must get; else 409, and nothing is appended.",
      }),
    ),
  },
  { additionalProperties: false },
);

const digits = "^(0|[1-9][0-9]{0,14})$";
const ProducerHeaders = Type.Object({
  "producer-id": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "Exactly once: the server remembers what each producer has appended.",
    }),
  ),
  "producer-epoch": Type.Optional(
    Type.String({ pattern: digits, description: "Raised by each new instance of the producer." }),
  ),
  "producer-seq": Type.Optional(
    Type.String({ pattern: digits, description: "0, 1, 2, … within an epoch." }),
  ),
});

/** Adds the routes. */
export function addAppendRoutes(app: ServerApp): void {
  app.post(
    "/v1/sessions/:id/events",
    {
      config: { access: "sessions:append" },
      schema: {
        tags: ["transcript"],
        summary: "Append events, all or none; durable when answered",
        params: SessionParams,
        querystring: AppendQuery,
        headers: ProducerHeaders,
        body: NewEvents,
        response: { ...answers(200, Appended), ...answers(201, Appended, [409, 410]) },
      },
    },
    async (request, reply) => {
      const { workspace } = request.access;
      const { id } = request.params;
      const producer = producerOf(request.headers);
      const options = { expectedSeq: request.query.expected, producer };
      const answer = await append(workspace, id, request.body, options);
      reply.code(answer.duplicate ? 200 : 201);
      return answer;
    },
  );
}

function producerOf(headers: Type.Static<typeof ProducerHeaders>): AppendProducer | undefined {
  const name = headers["producer-id"];
  const epoch = headers["producer-epoch"];
  const sequence = headers["producer-seq"];
  const given = [name, epoch, sequence].filter((value) => value !== undefined).length;
  if (given === 0) return undefined;
  if (name === undefined || epoch === undefined || sequence === undefined) {
    throw new HttpError("REQUEST_INVALID", "Producer-Id, -Epoch and -Seq belong together");
  }
  return { name, epoch: Number(epoch), sequence: Number(sequence) };
}

async function append(
  workspace: Workspace,
  id: SessionId,
  body: Type.Static<typeof NewEvents>,
  options: {
    readonly expectedSeq: number | undefined;
    readonly producer: AppendProducer | undefined;
  },
): Promise<Type.Static<typeof Appended>> {
  const events = Array.isArray(body) ? body : [body];
  const { kind, format } = await workspace.readers.with(id, ({ manifest }) => manifest);
  if (kind === "executed") return sendInputs(workspace, id, events, options);
  if (format === streamFormat) {
    throw new HttpError("CONFLICT", "the session is that of a stream", {
      hint: "append messages at /v1/stream/{name}",
    });
  }
  const now = systemClock();
  const made = events.map((event) => newEventOf(event, now));
  return workspace.appends.append(id, made, options);
}

/** Inputs of a running session: in order, each durable, but not all or none. */
async function sendInputs(
  { engine }: Workspace,
  id: SessionId,
  events: readonly Type.Static<typeof import("../event-schemas.ts").NewEventObject>[],
  { expectedSeq, producer }: { readonly expectedSeq: unknown; readonly producer: unknown },
): Promise<Type.Static<typeof Appended>> {
  if (!engine) throw new HttpError("UNAVAILABLE", "this server runs no programs");
  if (expectedSeq !== undefined || producer !== undefined) {
    throw new HttpError(
      "REQUEST_INVALID",
      "a session that runs decides itself which seq comes next",
      {
        hint: "`expected` and producers are for recorded sessions",
      },
    );
  }
  if (events.some(({ kind = "input", ref = null }) => kind !== "input" || ref !== null)) {
    throw new HttpError("REQUEST_INVALID", "a session that runs takes inputs only", {
      status: 422,
    });
  }
  // All of them before any is sent, with the reason that a recorded session would give.
  for (const { type } of events) checkEventType(type);
  const seqs: number[] = [];
  for (const { type, data = null } of events)
    seqs.push((await engine.input(id, { type, data })).seq);
  const last = seqs.at(-1) ?? 0;
  return { firstSeq: seqs[0] ?? null, count: seqs.length, size: last + 1, duplicate: false };
}
