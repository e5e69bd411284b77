// Inputs over HTTP: what of a request was taken is said, and a key makes it safe to send it again.

import { describe, expect, it } from "vitest";
import { ReachClient } from "../../src/client.ts";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { post } from "./running.ts";
import { serve } from "./serving.ts";

/** Ends with the second input. */
const program = `
export default {
  name: "pair", version: "1",
  init: () => ({ got: [] }),
  reduce(state, event) {
    if (event.kind === "emit") state.got.push(event.data);
    return state;
  },
  async step(ctx) {
    const { data } = await ctx.waitFor("word");
    ctx.emit("got", data);
    return ctx.state.got.length < 2 ? "continue" : { done: ctx.state.got };
  },
};
`;

async function started(): Promise<ServerProcess> {
  const bench = new Workbench();
  const args = ["--program", bench.write("pair.ts", program)];
  const server = new ServerProcess(bench.path("data"), await freePort(), args);
  await server.start();
  return server;
}

const word = (data: unknown) => ({ type: "word", data });

describe("inputs of one request", () => {
  it("are taken one by one, and a refusal says which were", async () => {
    const server = await started();
    const begun = await post(`${server.url}/v1/sessions`, { program: "pair" });
    const session = `${server.url}/v1/sessions/${String(begun.body["id"])}`;
    const refused = await post(`${session}/events`, [word(1), word(2), word(3), word(4)]);
    expect(refused).toMatchObject({ status: 409, body: { code: "SESSION_ENDED" } });
    const { taken, detail } = refused.body as { taken: number[]; detail: string };
    const answer = await fetch(`${session}/events?kind=input`);
    const { events } = (await answer.json()) as { events: { seq: number }[] };
    expect(taken).toEqual(events.map(({ seq }) => seq));
    expect(taken.length).toBeGreaterThanOrEqual(2);
    expect(detail).toMatch(/the first \d of 4 inputs had been taken$/);
    const none = await post(`${session}/events`, [word(1), word(2)]);
    expect(none).toMatchObject({ status: 409, body: { taken: [] } });
    const one = await post(`${session}/events`, word(1));
    expect(one.body).not.toHaveProperty("taken");
    await server.end("SIGTERM");
  });

  it("with a key are taken once, also when the server is killed", async () => {
    const server = await started();
    const begun = await post(`${server.url}/v1/sessions`, { program: "pair" });
    const id = String(begun.body["id"]);
    const path = `${server.url}/v1/sessions/${id}/events`;
    const first = await post(path, [word(1)], "k");
    expect(first).toMatchObject({ status: 201, body: { count: 1, duplicate: false } });
    await server.end("SIGKILL");
    await server.start();
    const again = await post(path, [word(1)], "k");
    expect(again).toMatchObject({ status: 200, body: { ...first.body, duplicate: true } });
    const other = await post(path, [word(2)], "k");
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
    const longer = await post(path, [word(1), word(2)], "k");
    expect(longer).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });

    const client = new ReachClient({ url: server.url });
    const { seq } = await client.send(id, "word", 2, { key: "last" });
    for await (const { kind } of client.tail(id)) expect(kind).not.toBe("cancel");
    await server.end("SIGKILL");
    await server.start();
    expect(await client.send(id, "word", 2, { key: "last" })).toEqual({ seq, duplicate: true });
    await expect(client.send(id, "word", 3)).rejects.toMatchObject({ code: "SESSION_ENDED" });
    const job = await client.replay(id);
    expect(job).toMatchObject({ verdict: "identical" });
    await server.end("SIGTERM");
  });

  it("with a key go on where the server was killed", async () => {
    const server = await started();
    const begun = await post(`${server.url}/v1/sessions`, { program: "pair" });
    const id = String(begun.body["id"]);
    const path = `${server.url}/v1/sessions/${id}/events`;
    const words = Array.from({ length: 400 }, (_, i) => ({ type: "other", data: i }));
    const sent = post(path, words, "k");
    const client = new ReachClient({ url: server.url });
    for (let size = 0; size < 40; ) size = (await client.session(id)).size;
    await server.end("SIGKILL");
    await server.start();
    expect((await client.session(id)).size).toBeLessThan(800);
    const { status, body } = await sent;
    expect({ status, count: body["count"] }).toEqual({ status: 201, count: 400 });
    const answer = await fetch(`${path}?kind=input&limit=1000`);
    const { events } = (await answer.json()) as { events: { data: number }[] };
    expect(events.map(({ data }) => data)).toEqual(words.map(({ data }) => data));
    await server.end("SIGTERM");
  });
});

it("a recorded session takes no key, and says what it takes", async () => {
  const served = await serve({ engine: (directory) => new MemoryEngine(directory) });
  const client = new ReachClient({ url: served.url });
  const { id } = await client.record([{ type: "first" }]);
  const refused = client.append(id, [{ type: "second" }], { key: "k" });
  await expect(refused).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining("Producer-Id") });
  expect((await client.session(id)).size).toBe(1);
});

it("a server that runs no programs says how those before it ended", async () => {
  const served = await serve();
  const engine = new MemoryEngine(served.directory);
  const open = await engine.start("echo", null);
  const ended = await engine.start("echo", null);
  await engine.cancel(ended.id);
  const client = new ReachClient({ url: served.url });
  expect(await client.session(open.id)).toMatchObject({ status: "parked", outcome: null });
  const over = { status: "ended", outcome: "cancelled" };
  expect(await client.session(ended.id)).toMatchObject(over);
});
