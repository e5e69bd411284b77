// `reach serve` as it is installed: it answers what its source answers, to the letter, and each of
// its representations, proofs, streams, metrics and spans comes from packages that are bundled.

import * as fs from "node:fs";
import { decode } from "cbor-x";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leafHashOf, verifyConsistency, verifyInclusion } from "../../src/merkle/index.ts";
import { type Served, serve } from "../server/serving.ts";
import { Observer } from "../server/tailing.ts";
import { BuiltServer } from "./serving.ts";

const server = new BuiltServer();
/** Where the configuration below writes the names of spans. */
const spans = server.scratch.at("spans");

/**
 * Whoever traces brings an SDK and its copy of the API, which is known to all other copies by what
 * it leaves here. Copies that are newer than it see nothing; SDKs come with 1.9 at most.
 */
const config = `
import { appendFileSync } from "node:fs";
const span = { setAttributes: () => span, setStatus: () => span, end() {} };
const startSpan = (name: string) => {
  appendFileSync(${JSON.stringify(spans)}, name + "\\n");
  return span;
};
const trace = { getTracer: () => ({ startSpan }) };
Object.assign(globalThis, { [Symbol.for("opentelemetry.js.api.1")]: { version: "1.9.1", trace } });
export default {};
`;

let id: string;
const count = 300;

beforeAll(async () => {
  await server.start(["--config", server.write("reach.config.ts", config), "--log", "info"]);
  const events = Array.from({ length: count }, (_, n) => ({ type: "n", data: { n } }));
  ({ id } = await server.client.record(events, { name: "counted" }));
});

afterAll(() => server.stop());

const json = { "content-type": "application/json" };
const posted = (body: string, headers: Record<string, string> = json): RequestInit => {
  return { method: "POST", headers, body };
};
const fromHex = (text: string): Uint8Array => Buffer.from(text, "hex");
const nobody = "0199c1f2-0000-7000-8000-000000000000";

/** Questions whose answers depend on nothing but the code. */
const questions: readonly (readonly [string, RequestInit?])[] = [
  ["/openapi.json"],
  ["/docs"],
  ["/docs/errors"],
  ["/ui"],
  ["/ui/observe.js"],
  ["/readyz"],
  ["/nowhere"],
  [`/v1/sessions/${nobody}`],
  [`/v1/sessions/${nobody}/events?limit=none`],
  ["/v1/sessions/nonsense"],
  ["/v1/sessions?limit=0"],
  ["/v1/sessions?unknown=1"],
  ["/v1/blobs/none"],
  ["/v1/jobs/none"],
  ["/healthz", { method: "DELETE" }],
  [`/v1/sessions/${nobody}/events`, { headers: { accept: "image/png" } }],
  ["/v1/sessions", posted("{}")],
  ["/v1/sessions", posted('{"events":[]}')],
  ["/v1/sessions", posted('{"events":[{"type":5}]}')],
  ["/v1/sessions", posted('{"events":')],
  ["/v1/sessions", posted("<events/>", { "content-type": "text/xml" })],
  ["/v1/sessions", posted("", { "content-type": "application/cbor" })],
  ["/v1/sessions", posted("x", { ...json, "content-encoding": "gzip" })],
  ["/v1/stream/none"],
  ["/v1/stream/none", posted("[1]")],
];

/** What differs from server to server. */
const passing = ["date", "connection", "keep-alive", "content-length", "x-request-id"];

/** What a server answers, but for its own address, its version and the number of the request. */
async function answers(one: Pick<Served, "url" | "get">): Promise<unknown[]> {
  const { version } = (await (await one.get("/healthz")).json()) as { version: string };
  const found: unknown[] = [];
  for (const [path, init] of questions) {
    const answer = await one.get(path, init);
    const headers = [...answer.headers].filter(([name]) => !passing.includes(name));
    let text = await answer.text();
    for (const own of [one.url, version, answer.headers.get("x-request-id") ?? ""]) {
      text = text.replaceAll(own, "");
    }
    found.push({ path, status: answer.status, headers, text });
  }
  return found;
}

describe("the server", () => {
  it("answers as its source does: documents, pages, problems", async () => {
    const source = await serve();
    const wanted = await answers(source);
    expect(await answers(server)).toEqual(wanted);
  });

  it("gives the same events as JSON, lines, CBOR and a tail", async () => {
    const at = `/v1/sessions/${id}/events?limit=${count}`;
    const seqs = Array.from({ length: count }, (_, seq) => seq);
    const numbers = (events: unknown): unknown => (events as { seq: number }[]).map((e) => e.seq);
    const page = await server.json<{ events: unknown[] }>(at);
    expect(numbers(page.events)).toEqual(seqs);
    const as = (accept: string) => server.get(at, { headers: { accept } });
    const lines = (await (await as("application/x-ndjson")).text()).trimEnd().split("\n");
    expect(numbers(lines.map((line) => JSON.parse(line) as unknown))).toEqual(seqs);
    const array = new Uint8Array(await (await as("application/cbor")).arrayBuffer());
    expect((decode(array) as unknown[][]).map(([seq]) => seq)).toEqual(seqs);
    const observer = new Observer(`${server.url}/v1/sessions/${id}/tail`);
    await observer.upToDate();
    expect(observer.seqs).toEqual(seqs);
    await server.json(`/v1/sessions/${id}/events`, [{ type: "live" }]);
    await observer.until(() => observer.seqs.length === count + 1);
    observer.drop();
  });

  it("has the state, computed in a thread, as JSON and as the client has it", async () => {
    const state = await server.json(`/v1/sessions/${id}/state?at=${count}`);
    const client = await server.client.state(id, count);
    expect(state).toMatchObject({ at: count, stateHash: client.stateHash });
    expect(await server.client.replay(id)).toMatchObject({ verdict: "computed" });
  });

  it("proves what it has to those who compute by themselves", async () => {
    const proofs = `/v1/sessions/${id}/proof`;
    type Proof = Readonly<Record<string, string>> & { size: number; proof: string[] };
    const { size, proof, ...inclusion } = await server.json<Proof>(`${proofs}/inclusion?seq=7`);
    const headers = { accept: "application/cbor" };
    const event = await server.get(`/v1/sessions/${id}/events/7`, { headers });
    const leafHash = leafHashOf(new Uint8Array(await event.arrayBuffer()));
    const root = fromHex(inclusion["root"] ?? "");
    const claim = { index: 7, size, leafHash, root, proof: proof.map(fromHex) };
    expect(verifyInclusion(claim)).toEqual({ ok: true });
    const found = await server.json<Proof>(`${proofs}/consistency?from=5&to=${size}`);
    const firstRoot = fromHex(found["fromRoot"] ?? "");
    const grown = { first: 5, second: size, firstRoot, secondRoot: root };
    expect(verifyConsistency({ ...grown, proof: found.proof.map(fromHex) })).toEqual({ ok: true });
    expect(await server.client.checkpoint(id)).toContain(`/s/${id}\n`);
    expect((await server.get(`/v1/sessions/${id}/tlog/tile/0/000`)).status).toBe(200);
  });

  it("speaks Durable Streams", async () => {
    const stream = "/v1/stream/chat/1";
    const asked = (method: string, body?: string): Promise<Response> =>
      server.get(stream, { method, headers: json, ...(body === undefined ? {} : { body }) });
    expect((await asked("PUT")).status).toBe(201);
    expect((await asked("POST", '[{"n":1},{"n":2}]')).status).toBe(204);
    const read = await server.get(stream);
    expect(await read.json()).toEqual([{ n: 1 }, { n: 2 }]);
    const next = read.headers.get("stream-next-offset") ?? "";
    const waiting = server.get(`${stream}?offset=${next}&live=long-poll`);
    expect((await asked("POST", '{"n":3}')).status).toBe(204);
    expect(await (await waiting).json()).toEqual([{ n: 3 }]);
    expect((await asked("HEAD")).headers.get("content-type")).toContain("application/json");
    expect((await asked("DELETE")).status).toBe(204);
  });

  it("measures itself, its process, and each request", async () => {
    const text = await (await server.get("/metrics")).text();
    for (const name of [
      /^reach_events_appended_total [1-9]/m,
      /^reach_journal_fsync_seconds_count\S* [1-9]/m,
      /^reach_\w*request\w*_count\{.*route="\/v1\/sessions".*\} [1-9]/m,
      /^process_cpu_seconds_total [\d.]+/m,
      /^nodejs_eventloop_lag_seconds [\d.]+/m,
    ]) {
      expect(text).toMatch(name);
    }
  });

  it("writes its log as lines of JSON, and spans for whoever traces", () => {
    const lines = server.log.split("\n").filter((line) => line.startsWith("{"));
    const begun = lines.map((line) => JSON.parse(line) as { route?: string });
    expect(begun.map(({ route }) => route)).toContain("/v1/sessions");
    const names = fs.readFileSync(spans, "utf8").split("\n");
    expect(names).toContain("POST /v1/sessions");
  });
});
