/**
 * Importing: a transcript or a bundle as the body of a request, of any length, into a session. It
 * is answered when the session is durable and signed; sent again, it goes on or finds it there.
 */
import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import * as Type from "typebox";
import { formats } from "../../importers/index.ts";
import { allows } from "../access/scopes.ts";
import type { ImportAnswer } from "../imports/imports.ts";
import { beginUpload } from "../imports/upload-socket.ts";
import { HttpError } from "../problem.ts";
import { answers, oneOf, SessionIdParam, Sha256 } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";

const octets = "application/octet-stream";
const Count = Type.Integer({ minimum: 0 });

const Query = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: "What the source is called: the name of its file.",
      }),
    ),
    format: Type.Optional(
      oneOf(["auto", ...formats.map(({ name }) => name), "bundle"], {
        description: "Default `auto`: found by looking at the content.",
      }),
    ),
    path: Type.Optional(
      Type.String({
        maxLength: 4096,
        description: "Where in a JSON document the array of records is: `a.b[0].c`.",
      }),
    ),
    id: Type.Optional(SessionIdParam),
    fresh: Type.Optional(Type.Boolean({ description: "Make a new session in any case." })),
    key: Type.Optional(
      Type.String({
        maxLength: 1024,
        description: "Verifier key (C2SP vkey) that has to have signed a bundle.",
      }),
    ),
  },
  { additionalProperties: false },
);

const ImportedTranscript = Type.Object(
  {
    id: SessionIdParam,
    format: Type.String(),
    records: Type.Integer({ minimum: 0, description: "That this import added." }),
    events: Type.Integer({ minimum: 0, description: "Of the session now." }),
    bytes: Type.Integer({ minimum: 0, description: "Of the source." }),
    seconds: Type.Number(),
    continuedFrom: Type.Union([Count, Type.Null()], {
      description: "Events that were there before; `null` for a new session.",
    }),
    unchanged: Type.Boolean({
      description: "The very source had been imported: nothing was added.",
    }),
    interrupted: Type.Boolean(),
    root: Sha256,
    blobs: Type.Object({ count: Count, bytes: Count, storedBytes: Count }),
    problems: Type.Array(
      Type.Object({
        line: Type.Union([Count, Type.Null()]),
        offset: Count,
        message: Type.String(),
      }),
      { description: "The first 100." },
    ),
    problemCount: Count,
    unparsed: Count,
    fragments: Count,
  },
  { $id: "ImportedTranscript", additionalProperties: false },
);

const ImportedBundle = Type.Object(
  {
    id: SessionIdParam,
    format: Type.Literal("bundle"),
    events: Count,
    unchanged: Type.Boolean({ description: "The very session was here." }),
    repaired: Type.Integer({ minimum: 0, description: "Payloads that it lacked, and has again." }),
    restoredFrom: Type.Union([Count, Type.Null()]),
    snapshots: Count,
    report: Type.Unknown({ description: "What verifying it found, as `reach verify --json`." }),
  },
  { $id: "ImportedBundle", additionalProperties: false },
);

const Imported = Type.Union([ImportedTranscript, ImportedBundle]);

/** Adds the route, whose body is not read before it is imported. */
export function addImportRoute(app: ServerApp): void {
  app.register((plain, _, done) => {
    const scope = plain as ServerApp;
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(octets, async (_: unknown, body: Readable) => body);
    scope.addContentTypeParser("*", async ({ headers }: FastifyRequest, body: Readable) => {
      if (headers["content-type"] === undefined) return body;
      throw new HttpError("MEDIA_TYPE_UNSUPPORTED", "the body has a type that is not taken", {
        hint: `send the file as it is, as ${octets}`,
      });
    });
    addPost(scope);
    done();
  });
}

function addPost(app: ServerApp): void {
  app.post(
    "/v1/imports",
    {
      config: { access: "sessions:append" },
      schema: {
        tags: ["transcript"],
        summary: "Import a transcript or a bundle",
        description:
          "The body is the file itself, of any length. Answered when the session is durable and " +
          "signed. A longer version of a source that was imported before continues its session, " +
          "after proving that the beginning is the same; the very same source adds nothing. So " +
          "what broke off, or was not answered, is sent again: without `fresh` that is always " +
          "safe. A bundle is known by its content, and verified before it can be seen; " +
          "one of a session that a program ran brings its code along, and needs `admin`.",
        querystring: Query,
        consumes: [octets],
        body: Type.Unsafe<Readable | undefined>({ description: "The file as it is." }),
        response: { ...answers(200, Imported), ...answers(201, Imported, [408, 409, 410]) },
      },
    },
    async ({ access: { workspace, scopes }, query, body, headers, raw }, reply) => {
      beginUpload(raw, reply.raw);
      const { name = "upload", format = "auto", ...how } = query;
      const length = headers["content-length"];
      const answer = await workspace.imports.take({
        ...how,
        body: body ?? Readable.from([]),
        size: length === undefined ? null : Number(length),
        name,
        format,
        programs: allows(scopes, "admin"),
      });
      reply.code(isNew(answer) ? 201 : 200).header("location", `/v1/sessions/${answer.id}`);
      return answer;
    },
  );
}

function isNew(answer: ImportAnswer): boolean {
  if (answer.unchanged) return false;
  return "continuedFrom" in answer ? answer.continuedFrom === null : true;
}
