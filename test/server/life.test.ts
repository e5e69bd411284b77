// The life of a server: whether it is ready, what it says of itself, and how it ends.

import * as fs from "node:fs";
import { validate } from "@readme/openapi-parser";
import { Validator } from "@seriousme/openapi-schema-validator";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../../src/base/index.ts";
import { Directory } from "../../src/session/index.ts";
import { readBudgets } from "../../tools/perf/budgets.ts";
import { bucketsOf } from "../../tools/perf/server-metrics.ts";
import { writeSample } from "../session/sample-session.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { serve } from "./serving.ts";

describe("the OpenAPI document", () => {
  it("is accepted by two validators that know nothing of each other", async () => {
    const served = await serve();
    const document = (await (await served.get("/openapi.json")).json()) as Record<string, unknown>;
    expect(document["openapi"]).toBe("3.1.0");
    const first = await validate(structuredClone(document) as never);
    expect(first).toMatchObject({ valid: true });
    const second = await new Validator().validate(structuredClone(document));
    expect(second).toMatchObject({ valid: true });
  });

  it("has every route, each with who it is for and what it answers", async () => {
    const served = await serve();
    const document = (await (await served.get("/openapi.json")).json()) as {
      paths: Record<
        string,
        Record<string, { summary?: string; tags?: string[]; responses: object }>
      >;
    };
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
    expect(operations.length).toBeGreaterThan(25);
    for (const { name, operation } of operations) {
      expect(operation.summary, name).toBeTypeOf("string");
      expect(operation.tags?.length, name).toBe(1);
    }
    expect(operations.map(({ name }) => name)).toContain("get /v1/sessions/{id}/tail");
  });
});

describe("the pages for people", () => {
  it("need nothing from elsewhere", async () => {
    const served = await serve();
    for (const path of ["/docs", "/docs/errors"]) {
      const answer = await served.get(path);
      const html = await answer.text();
      expect(html).not.toMatch(/<(?:script|link|img|iframe)|(?:src|@import|url)\s*[=(]/i);
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    const routes = await (await served.get("/docs")).text();
    expect(routes).toContain("/v1/sessions/{id}/proof/inclusion");
    const errors = await (await served.get("/docs/errors")).text();
    // Where the `type` of every problem leads.
    for (const code of errorCodes) expect(errors).toContain(`id="${code}"`);
  });
});

/** The text format of Prometheus, read by its grammar (exposition_formats.md, version 0.0.4). */
function parseMetrics(text: string): Map<string, { type: string; samples: Map<string, number> }> {
  const families = new Map<string, { type: string; samples: Map<string, number> }>();
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type) {
      expect(families.has(type[1] as string), line).toBe(false);
      families.set(type[1] as string, { type: type[2] as string, samples: new Map() });
      continue;
    }
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"`;
    const pattern = new RegExp(`^([a-zA-Z_:][\\w:]*)(\\{(?:${label}(?:,${label})*)?\\})? (\\S+)$`);
    const [, name = "", labels = "", value = ""] = pattern.exec(line) ?? [];
    expect(name, line).not.toBe("");
    expect(value === "NaN" || !Number.isNaN(Number(value.replace("Inf", "Infinity"))), line).toBe(
      true,
    );
    const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
    expect(family, line).toBeDefined();
    expect(family?.samples.has(name + labels), line).toBe(false);
    family?.samples.set(name + labels, Number(value));
  }
  return families;
}

describe("metrics", () => {
  // Between two bounds a quantile is a guess.
  it("have a bound of a bucket for what a service level allows", async () => {
    const text = await (await (await serve()).get("/metrics")).text();
    const bounds = [...bucketsOf(text, "reach_spawn_seconds").keys()];
    const levels = Object.values(readBudgets("perf/budgets.json").scenarios)
      .map(({ spawn_scheduling_overhead: level }) => level)
      .flatMap((level) => [level?.contract, level?.goal])
      .flatMap((bound) => (typeof bound?.max === "number" ? bound.max / 1000 : []));
    expect(levels.length).toBeGreaterThan(2);
    for (const level of levels) expect(bounds).toContain(level);
  });

  it("are what Prometheus reads, count what happened, and name no session", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 5);
    await served.post(`/v1/sessions/${id}/events`, [{ type: "a" }, { type: "b" }]);
    await served.get(`/v1/sessions/${id}`);
    await served.get("/v1/nothing");
    const answer = await served.get("/metrics");
    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    const text = await answer.text();
    expect(text).not.toContain(id);
    const families = parseMetrics(text);
    const value = (name: string, sample = name): number | undefined =>
      families.get(name)?.samples.get(sample);
    // Those that were imported have become durable as well.
    expect(value("reach_events_appended_total")).toBe(5 + 2);
    expect(
      families.get("reach_append_commit_seconds")?.samples.get("reach_append_commit_seconds_count"),
    ).toBe(1);
    expect(value("reach_tail_subscribers", 'reach_tail_subscribers{workspace="default"}')).toBe(0);
    const buckets = [
      ...(families.get("reach_trigger_to_first_event_seconds")?.samples.keys() ?? []),
    ];
    expect(buckets).toContain('reach_trigger_to_first_event_seconds_bucket{le="1.2"}');
    for (const name of [
      "reach_journal_fsync_seconds",
      "reach_replay_seconds",
      "reach_divergences_total",
      "reach_verify_failures_total",
      "reach_sessions_active",
      "reach_runner_utilization",
      "reach_queue_depth",
      "reach_queue_age_seconds",
      "reach_leases_expired_total",
    ]) {
      expect(families.has(name), name).toBe(true);
    }
  });
});

describe("a server", () => {
  it("is ready when it is, and not while another process has its data", async () => {
    const served = await serve();
    expect(await (await served.get("/healthz")).json()).toEqual({
      status: "ok",
      version: "0.0.0-test",
    });
    expect((await served.get("/readyz")).status).toBe(200);
    const path = served.directory.path;
    const thief = await Directory.open({ path, mode: "write", takeOver: true });
    const answer = await served.get("/readyz");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "FENCED" });
    expect((await served.get("/healthz")).status).toBe(200);
    served.directory.crash();
    await thief.close();
  });

  it("whose data was moved away has lost no session, and writes none when it is back", async () => {
    const served = await serve();
    const begun = await served.post("/v1/sessions", { events: [{ type: "a" }] });
    const { id } = (await begun.json()) as { id: string };
    const path = served.directory.path;
    const append = () => served.post(`/v1/sessions/${id}/events`, { type: "b" });
    fs.renameSync(path, `${path}.away`);
    const fenced = expect.objectContaining({ code: "FENCED" });
    const refused = [await append(), await served.get(`/v1/sessions/${id}`)];
    for (const one of refused) expect([one.status, await one.json()]).toEqual([503, fenced]);
    expect((await served.post("/v1/sessions", { events: [{ type: "a" }] })).status).toBe(503);
    fs.renameSync(`${path}.away`, path);
    expect((await served.get(`/v1/sessions/${id}`)).status).toBe(200);
    const ready = await served.get("/readyz");
    expect([ready.status, await ready.json()]).toEqual([503, fenced]);
    expect((await append()).status).toBe(503);
    await served.restart("crash");
    expect((await append()).status).toBe(201);
  });

  it("signs what was appended when it stops", async () => {
    const served = await serve();
    const begun = await served.post("/v1/sessions", { events: [{ type: "a" }] });
    const { id } = (await begun.json()) as { id: string };
    await served.post(`/v1/sessions/${id}/events`, [{ type: "b" }]);
    await served.restart();
    const session = await (await served.get(`/v1/sessions/${id}`)).json();
    expect(session).toMatchObject({ size: 2, signed: 2 });
  });

  it("closes all workspaces together, and tells of the one that could not be", async () => {
    const served = await serve({ workspaces: ["second", "third"] });
    const [first, second, third] = [...served.server.context.workspaces.values()];
    const close = second?.close.bind(second);
    let begun = (): void => {};
    const others = new Promise<void>((resolve) => {
      begun = resolve;
    });
    // The first waits for the second, and then fails.
    Object.assign(first as object, {
      close: async () => {
        await others;
        throw new Error("the first fails");
      },
    });
    Object.assign(second as object, {
      close: () => {
        begun();
        return close?.();
      },
    });
    const late = new Promise((resolve) => setTimeout(resolve, 3000, "it waits for ever"));
    const closed = served.server.close().catch((error: Error) => error.message);
    const outcome = await Promise.race([closed, late]);
    begun();
    await closed;
    for (const workspace of [first, second]) Reflect.deleteProperty(workspace as object, "close");
    expect(outcome).toBe("the first fails");
    expect([second?.directory.writable, third?.directory.writable]).toEqual([false, false]);
  });

  it("has a fork that is being made end before the engine does", async () => {
    const served = await serve({ engine: (directory) => new MemoryEngine(directory) });
    const begun = await served.post("/v1/sessions", { program: "echo", input: 1 });
    const { id } = (await begun.json()) as { id: string };
    const { engine } = served.server.context.workspaces.get("default") ?? {};
    const order: string[] = [];
    const close = engine?.close.bind(engine);
    let signal: AbortSignal | undefined;
    Object.assign(engine as object, {
      fork: async (_: string, options: { signal: AbortSignal }) => {
        signal = options.signal;
        await new Promise((resolve) => setTimeout(resolve, 300));
        order.push("forked");
        return { id };
      },
      close: async (...given: Parameters<NonNullable<typeof close>>) => {
        order.push("closed");
        await close?.(...given);
      },
    });
    expect((await served.post(`/v1/sessions/${id}/fork`, { at: 1 })).status).toBe(202);
    await served.server.close();
    expect(signal?.aborted).toBe(true);
    expect(order).toEqual(["forked", "closed"]);
  });

  it("gives the directory up though the engine could not be ended", async () => {
    const served = await serve({ engine: (directory) => new MemoryEngine(directory) });
    const workspace = served.server.context.workspaces.get("default");
    Object.assign(workspace?.engine as object, { close: () => Promise.reject(new Error("no")) });
    await expect(served.server.close()).rejects.toThrow("no");
    expect(workspace?.directory.writable).toBe(false);
    Object.assign(workspace?.engine as object, { close: () => Promise.resolve() });
  });

  it("sends headers that keep browsers from making anything of what it answers", async () => {
    const served = await serve();
    const answer = await served.get("/v1/sessions");
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
    });
    const broken = await served.get("/v1/sessions/%zz");
    expect(broken.headers.get("x-content-type-options")).toBe("nosniff");
    expect(broken.headers.get("x-request-id")).toBe(
      ((await broken.json()) as { requestId: string }).requestId,
    );
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
    expect(answer.headers.has("server") || answer.headers.has("x-powered-by")).toBe(false);
  });

  it("says of no route that there is none, before it reads anything", async () => {
    const served = await serve();
    for (const [path, type, body] of [
      ["/healthz", "text/strange", "x"],
      ["/v1/nothing", "application/json", "{"],
      ["/v1/nothing", "application/json", " ".repeat(9_000_000)],
    ] as const) {
      const init = { method: "PUT", headers: { "content-type": type }, body };
      const answer = await served.get(path, init);
      expect(answer.status, `${path} ${type}`).toBe(404);
      expect(await answer.json()).toMatchObject({ code: "NOT_FOUND", hint: "see /docs" });
    }
  });

  it("lets pages of the origins ask that it was told, and no others", async () => {
    const origin = "https://dashboard.example";
    const served = await serve({ config: { corsOrigins: [origin] } });
    const answer = await served.get("/v1/sessions", { headers: { origin } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    // What the client reads of a state stands in them.
    const exposed = answer.headers.get("access-control-expose-headers")?.split(", ");
    expect(exposed).toEqual(
      expect.arrayContaining(["etag", "reach-at", "reach-program", "reach-snapshot"]),
    );
    const preflight = await fetch(`${served.url}/v1/sessions`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    const other = await served.get("/v1/sessions", {
      headers: { origin: "https://other.example" },
    });
    expect(other.status).toBe(403);
    expect(other.headers.has("access-control-allow-origin")).toBe(false);
  });
});

describe("the log", () => {
  it("has who did what, and nothing of what was in it", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "debug" }, { write: (line: string) => lines.push(line) });
    const served = await serve({ logger });
    const token = await served.token(["sessions:trigger", "sessions:read", "sessions:append"]);
    const headers = { authorization: `Bearer ${token}` };
    const secret = "the-secret-payload";
    const begun = await served.post(
      "/v1/sessions",
      { events: [{ type: "x", data: secret }] },
      headers,
    );
    const { id } = (await begun.json()) as { id: string };
    await served.post(`/v1/sessions/${id}/events`, `{"broken ${secret}`, headers);
    await served.post(`/v1/sessions/${id}/events`, { type: secret, wrong: secret }, headers);
    await served.get(`/v1/sessions?program=${secret}`, { headers });
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toContainEqual(
      expect.objectContaining({
        audit: true,
        method: "POST",
        route: "/v1/sessions",
        status: 201,
        token: token.slice(6, 18),
        workspace: "default",
      }),
    );
    const text = lines.join("");
    expect(text).not.toContain(secret);
    expect(text).not.toContain(token.slice(-43));
  });

  it("says why a job failed, under the request id of its problem", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const served = await serve({ logger, engine: (directory) => new MemoryEngine(directory) });
    const begun = await served.post("/v1/sessions", { program: "echo", input: "a secret" });
    const { id } = (await begun.json()) as { id: string };
    const { engine } = served.server.context.workspaces.get("default") ?? {};
    const why = Object.assign(new Error("the disk is on fire"), { data: "a secret" });
    Object.assign(engine as object, { fork: () => Promise.reject(why) });
    const answer = await served.post(`/v1/sessions/${id}/fork`, { at: 1 });
    const job = (await answer.json()) as { id: string };
    const failed = await (await served.get(`/v1/jobs/${job.id}`)).json();
    const { error } = failed as { error: { requestId: string; detail: string } };
    expect(error.detail).toContain("its log says more");
    const said = lines.filter((line) => line.includes("on fire"));
    expect(said.length).toBe(1);
    expect(JSON.parse(said[0] as string)).toMatchObject({
      level: 50,
      reqId: error.requestId,
      kind: "fork",
      session: id,
      code: "BUG",
      msg: "job failed",
      stack: expect.stringContaining("life.test.ts"),
    });
    expect(said[0]).not.toContain("a secret");
  });
});
