/**
 * The observer's page at `/ui`: files of the package, which hold nothing of any session. What the
 * page shows it asks for as any client does, with the token that somebody gives it.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import type { FastifyReply, FastifyRequest } from "fastify";
import * as Type from "typebox";
import { builtFile } from "../disk/index.ts";
import { HttpError, noRoute } from "./problem.ts";
import { matches } from "./routes/pages.ts";
import { problems } from "./schemas.ts";
import { sendBytes } from "./sending.ts";
import type { ServerApp } from "./server-context.ts";

/** Its own scripts and style sheet, its own server, and nothing that is written into the page. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const page = "index.html";
const mediaTypes: Readonly<Record<string, string>> = {
  [page]: "text/html; charset=utf-8",
  "observe.js": "text/javascript; charset=utf-8",
  "verify-worker.js": "text/javascript; charset=utf-8",
  "observe.css": "text/css; charset=utf-8",
};

interface PageFile {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** Adds the page, and the way to it from `/`. */
export function addObserverRoutes(app: ServerApp): void {
  const files = new Map<string, PageFile>();
  const text = { schema: Type.String() };
  const schema = {
    tags: ["life"],
    response: {
      ...problems(),
      200: {
        description: "File",
        content: { "text/html": text, "text/javascript": text, "text/css": text },
      },
      304: { description: "Not modified", type: "null" },
    },
  };
  const config = { access: "public" } as const;
  app.get(
    "/",
    { config, schema: { tags: ["life"], summary: "To the observer's page", response: moved } },
    async (request, reply) => {
      // `*` is no path, and the router takes it for this one.
      if (!request.raw.url?.startsWith("/")) throw noRoute();
      return reply.redirect("/ui", 302);
    },
  );
  app.get(
    "/ui",
    { config, schema: { ...schema, summary: "The observer's page" } },
    async (request, reply) => sendFile(request, reply, page, files),
  );
  app.get(
    "/ui/:file",
    {
      config,
      schema: {
        ...schema,
        summary: "Scripts and style of the observer's page",
        params: Type.Object({ file: Type.String({ maxLength: 64 }) }),
      },
    },
    async (request, reply) => sendFile(request, reply, request.params.file, files),
  );
}

const moved = { ...problems(), 302: { description: "Found", type: "null" } };

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  files: Map<string, PageFile>,
): FastifyReply {
  const mediaType = Object.hasOwn(mediaTypes, name) ? mediaTypes[name] : undefined;
  if (mediaType === undefined) throw new HttpError("NOT_FOUND", "the page has no such file");
  let file = files.get(name);
  if (!file) {
    file = read(name);
    files.set(name, file);
  }
  const { bytes, etag } = file;
  reply.header("content-security-policy", policy).header("etag", etag);
  reply.header("cache-control", "no-cache");
  if (matches(request.headers["if-none-match"], etag)) return reply.code(304).send();
  return sendBytes(reply.type(mediaType), bytes);
}

function read(name: string): PageFile {
  const bytes = fs.readFileSync(builtFile(`web/${name}`));
  const etag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  return { bytes, etag };
}
