/**
 * The OpenAPI document: what the schemas of the routes say, in one piece, made once. Schemas that
 * have a name stand once, under `components`.
 */
import swagger from "@fastify/swagger";
import * as Type from "typebox";
import { assert } from "../base/index.ts";
import { answers } from "./schemas.ts";
import { sendBytes } from "./sending.ts";
import type { ServerApp } from "./server-context.ts";

type Node = Record<string, unknown>;

const about = {
  title: "Reach",
  description:
    "Sessions triggered, observed, replayed and verified. Errors are problem documents " +
    "(RFC 9457) with a stable `code`. Bodies are JSON or, with what JSON has no form for, CBOR. " +
    "JSON with a number that would not come back with the same digits is refused: send it as text.",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
};

const tags = [
  { name: "sessions", description: "Begin sessions and find them" },
  { name: "transcript", description: "Events: pages, tail, append" },
  { name: "proofs", description: "Checkpoints, proofs, tiles" },
  { name: "data", description: "States, payloads, bundles" },
  { name: "control", description: "Cancel, fork, replay" },
  { name: "streams", description: "The Durable Streams protocol over the same logs" },
  { name: "life", description: "Health and metrics" },
];

/** Begins to collect the routes that are added from now on. */
export async function collectRoutes(app: ServerApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { ...about, version },
      servers: [{ url: "/" }],
      tags,
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer", description: "`reach token create`" },
        },
      },
      security: [{ token: [] }, {}],
    },
  });
}

/** Adds `/openapi.json`. */
export function addOpenApiRoute(app: ServerApp): void {
  let text: Buffer | undefined;
  app.get(
    "/openapi.json",
    {
      config: { access: "public" },
      schema: {
        tags: ["life"],
        summary: "This document",
        response: answers(200, Type.Object({ openapi: Type.String() })),
      },
    },
    async (_, reply) => {
      text ??= Buffer.from(`${JSON.stringify(openApiDocument(app), null, 1)}\n`);
      reply.type("application/json").header("cache-control", "no-cache");
      return sendBytes(reply, text);
    },
  );
}

/** The document over all routes of an app that is ready. */
export function openApiDocument(app: ServerApp): Node {
  const document = app.swagger() as unknown as Node;
  const named: Node = {};
  const whole = withReferences(document, named) as Node;
  const components = whole["components"] as Node;
  return { ...whole, components: { ...components, schemas: sorted(named) } };
}

function sorted(named: Node): Node {
  return Object.fromEntries(Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Moves every schema with a name to `named`, and leaves a reference in its place. */
function withReferences(value: unknown, named: Node): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, named));
  if (typeof value !== "object" || value === null) return value;
  const { $id, ...rest } = value as Node;
  const entries = Object.entries(rest).filter(([key]) => !key.startsWith("~"));
  const schema = Object.fromEntries(
    entries.map(([key, member]) => [key, withReferences(member, named)]),
  );
  if (typeof $id !== "string") return schema;
  const before = named[$id];
  assert(
    before === undefined || JSON.stringify(before) === JSON.stringify(schema),
    `the schema ${$id} is one schema`,
  );
  named[$id] = schema;
  return { $ref: `#/components/schemas/${$id}` };
}
