/**
 * Control of sessions: cancel, fork, replay. What takes long is a job: the answer is 202, and says
 * where to look.
 */

import type { FastifyReply } from "fastify";
import * as Type from "typebox";
import { programFor, replaySession } from "../../runtime/index.ts";
import type { SessionEngine } from "../engine-port.ts";
import type { Job } from "../jobs.ts";
import { HttpError, ProblemDocument } from "../problem.ts";
import { answers, oneOf, Seq, SessionIdParam, SessionParams } from "../schemas.ts";
import type { ServerApp } from "../server-context.ts";
import type { Workspace } from "../workspace.ts";

const JobObject = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    kind: oneOf(["replay", "fork"] as const),
    session: SessionIdParam,
    status: oneOf(["running", "done", "failed"] as const),
    created: Type.Integer(),
    ended: Type.Union([Type.Integer(), Type.Null()]),
    progress: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()]),
    result: Type.Unknown({ description: "The report of a replay; `{id}` of a fork." }),
    error: Type.Union([ProblemDocument, Type.Null()]),
  },
  { $id: "Job" },
);
const JobParams = Type.Object(
  { id: Type.String({ pattern: "^[0-9a-f-]{36}$" }) },
  { additionalProperties: false },
);
const CancelBody = Type.Optional(
  Type.Object(
    { reason: Type.Optional(Type.String({ maxLength: 4096 })) },
    { additionalProperties: false },
  ),
);
const ForkBody = Type.Object(
  {
    at: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    overrides: Type.Optional(
      Type.Array(
        Type.Object({ seq: Seq, value: Type.Unknown() }, { additionalProperties: false }),
        { maxItems: 1000, description: "Other answers to the calls of these seqs." },
      ),
    ),
    rerunOpen: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const ReplayBody = Type.Optional(
  Type.Object(
    {
      from: Type.Optional(Seq),
      to: Type.Optional(Seq),
      keep: Type.Optional(Type.Boolean({ description: "Keep the states that are computed." })),
    },
    { additionalProperties: false },
  ),
);

/** Adds the routes. */
export function addControlRoutes(app: ServerApp): void {
  const access = "sessions:control" as const;
  app.post(
    "/v1/sessions/:id/cancel",
    {
      config: { access },
      schema: {
        tags: ["control"],
        summary: "Cancel a session that runs",
        params: SessionParams,
        body: CancelBody,
        response: answers(202, Type.Object({ seq: Seq }), [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, body }, reply) => {
      await checkExists(workspace, id);
      reply.code(202);
      return engineOf(workspace).cancel(id, body?.reason);
    },
  );
  app.post(
    "/v1/sessions/:id/fork",
    {
      config: { access },
      schema: {
        tags: ["control"],
        summary: "A new session from the beginning of this one",
        params: SessionParams,
        body: ForkBody,
        response: answers(202, JobObject, [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, body }, reply) => {
      await checkExists(workspace, id);
      const engine = engineOf(workspace);
      const { at, overrides = [], rerunOpen } = body;
      const options = {
        at,
        overrides: new Map(overrides.map(({ seq, value }) => [seq, value])),
        ...(rerunOpen === undefined ? {} : { rerunOpen }),
      };
      return accepted(
        reply,
        workspace.jobs.start("fork", id, async (signal) => {
          const report = await engine.fork(id, { ...options, signal });
          workspace.catalogue.add(report.id);
          return report;
        }),
      );
    },
  );
  app.post(
    "/v1/sessions/:id/replay",
    {
      config: { access },
      schema: {
        tags: ["control"],
        summary: "Replay a session and compare",
        params: SessionParams,
        body: ReplayBody,
        response: answers(202, JobObject, [409, 410]),
      },
    },
    async ({ access: { workspace }, params: { id }, body }, reply) => {
      await checkExists(workspace, id);
      const job = workspace.jobs.start("replay", id, async (signal, onProgress) => {
        const program = await programFor(workspace.directory, id);
        const report = await replaySession(workspace.directory, id, {
          program,
          from: body?.from,
          to: body?.to,
          keep: body?.keep ?? false,
          workers: 1,
          signal,
          onProgress: ({ done, total }) => onProgress(total ? done / total : 0),
        });
        const { replay, divergences, verifyFailures } = workspace.metrics;
        replay.observe(report.seconds);
        if (report.verdict === "diverged") divergences.inc();
        if (report.verdict === "corrupt") verifyFailures.inc();
        return report;
      });
      return accepted(reply, job);
    },
  );
  addJobRoutes(app);
}

function addJobRoutes(app: ServerApp): void {
  app.get(
    "/v1/jobs/:id",
    {
      config: { access: "sessions:control" },
      schema: {
        tags: ["control"],
        summary: "A job, running or done",
        params: JobParams,
        response: answers(200, JobObject),
      },
    },
    async ({ access: { workspace }, params: { id } }) => workspace.jobs.get(id),
  );
  app.delete(
    "/v1/jobs/:id",
    {
      config: { access: "sessions:control" },
      schema: {
        tags: ["control"],
        summary: "Interrupt a job",
        params: JobParams,
        response: answers(202, JobObject),
      },
    },
    async ({ access: { workspace }, params: { id } }, reply) => {
      reply.code(202);
      return workspace.jobs.interrupt(id);
    },
  );
}

function accepted(reply: FastifyReply, job: Job): Job {
  reply.code(202).header("location", `/v1/jobs/${job.id}`);
  return job;
}

function engineOf({ engine }: Workspace): SessionEngine {
  if (engine) return engine;
  throw new HttpError("UNAVAILABLE", "this server runs no programs");
}

async function checkExists(workspace: Workspace, id: string): Promise<void> {
  await workspace.readers.with(id, () => undefined);
}
