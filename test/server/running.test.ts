// Sessions of programs over HTTP, with the real engine in a real `reach serve`.

import { describe, expect, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { expectedSum, observeToEnd, post, runUnderKills, workingProgram } from "./running.ts";

async function started(bench: Workbench): Promise<ServerProcess> {
  const args = ["--program", bench.write("working.ts", workingProgram)];
  const server = new ServerProcess(bench.path("data"), await freePort(), args);
  await server.start();
  return server;
}

/** What a job comes to. */
async function resultOf(url: string, job: Record<string, unknown>): Promise<unknown> {
  for (;;) {
    const answer = await fetch(`${url}/v1/jobs/${String(job["id"])}`);
    const { status, result } = (await answer.json()) as { status: string; result: unknown };
    expect(status).not.toBe("failed");
    if (status === "done") return result;
  }
}

describe("a session that is triggered over HTTP", () => {
  it("runs, is observed from its first event to its end, and replays to the bit", async () => {
    const bench = new Workbench();
    const server = await started(bench);
    const { url } = server;
    const begun = await post(`${url}/v1/sessions`, {
      program: "working",
      input: { n: 4, goal: 6 },
    });
    expect(begun.status).toBe(201);
    const session = `${url}/v1/sessions/${String(begun.body["id"])}`;
    const observed = observeToEnd(url, String(begun.body["id"]));
    await post(`${session}/events`, { kind: "input", type: "go", data: null });
    const { seqs, end } = await observed;
    expect(seqs).toEqual(seqs.map((_, seq) => seq));
    expect(end).toMatchObject({ data: { result: { sum: expectedSum(4, 6) } } });
    const after = await post(`${session}/events`, { kind: "input", type: "go", data: null });
    expect(after).toMatchObject({ status: 409, body: { code: "SESSION_ENDED" } });
    const job = await post(`${session}/replay`, {});
    expect(await resultOf(url, job.body)).toMatchObject({ verdict: "identical" });
    const shown = (await (await fetch(session)).json()) as Record<string, unknown>;
    expect(shown).toMatchObject({ status: "ended", outcome: "done", program: "working" });
    expect(await server.end("SIGTERM"), server.stderr).toBe(0);
  });

  it("is refused with 404 when nobody has registered its program", async () => {
    const server = await started(new Workbench());
    const begun = await post(`${server.url}/v1/sessions`, { program: "unknown" });
    expect(begun).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    await server.end("SIGTERM");
  });
});

describe("sessions that run while the server and its runners are killed", () => {
  it("come to the same end, and observers see everything once", { timeout: 180_000 }, async () => {
    const bench = new Workbench();
    const server = await started(bench);
    const ids = await runUnderKills(server, {
      sessions: 12,
      goal: 12,
      serverKills: 2,
      runnerKills: 3,
    });
    expect(await server.end("SIGTERM"), server.stderr).toBe(0);
    for (const id of ids.slice(0, 3)) {
      const { stdout } = await bench.run(["--data", bench.path("data"), "replay", id, "--quiet"]);
      expect(stdout).toBe("identical\n");
    }
  });
});

it("a fork of a recorded session is in the list", async () => {
  const server = await started(new Workbench());
  const { url } = server;
  const events = [{ type: "said", data: "one" }];
  const begun = await post(`${url}/v1/sessions`, { name: "recorded", events });
  const id = String(begun.body["id"]);
  const listed = async (): Promise<string[]> => {
    const answer = await fetch(`${url}/v1/sessions`);
    const { sessions } = (await answer.json()) as { sessions: { id: string }[] };
    return sessions.map((session) => session.id);
  };
  expect(await listed()).toEqual([id]);
  const job = await post(`${url}/v1/sessions/${id}/fork`, { at: 1 });
  const fork = (await resultOf(url, job.body)) as { id: string };
  expect(await listed()).toEqual([fork.id, id]);
  expect(await server.end("SIGTERM"), server.stderr).toBe(0);
});
