// Recording to `reach serve` as it is installed, between processes that are really killed: the
// server while somebody records, whoever records in the middle of an effect. And from a page.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as vm from "node:vm";
import { expect, it, onTestFinished } from "vitest";
import { ReachClient, type SessionRecorder } from "../../src/client.ts";
import { reruns } from "../../src/testing.ts";
import { freePort, ServerProcess } from "../server/killing.ts";
import { Scratch } from "../session/sample-session.ts";
import { scriptOf } from "./page.ts";

const entries = new URL("../../dist/entries/", import.meta.url);

async function started(): Promise<ServerProcess> {
  const scratch = new Scratch();
  const server = new ServerProcess(scratch.at("data"), await freePort());
  onTestFinished(async () => {
    await server.end("SIGKILL");
    scratch.remove();
  });
  await server.start();
  return server;
}

async function eventsOf(client: ReachClient, id: string) {
  const events: { seq: number; kind: string; type: string; ref: number | null; data: unknown }[] =
    [];
  for await (const { seq, kind, type, ref, data } of client.events(id)) {
    events.push({ seq, kind, type, ref, data });
  }
  return events;
}

it("each event is there once, in order, though the server is killed again and again", async () => {
  const server = await started();
  const client = new ReachClient({ url: server.url });
  const session = client.recorder();
  let made = 0;
  let over = false;
  const code = async (recorder: SessionRecorder, goesOn: () => boolean): Promise<void> => {
    for (; goesOn(); made++) {
      void recorder.append({ type: "n", data: made });
      const n = made;
      const answer = await recorder.effect("tool", n, ({ note }) => {
        note("on", n);
        return n;
      });
      expect(answer).toBe(n);
    }
  };
  const recording = code(session, () => !over);
  for (let kills = 0; kills < 4; kills++) {
    await new Promise((resolve) => setTimeout(resolve, 150 + 37 * kills));
    await server.end("SIGKILL");
    await server.start();
  }
  over = true;
  await recording;
  await session.close();
  const expected = Array.from({ length: made }, (_, n) => [
    ["emit", "n", null, n],
    ["call", "tool", null, { input: n }],
    ["note", "on", 4 * n + 1, n],
    ["result", "tool", 4 * n + 1, { value: n }],
  ]).flat();
  const found = (await eventsOf(client, session.id)).map(({ kind, type, ref, data }) => {
    return [kind, type, ref, data];
  });
  expect(found).toEqual(expected);
  const { signed, size } = await client.session(session.id);
  expect([signed, size]).toEqual([expected.length, expected.length]);
  const count = made;
  made = 0;
  const source = { url: server.url, id: session.id };
  await reruns(source, (recorder) => code(recorder, () => made < count))();
});

/** Takes a session up, or begins it, and says what it was told is durable, until it is killed. */
const agent = `
  import { ReachClient } from ${JSON.stringify(new URL("client.js", entries).href)};
  const [url, id, life] = process.argv.slice(1);
  const client = new ReachClient({ url });
  const session = life === "0" ? client.recorder({ id }) : await client.resume(id);
  console.log(JSON.stringify({ open: session.leftOpen.length }));
  for (let n = 0; ; n++) {
    const seq = await session.append({ type: "life " + life, data: n });
    console.log(JSON.stringify({ seq, n }));
    await session.effect("tool", { life, n }, () => new Promise((go) => setTimeout(go, n % 5)));
  }`;

it("what a process was told is durable is there when it is killed, and others go on", async () => {
  const server = await started();
  const client = new ReachClient({ url: server.url });
  const { id } = client.recorder();
  const told: { life: number; seq: number; n: number }[] = [];
  const open: number[] = [];
  const lives = 4;
  for (let life = 0; life < lives; life++) {
    const args = ["--input-type=module", "-e", agent, server.url, id, String(life)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    let heard = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { open: number } | { seq: number; n: number };
      if ("open" in said) open.push(said.open);
      else told.push({ life, ...said });
      heard += 1;
      if (heard === 12 + 5 * life) child.kill("SIGKILL");
    }
    await gone;
  }
  const last = await client.resume(id);
  await last.close();
  const events = await eventsOf(client, id);
  for (const { life, seq, n } of told) {
    expect(events[seq]).toMatchObject({ type: `life ${life}`, data: n });
  }
  expect(told.length).toBeGreaterThan(lives * 10);
  const calls = events.filter(({ kind }) => kind === "call").map(({ seq }) => seq);
  const results = events.filter(({ kind }) => kind === "result").map(({ ref }) => ref);
  expect(results.sort((a, b) => Number(a) - Number(b))).toEqual(calls);
  expect(events.filter(({ type }) => type === "reach.resumed")).toHaveLength(lives);
  const interrupted = events.filter(({ data }) => JSON.stringify(data).includes("INTERRUPTED"));
  expect(interrupted).toHaveLength(
    open.reduce((sum, count) => sum + count, 0) + last.leftOpen.length,
  );
});

it("a page records, where there is nothing of Node", async () => {
  const server = await started();
  const web = {
    AbortController,
    AbortSignal,
    MessageChannel,
    TextDecoder,
    TextEncoder,
    URL,
    crypto,
  };
  const streams = { ReadableStream, Response, clearTimeout, setTimeout, performance };
  const page = vm.createContext({ ...web, ...streams, fetch, url: server.url });
  const folder = new URL("../..", import.meta.url).pathname;
  vm.runInContext(await scriptOf("./dist/client.js", folder), page);
  const code = `(async () => {
    const session = new reach.ReachClient({ url }).recorder({ name: "page" });
    await session.append({ type: "click", data: { at: [1, 2] } });
    const answers = await Promise.all([
      session.effect("model", "why", async ({ note }) => {
        note("piece", "be");
        return "because";
      }),
      session.effect("fails", "", () => { throw new TypeError("no"); })
        .catch((error) => error instanceof reach.EffectFailure && error.name),
    ]);
    await session.close();
    return JSON.stringify([session.id, answers]);
  })()`;
  const [id, answers] = JSON.parse((await vm.runInContext(code, page)) as string) as [
    string,
    unknown,
  ];
  expect(answers).toEqual(["because", "TypeError"]);
  const events = await eventsOf(new ReachClient({ url: server.url }), id);
  expect(events.map(({ kind, type }) => `${kind} ${type}`)).toEqual([
    "emit click",
    "call model",
    "call fails",
    "note piece",
    "result fails",
    "result model",
  ]);
});
