/**
 * Appending: events of a recorded session, inputs of an executed one. What is answered is durable,
 * and whoever sends it again, with the same producer numbers or the same key, appends it once.
 */
import * as Type from "typebox";
import {
  codeOf,
  encodeValue,
  messageOf,
  type SessionId,
  sha256,
  systemClock,
} from "../../base/index.ts";
import { checkEventType } from "../../event/index.ts";
import type { AppendProducer } from "../appends.ts";
import { type NewEventObject, NewEvents, newEventOf } from "../event-schemas.ts";
import { HttpError } from "../problem.ts";
import { producerHeaders, producerOf } from "../producer-headers.ts";
import { resumeRecording } from "../resuming.ts";
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

const AppendHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description:
        "For inputs of a session that runs: the same key again takes none of them a second time, " +
        "also after a restart.",
    }),
  ),
  ...producerHeaders,
});

const Resume = Type.Object(
  { producer: Type.String({ minLength: 1, maxLength: 256, description: "Its Producer-Id." }) },
  { additionalProperties: false },
);
const Resumed = Type.Object(
  {
    epoch: Type.Integer({ minimum: 0, description: "The Producer-Epoch from now on." }),
    sequence: Type.Integer({ minimum: 0, description: "The Producer-Seq of the next append." }),
    size: Seq,
    leftOpen: Type.Array(
      Type.Object({ seq: Seq, name: Type.String() }, { additionalProperties: false }),
      { description: "Calls that were under way, each with a result now: `INTERRUPTED`." },
    ),
  },
  { $id: "Resumed", additionalProperties: false },
);

/** Adds the routes. */
export function addAppendRoutes(app: ServerApp): void {
  app.post(
    "/v1/sessions/:id/events",
    {
      config: { access: "sessions:append" },
      schema: {
        tags: ["transcript"],
        summary: "Append events; durable when answered",
        description:
          "To a recorded session: all of them or none. To one that runs: inputs, one after " +
          "the other, each durable and acted on by itself. Where one is refused those before it " +
          "stay, and `taken` of the problem has their seqs; with an `Idempotency-Key` the same " +
          "request can be sent again, and takes what is missing.",
        params: SessionParams,
        querystring: AppendQuery,
        headers: AppendHeaders,
        body: NewEvents,
        response: { ...answers(200, Appended), ...answers(201, Appended, [409, 410]) },
      },
    },
    async (request, reply) => {
      const { workspace } = request.access;
      const { id } = request.params;
      const producer = producerOf(request.headers);
      const key = request.headers["idempotency-key"];
      const options = { expectedSeq: request.query.expected, producer, key };
      const answer = await append(workspace, id, request.body, options);
      reply.code(answer.duplicate ? 200 : 201);
      if (key !== undefined && answer.duplicate) reply.header("idempotent-replayed", "true");
      return answer;
    },
  );
  app.post(
    "/v1/sessions/:id/resume",
    {
      config: { access: "sessions:append" },
      schema: {
        tags: ["transcript"],
        summary: "Go on with a recording whose process is gone",
        description:
          "Begins a new epoch of its producer: appends of earlier ones are refused from now on. " +
          "A note in the log says so, and calls of effects that were under way get a result.",
        params: SessionParams,
        body: Resume,
        response: answers(200, Resumed, [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, body: { producer } }) => {
      const { epoch, sequence, size, leftOpen } = await resumeRecording(workspace, id, producer);
      return { epoch, sequence, size, leftOpen: [...leftOpen] };
    },
  );
}

/** What a request demands beside its events. */
interface Conditions {
  readonly expectedSeq: number | undefined;
  readonly producer: AppendProducer | undefined;
  readonly key: string | undefined;
}

async function append(
  workspace: Workspace,
  id: SessionId,
  body: Type.Static<typeof NewEvents>,
  options: Conditions,
): Promise<Type.Static<typeof Appended>> {
  const events = Array.isArray(body) ? body : [body];
  const { kind, format } = await workspace.readers.with(id, ({ manifest }) => manifest);
  if (kind === "executed") return sendInputs(workspace, id, events, options);
  if (format === streamFormat) {
    throw new HttpError("CONFLICT", "the session is that of a stream", {
      hint: "append messages at /v1/stream/{name}",
    });
  }
  if (options.key !== undefined) {
    throw new HttpError("REQUEST_INVALID", "the session is recorded: it has no inputs with keys", {
      hint: "Producer-Id, -Epoch and -Seq append exactly once",
    });
  }
  const now = systemClock();
  const made = events.map((event) => newEventOf(event, now));
  return workspace.appends.append(id, made, options);
}

type NewInput = Type.Static<typeof NewEventObject>;

/** Inputs of a running session: in order, each durable, but not all or none. */
async function sendInputs(
  { engine }: Workspace,
  id: SessionId,
  events: readonly NewInput[],
  { expectedSeq, producer, key }: Conditions,
): Promise<Type.Static<typeof Appended>> {
  if (!engine) throw new HttpError("UNAVAILABLE", "this server runs no programs");
  if (expectedSeq !== undefined || producer !== undefined) {
    throw new HttpError(
      "REQUEST_INVALID",
      "a session that runs decides itself which seq comes next",
      {
        hint: "`expected` and producers are for recorded sessions; send an Idempotency-Key",
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
  const inputs = events.map(({ type, data = null }) => ({ type, data }));
  const request = sha256(encodeValue(inputs));
  const taken: { readonly seq: number; readonly duplicate: boolean }[] = [];
  for (const [place, input] of inputs.entries()) {
    try {
      const once = key === undefined ? undefined : { key, place, request };
      taken.push(await engine.input(id, input, once));
    } catch (error) {
      throw refusedAt(
        taken.map(({ seq }) => seq),
        inputs.length,
        error,
      );
    }
  }
  const [{ seq: firstSeq } = { seq: null }] = taken;
  const size = (taken.at(-1)?.seq ?? -1) + 1;
  const duplicate = key !== undefined && taken.every((one) => one.duplicate);
  return { firstSeq, count: taken.length, size, duplicate };
}

/** Why an input was refused, of several with what became of those before it. */
function refusedAt(taken: readonly number[], count: number, error: unknown): unknown {
  if (count === 1) return error;
  const { where, hint } = error as { readonly where?: string; readonly hint?: string };
  const before = taken.length === 0 ? "none" : `the first ${taken.length}`;
  const message = `${messageOf(error)}: ${before} of ${count} inputs had been taken`;
  const code = codeOf(error);
  const rest = "send the others, or with an Idempotency-Key the same again";
  const advice = code === "OVERLOADED" && taken.length > 0 ? rest : hint;
  return new HttpError(code ?? "BUG", message, {
    taken,
    cause: error,
    ...(where === undefined ? {} : { where }),
    ...(advice === undefined ? {} : { hint: advice }),
  });
}
