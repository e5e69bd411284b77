// Sessions are removed while the server runs: only those that nobody writes, with everything of
// them but the tombstone, and whoever looks or tails is told.

import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { sessionFolder } from "../../src/log/index.ts";
import { writeSample } from "../session/sample-session.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { type Served, serve } from "./serving.ts";
import { Observer } from "./tailing.ts";

function remove(served: Served, id: string, headers: Record<string, string> = {}) {
  return served.get(`/v1/sessions/${id}`, { method: "DELETE", headers });
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { code: string }).code;
}

async function record(served: Served): Promise<string> {
  const answer = await served.post("/v1/sessions", { events: [{ type: "a" }, { type: "b" }] });
  return ((await answer.json()) as { id: string }).id;
}

describe("removing a session over HTTP", () => {
  it("leaves its tombstone, and everybody is told, also after a restart", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 30, { largeBytes: 6000 });
    const other = await record(served);
    expect((await served.get(`/v1/sessions/${id}/pages/0`)).status).toBe(200);
    expect((await remove(served, id)).status).toBe(204);
    const folder = sessionFolder(served.directory.path, id);
    expect(fs.readdirSync(folder)).toEqual(["tombstone"]);
    for (const restart of [false, true]) {
      if (restart) await served.restart("crash");
      for (const path of ["", "/pages/0", "/events", "/tail", "/checkpoint"]) {
        expect((await served.get(`/v1/sessions/${id}${path}`)).status, path).toBe(410);
      }
      const list = (await (await served.get("/v1/sessions")).json()) as {
        sessions: { id: string }[];
      };
      expect(list.sessions.map((session) => session.id)).toEqual([other]);
      expect(await codeOf(await remove(served, id))).toBe("GONE");
    }
  });

  it("takes one that was appended to a moment ago, and refuses what is appended then", async () => {
    const served = await serve();
    const id = await record(served);
    expect((await remove(served, id)).status).toBe(204);
    const late = await served.post(`/v1/sessions/${id}/events`, { type: "c" });
    expect(await codeOf(late)).toBe("GONE");
    expect(fs.readdirSync(sessionFolder(served.directory.path, id))).toEqual(["tombstone"]);
    await served.restart("crash");
    expect((await served.get(`/v1/sessions/${id}`)).status).toBe(410);
  });

  it("either takes all that was answered before, or is refused: never half", async () => {
    const served = await serve();
    for (let i = 0; i < 10; i++) {
      const id = await record(served);
      const append = (): Promise<Response> =>
        served.post(`/v1/sessions/${id}/events`, { type: "c" });
      const [first, removed, second] = await Promise.all([append(), remove(served, id), append()]);
      for (const answer of [first, second]) expect([200, 201, 409, 410]).toContain(answer?.status);
      expect([204, 409]).toContain(removed?.status);
      const gone = (await served.get(`/v1/sessions/${id}`)).status === 410;
      expect(gone).toBe(removed?.status === 204);
      const folder = sessionFolder(served.directory.path, id);
      if (gone) expect(fs.readdirSync(folder)).toEqual(["tombstone"]);
    }
  });

  it("ends its tails, saying why", async () => {
    const served = await serve();
    const id = await record(served);
    const observer = new Observer(`${served.url}/v1/sessions/${id}/tail`);
    await observer.upToDate();
    expect((await remove(served, id)).status).toBe(204);
    await observer.until(() => observer.ended);
    expect(observer.controls.at(-1)).toEqual({ next: 2, cut: "removed" });
  });

  it("takes a session of a program once it has ended", async () => {
    const served = await serve({ engine: (directory) => new MemoryEngine(directory) });
    const begun = await served.post("/v1/sessions", { program: "echo", input: 1 });
    const { id } = (await begun.json()) as { id: string };
    const refused = await remove(served, id);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ hint: expect.stringContaining("cancel") });
    expect((await served.get(`/v1/sessions/${id}`)).status).toBe(200);
  });

  it("leaves streams to those who name them", async () => {
    const served = await serve();
    const made = await served.get("/v1/stream/log", { method: "PUT" });
    expect(made.status).toBe(201);
    const { sessions } = (await (await served.get("/v1/sessions")).json()) as {
      sessions: { id: string }[];
    };
    const [{ id }] = sessions as [{ id: string }];
    expect(await codeOf(await remove(served, id))).toBe("CONFLICT");
    expect((await served.get("/v1/stream/log", { method: "HEAD" })).status).toBe(200);
  });

  it("wants the scope admin, and sees no other workspace", async () => {
    const served = await serve({ workspaces: ["other"] });
    const id = await writeSample(served.directory, 3);
    const as = async (scope: "admin" | "sessions:control", workspace = "default") => ({
      authorization: `Bearer ${await served.token([scope], workspace)}`,
    });
    expect((await remove(served, id, await as("sessions:control"))).status).toBe(403);
    expect((await remove(served, id, await as("admin", "other"))).status).toBe(404);
    expect((await remove(served, id, await as("admin"))).status).toBe(204);
  });
});
