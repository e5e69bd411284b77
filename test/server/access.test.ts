// Who may ask what: tokens, scopes, workspaces, and a server without tokens.

import * as fs from "node:fs";
import * as http from "node:http";
import { describe, expect, it } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import { type Scope, TokenStore } from "../../src/server/index.ts";
import { Scratch, writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

const missing = "0199c1f2-0000-7000-8000-000000000000";

/** A request whose headers are given to the letter, which `fetch` does not allow. */
function rawGet(served: Served, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: served.port, path, headers };
    http
      .get(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
      .on("error", reject);
  });
}

describe("a server with tokens", () => {
  it("answers nobody without one, and says which header it wants", async () => {
    const served = await serve();
    await served.token(["sessions:read"]);
    const answer = await served.get(`/v1/sessions/${missing}`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ code: "UNAUTHENTICATED", status: 401 });
  });

  it("refuses tokens that are wrong by one character, revoked, or expired", async () => {
    const served = await serve();
    const token = await served.token(["sessions:read"]);
    const ask = async (text: string): Promise<number> => {
      const headers = { authorization: `Bearer ${text}` };
      return (await served.get(`/v1/sessions/${missing}`, { headers })).status;
    };
    expect(await ask(token)).toBe(404);
    const last = token.endsWith("A") ? "B" : "A";
    expect(await ask(token.slice(0, -1) + last)).toBe(401);
    expect(await ask(`reach_000000000000_${token.slice(-43)}`)).toBe(401);
    const { token: old } = await served.tokens.create({
      workspace: "default",
      name: "old",
      scopes: ["admin"],
      expires: Date.now() - 1,
    });
    expect(await ask(old)).toBe(401);
    await served.tokens.revoke(token.slice(6, 18));
    expect(await ask(token)).toBe(401);
  });

  it("stays shut when the last token has been revoked", async () => {
    const served = await serve();
    const token = await served.token(["admin"]);
    const path = `/v1/sessions/${missing}`;
    expect((await served.get(path)).status).toBe(401);
    await served.tokens.revoke(token.slice(6, 18));
    expect((await served.get(path)).status).toBe(401);
  });

  it("stays shut when the last one was revoked before anybody asked", async () => {
    const served = await serve();
    const token = await served.token(["admin"]);
    await served.restart();
    await served.tokens.revoke(token.slice(6, 18));
    expect((await served.get(`/v1/sessions/${missing}`)).status).toBe(401);
  });

  it("holds a token to its scopes", async () => {
    const served = await serve();
    const headers = { authorization: `Bearer ${await served.token(["sessions:append"])}` };
    const answer = await served.get(`/v1/sessions/${missing}`, { headers });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: "FORBIDDEN",
      detail: expect.stringContaining("sessions:read"),
    });
  });

  it("opens metrics, and nothing else, with a token for metrics", async () => {
    const served = await serve();
    const headersOf = async (scope: Scope): Promise<{ headers: Record<string, string> }> => {
      return { headers: { authorization: `Bearer ${await served.token([scope])}` } };
    };
    const scraper = await headersOf("metrics");
    const metrics = await served.get("/metrics", scraper);
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain("# TYPE reach_sessions gauge");
    expect((await served.get("/metrics", await headersOf("admin"))).status).toBe(200);
    expect((await served.get("/metrics", await headersOf("sessions:read"))).status).toBe(403);
    for (const path of ["/v1", "/v1/sessions", `/v1/sessions/${missing}`]) {
      expect((await served.get(path, scraper)).status, path).toBe(403);
    }
    const { status } = await served.post(
      "/v1/sessions",
      { events: [{ type: "a" }] },
      scraper.headers,
    );
    expect(status).toBe(403);
  });

  it("says of another workspace's session that there is none, to the byte", async () => {
    const served = await serve({ workspaces: ["other"] });
    const id = await writeSample(served.directory, 3);
    const ask = async (workspace: string, session: string): Promise<[number, object]> => {
      const headers = { authorization: `Bearer ${await served.token(["admin"], workspace)}` };
      const answer = await served.get(`/v1/sessions/${session}`, { headers });
      const { requestId: _, ...body } = (await answer.json()) as Record<string, unknown>;
      return [answer.status, JSON.parse(JSON.stringify(body).replaceAll(session, "ID"))];
    };
    expect((await ask("default", id))[0]).toBe(200);
    expect(await ask("other", id)).toEqual(await ask("other", missing));
    expect((await ask("other", id))[0]).toBe(404);
    // A token of a workspace that is not served is no token.
    expect((await ask("gone", id))[0]).toBe(401);
  });
});

describe("a server without tokens", () => {
  it("answers this machine, and no other name and no page of another origin", async () => {
    const served = await serve();
    const path = `/v1/sessions/${missing}`;
    const host = `127.0.0.1:${served.port}`;
    expect(await rawGet(served, path, { host })).toBe(404);
    expect(await rawGet(served, path, { host: `localhost:${served.port}` })).toBe(404);
    expect(await rawGet(served, path, { host, origin: `http://${host}` })).toBe(404);
    expect(await rawGet(served, path, { host, origin: "https://evil.example" })).toBe(403);
    expect(await rawGet(served, path, { host, origin: "null" })).toBe(403);
    expect(await rawGet(served, path, { host: "rebound.example" })).toBe(403);
    expect(await rawGet(served, path, { host: "127.0.0.1.evil.example" })).toBe(403);
  });

  it("does not listen where others can reach it", async () => {
    const served = await serve();
    await expect(served.server.listen({ host: "0.0.0.0" })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("reach token create"),
    });
  });
});

describe("a token store", () => {
  it("keeps the hash of a token and nothing that opens anything", async () => {
    const scratch = new Scratch();
    const store = new TokenStore(nodeDisk, scratch.at("data"));
    fs.mkdirSync(scratch.at("data"));
    const { record, token } = await store.create({
      workspace: "default",
      name: "ci",
      scopes: ["sessions:trigger", "sessions:read"],
    });
    const text = fs.readFileSync(scratch.at("data", ".access", `${record.id}.json`), "utf8");
    expect(text).not.toContain(token.slice(-43));
    expect(JSON.parse(text).sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(store.find(token)).toMatchObject({ name: "ci", workspace: "default" });
    expect(store.list()).toEqual([record]);
    // Another process sees it, and sees it go.
    const other = new TokenStore(nodeDisk, scratch.at("data"));
    expect(other.find(token)?.id).toBe(record.id);
    await other.revoke(record.id);
    expect(other.list()).toEqual([]);
    await expect(store.revoke("../../etc/passwd")).rejects.toMatchObject({ code: "NOT_FOUND" });
    scratch.remove();
  });

  it("has no half of a token where there was no room for one", async () => {
    const scratch = new Scratch();
    const full = (): never => {
      throw new ReachError("DISK_FULL", "no room on the disk");
    };
    const disk: Disk = {
      ...nodeDisk,
      open: (path, mode) => Object.assign(nodeDisk.open(path, mode), { write: full }),
    };
    const request = { workspace: "w", name: "n", scopes: ["admin"] } as const;
    const store = new TokenStore(disk, scratch.folder);
    await expect(store.create(request)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(fs.readdirSync(scratch.at(".access"))).toEqual([]);
    // One would have everybody asked for a token that nobody has.
    expect(new TokenStore(nodeDisk, scratch.folder).any).toBe(false);
    scratch.remove();
  });

  it("believes a file for a second and no longer, whatever the clock shows", async () => {
    for (const setBy of [0, -3_600_000, 3_600_000]) {
      const scratch = new Scratch();
      let now = 1_000_000_000;
      let passed = 0;
      const clocks = [() => now + passed, () => passed] as const;
      const store = new TokenStore(nodeDisk, scratch.folder, ...clocks);
      const request = { workspace: "w", name: "n", scopes: ["admin"] } as const;
      const { record, token } = await store.create(request);
      expect([store.find(token)?.id, store.any]).toEqual([record.id, true]);
      await new TokenStore(nodeDisk, scratch.folder).revoke(record.id);
      now += setBy;
      expect([store.find(token)?.id, store.any]).toEqual([record.id, true]);
      passed += 1000;
      expect([store.find(token), store.any]).toEqual([undefined, false]);
      scratch.remove();
    }
  });

  it("lets a token expire by the clock", async () => {
    const scratch = new Scratch();
    let now = 1_000_000;
    const store = new TokenStore(nodeDisk, scratch.folder, () => now);
    const request = { workspace: "w", name: "n", scopes: ["admin"], expires: now + 5 } as const;
    const { token } = await store.create(request);
    expect(store.find(token)).toBeDefined();
    now += 5;
    expect(store.find(token)).toBeUndefined();
    scratch.remove();
  });
});
