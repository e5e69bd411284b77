/**
 * What lets anybody check a session: its signed checkpoint, proofs, and the session as a static
 * transparency log (https://c2sp.org/tlog-tiles) for tools that know nothing of Reach.
 */
import * as Type from "typebox";
import { fromUtf8, toHex } from "../../base/index.ts";
import { parseTilePath, tileWidth } from "../../merkle/index.ts";
import { HttpError } from "../problem.ts";
import { answers, problems, Seq, SessionIdParam, SessionParams, Sha256 } from "../schemas.ts";
import { sendBytes } from "../sending.ts";
import type { ServerApp } from "../server-context.ts";

const text = "text/plain";
const octets = "application/octet-stream";
/** Tiles never change, neither full nor partial ones. */
const immutable = "private, max-age=31536000, immutable";

const Hashes = Type.Array(Sha256, { description: "SHA-256 hashes, hexadecimal." });
const Inclusion = Type.Object(
  { seq: Seq, size: Seq, leafHash: Sha256, root: Sha256, proof: Hashes },
  { $id: "InclusionProof", description: "RFC 9162, 2.1.3", additionalProperties: false },
);
const Consistency = Type.Object(
  { from: Seq, to: Seq, fromRoot: Sha256, toRoot: Sha256, proof: Hashes },
  { $id: "ConsistencyProof", description: "RFC 9162, 2.1.4", additionalProperties: false },
);
const TileParams = Type.Object(
  { id: SessionIdParam, "*": Type.String({ maxLength: 64, pattern: "^[a-z0-9./]+$" }) },
  { additionalProperties: false },
);
const checkpointAnswers = {
  ...problems([410]),
  200: {
    description: "A signed note (https://c2sp.org/tlog-checkpoint)",
    content: { [text]: { schema: Type.String() } },
  },
};

/** Adds the routes. */
export function addProofRoutes(app: ServerApp): void {
  const config = { access: "sessions:read" as const };
  app.get(
    "/v1/sessions/:id/checkpoint",
    {
      config,
      schema: {
        tags: ["proofs"],
        summary: "The newest signed checkpoint",
        params: SessionParams,
        response: checkpointAnswers,
      },
    },
    async ({ access: { workspace }, params: { id } }, reply) => {
      const { note, size } = await workspace.proofs.checkpoint(id);
      reply.type(`${text}; charset=utf-8`).header("reach-size", String(size));
      reply.header("cache-control", "private, no-cache");
      return fromUtf8(note);
    },
  );
  app.post(
    "/v1/sessions/:id/checkpoint",
    {
      config: { access: "sessions:append" },
      schema: {
        tags: ["proofs"],
        summary: "Sign a checkpoint over everything that is durable",
        description: "For whoever has appended the last event; nothing where it is signed already.",
        params: SessionParams,
        response: checkpointAnswers,
      },
    },
    async ({ access: { workspace }, params: { id } }, reply) => {
      const { note, size } = await workspace.proofs.sign(id);
      reply.type(`${text}; charset=utf-8`).header("reach-size", String(size));
      return fromUtf8(note);
    },
  );
  app.get(
    "/v1/sessions/:id/proof/inclusion",
    {
      config,
      schema: {
        tags: ["proofs"],
        summary: "Proof that an event is in the tree",
        params: SessionParams,
        querystring: Type.Object(
          { seq: Seq, size: Type.Optional(Seq) },
          { additionalProperties: false },
        ),
        response: answers(200, Inclusion, [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, query: { seq, size } }) => {
      const { leafHash, root, proof, ...rest } = await workspace.proofs.inclusion(id, seq, size);
      return { ...rest, leafHash: toHex(leafHash), root: toHex(root), proof: proof.map(toHex) };
    },
  );
  app.get(
    "/v1/sessions/:id/proof/consistency",
    {
      config,
      schema: {
        tags: ["proofs"],
        summary: "Proof that a tree begins with a smaller one",
        params: SessionParams,
        querystring: Type.Object(
          { from: Seq, to: Type.Optional(Seq) },
          { additionalProperties: false },
        ),
        response: answers(200, Consistency, [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, query: { from, to } }) => {
      const found = await workspace.proofs.consistency(id, from, to);
      const { fromRoot, toRoot, proof, ...rest } = found;
      return { ...rest, fromRoot: toHex(fromRoot), toRoot: toHex(toRoot), proof: proof.map(toHex) };
    },
  );
  addTileRoute(app);
}

function addTileRoute(app: ServerApp): void {
  app.get(
    "/v1/sessions/:id/tlog/*",
    {
      config: { access: "sessions:read" },
      schema: {
        tags: ["proofs"],
        summary: "The session as tlog-tiles: checkpoint, tile/…, tile/entries/…",
        params: TileParams,
        response: {
          ...problems([410]),
          200: {
            description: "A checkpoint, hashes, or entries",
            content: { [text]: { schema: Type.String() }, [octets]: { schema: Type.String() } },
          },
        },
      },
    },
    async ({ access: { workspace }, params: { id, "*": path } }, reply) => {
      if (path === "checkpoint") {
        const { note } = await workspace.proofs.checkpoint(id);
        reply.type(`${text}; charset=utf-8`).header("cache-control", "private, no-cache");
        return fromUtf8(note);
      }
      const tile = parseTilePath(path);
      if (!tile) {
        throw new HttpError("NOT_FOUND", "there is no such tile", {
          hint: "see https://c2sp.org/tlog-tiles for their names",
        });
      }
      const bytes = await workspace.proofs.tile(id, tile);
      reply.type(octets).header("cache-control", immutable);
      if (tile.width === tileWidth) reply.header("etag", `"${id}.${path}"`);
      return sendBytes(reply, bytes);
    },
  );
}
