/**
 * Tailing a session: Server-Sent Events from any seq, first what is there, then what comes, each
 * event once. The id of an event is its seq, so a client that lost its connection goes on with
 * `Last-Event-ID`, as browsers do by themselves.
 */
import * as Type from "typebox";
import { Payload } from "../event-schemas.ts";
import { negotiate } from "../negotiation.ts";
import { HttpError } from "../problem.ts";
import { problems, SessionParams } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";
import { eventStream, sendTail } from "../tails/send-tail.ts";

const TailQuery = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({
        minimum: -1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Begin behind this seq; default -1, from the beginning.",
      }),
    ),
    payload: Type.Optional(Payload),
  },
  { additionalProperties: false },
);
const TailHeaders = Type.Object({
  "last-event-id": Type.Optional(
    Type.String({ pattern: "^(0|[1-9][0-9]{0,15})?$", description: "Wins over `after`." }),
  ),
});

/** Adds the route. */
export function addTailRoute(app: ServerApp): void {
  app.get(
    "/v1/sessions/:id/tail",
    {
      config: { access: "sessions:read", endless: true },
      // A HEAD of something without an end would never end.
      exposeHeadRoute: false,
      schema: {
        tags: ["transcript"],
        summary: "Events as they come, as Server-Sent Events",
        description:
          "Each event is `id: <seq>` and `data: <Event>`. `event: control` says " +
          "`{next, upToDate?, closed?, cut?}`: all that is durable has been sent; the session " +
          "has ended; the tail ends here (`slow`, `shutdown`, `damaged`) and is to be resumed.",
        params: SessionParams,
        querystring: TailQuery,
        headers: TailHeaders,
        response: {
          ...problems([406, 410]),
          200: {
            description: "Events without an end",
            content: { [eventStream]: { schema: Type.String() } },
          },
          204: { description: "The session has ended and all of it is known", type: "null" },
        },
      },
    },
    async (request, reply) => {
      negotiate(request, reply, [eventStream]);
      const { tails } = request.access.workspace;
      const lastId = request.headers["last-event-id"];
      const resumed = lastId !== undefined && lastId !== "";
      const from = (resumed ? Number(lastId) : (request.query.after ?? -1)) + 1;
      tails.checkRoom();
      const used = tails.source(request.params.id);
      if (from > used.source.size) {
        used.release();
        throw new HttpError("REQUEST_INVALID", `the session has ${used.source.size} events`, {
          hint: `there is no event ${from - 1} to go on from`,
        });
      }
      if (resumed && used.source.endedBefore(from)) {
        used.release();
        // What makes a browser stop asking.
        return reply.code(204).send(null);
      }
      sendTail(reply, tails, used, {
        status: 200,
        from,
        payload: request.query.payload ?? "inline",
      });
      return reply;
    },
  );
}
