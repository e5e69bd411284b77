/**
 * Sessions at a glance: one of them, or a list. Nothing of this is cached by anybody, since a
 * session grows.
 */
import { type Static, Type } from "@fastify/type-provider-typebox";
import { type SessionId, toHex } from "../../base/index.ts";
import { answers, SessionIdParam, SessionParams, Sha256 } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";
import type { Workspace } from "../workspace.ts";

const Session = Type.Object(
  {
    id: SessionIdParam,
    kind: Type.Union([Type.Literal("recorded"), Type.Literal("executed")]),
    name: Type.String(),
    format: Type.String({ description: "What it was imported from; empty for others." }),
    created: Type.Integer({ description: "Milliseconds since the epoch." }),
    size: Type.Integer({ description: "Events; also the seq of the next one." }),
    signed: Type.Union([Type.Integer(), Type.Null()], {
      description: "Events under the newest signed checkpoint.",
    }),
    root: Type.Union([Sha256, Type.Null()], { description: "Root of the newest checkpoint." }),
    readOnly: Type.Union([Type.String(), Type.Null()], {
      description: "Why nothing can be appended: damage that was found.",
    }),
  },
  { $id: "Session" },
);

/** Adds the routes. */
export function addSessionRoutes(app: ServerApp): void {
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
    async ({ access, params }) => sessionOf(access.workspace, params.id),
  );
}

/** A session as it is answered. */
export async function sessionOf(
  workspace: Workspace,
  id: SessionId,
): Promise<Static<typeof Session>> {
  return workspace.readers.with(id, (reader) => {
    const { kind, name, format, created } = reader.manifest;
    const checkpoint = reader.checkpoint();
    return {
      id,
      kind,
      name,
      format,
      created,
      size: reader.size,
      signed: checkpoint?.size ?? null,
      root: checkpoint ? toHex(checkpoint.root) : null,
      readOnly: reader.quarantine?.reason ?? null,
    };
  });
}
