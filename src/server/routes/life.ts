/**
 * Whether the process is alive, and whether it should get requests: two questions, two answers.
 * Neither needs a token, and neither says anything about sessions. And what answers here.
 */
import * as Type from "typebox";
import { codeOf } from "../../base/index.ts";
import { HttpError } from "../problem.ts";
import { answers, problems } from "../schemas.ts";
import type { ServerApp, ServerContext } from "../server-context.ts";

const Health = Type.Object({ status: Type.Literal("ok"), version: Type.String() });
const Readiness = Type.Object({
  status: Type.Literal("ready"),
  workspaces: Type.Array(Type.String()),
});

const About = Type.Object({
  version: Type.String(),
  workspace: Type.String(),
  origin: Type.String({ description: "What the origins of checkpoints begin with." }),
  verifierKey: Type.String({ description: "https://c2sp.org/signed-note: pin it." }),
  programs: Type.Boolean({ description: "Whether programs run here, or sessions are only kept." }),
});

/** Adds `/healthz`, `/readyz` and `/v1`. */
export function addLifeRoutes(app: ServerApp, { life, workspaces, version }: ServerContext): void {
  app.get(
    "/v1",
    {
      config: { access: "sessions:read" },
      schema: { tags: ["life"], summary: "What answers here", response: answers(200, About) },
    },
    async ({ access: { workspace } }) => {
      const { origin, verifierKey } = workspace.directory.identity;
      const programs = workspace.engine !== undefined;
      return { version, workspace: workspace.name, origin, verifierKey, programs };
    },
  );
  app.get(
    "/healthz",
    {
      config: { access: "public" },
      schema: { tags: ["life"], summary: "The process answers", response: answers(200, Health) },
    },
    async () => ({ status: "ok" as const, version }),
  );
  app.get(
    "/readyz",
    {
      config: { access: "public" },
      schema: {
        tags: ["life"],
        summary: "Everything is open, owned and taking requests",
        response: answers(200, Readiness, [503]),
      },
    },
    async () => {
      if (life.phase !== "ready") throw new HttpError("UNAVAILABLE", `the server is ${life.phase}`);
      for (const { name, directory } of workspaces.values()) {
        try {
          directory.checkLock();
        } catch (error) {
          const code = codeOf(error) ?? "UNAVAILABLE";
          throw new HttpError(code, `workspace ${name} is not writable`, { status: 503 });
        }
      }
      return { status: "ready" as const, workspaces: [...workspaces.keys()] };
    },
  );
}

/** Adds `/metrics`, which says nothing of what is in sessions, but how much goes on. */
export function addMetricsRoute(app: ServerApp, { metrics }: ServerContext): void {
  app.get(
    "/metrics",
    {
      config: { access: "metrics" },
      schema: {
        tags: ["life"],
        summary: "Metrics for Prometheus",
        response: {
          ...problems(),
          200: { description: "Metrics", content: { "text/plain": { schema: Type.String() } } },
        },
      },
    },
    async (_, reply) => {
      reply.type(metrics.registry.contentType);
      return metrics.text();
    },
  );
}
