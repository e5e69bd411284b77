// Runner processes that somebody kills: they are replaced at once, by one that was started before,
// and the sessions in them go on, however often that happens.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { afterEach, expect, it } from "vitest";
import { childrenOf } from "../server/running.ts";
import { effectsOf, plainContexts, programOf, Running, until } from "./running.ts";

let running: Running;

afterEach(() => running?.end());

const program = programOf(
  "patient",
  `{ async step(ctx) {
    const word = await ctx.waitFor("word");
    ctx.emit("heard", word);
    return word === "end" ? "done" : "continue";
  } }`,
);

it("a session goes on in the spare process when its own is killed, and in the next", async () => {
  running = new Running();
  const before = new Set(childrenOf(process.pid));
  const children = (): number[] => childrenOf(process.pid).filter((pid) => !before.has(pid));
  const engine = await running.open({
    programs: [program],
    effects: effectsOf({}),
    runners: { kind: "processes", processes: 1, threads: 1 },
  });
  const [first] = children();
  const { id } = await engine.start("patient", null);
  await until(() => engine.status(id).phase === "waiting");
  let used = first as number;
  for (const word of ["once", "twice"]) {
    await until(() => children().length === 2);
    const spare = children().find((pid) => pid !== used) as number;
    process.kill(used, "SIGKILL");
    await engine.input(id, { type: "word", data: word });
    await until(() => running.events(id).some((event) => event.includes(`heard "${word}"`)));
    expect(children()).toContain(spare);
    used = spare;
  }
  await engine.input(id, { type: "word", data: "end" });
  expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
  await running.close();
  await until(() => children().length === 0);
  expect(running.troubles.filter((trouble) => !trouble.includes("lost"))).toEqual([]);
});

it("a session that is busy each time somebody kills its runner comes to its end", async () => {
  running = new Running();
  const before = new Set(childrenOf(process.pid));
  const busy = programOf(
    "busy",
    `{ async step(ctx) {
      const end = Date.now() + 1500;
      while (Date.now() < end);
      return { done: "in peace" };
    } }`,
  );
  const engine = await running.open({
    programs: [busy],
    runners: { kind: "processes", processes: 1, threads: 1 },
  });
  const { id } = await engine.start("busy", null);
  for (let kills = 0; kills < 6; kills++) {
    await until(() => engine.status(id).phase === "running");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const lost = running.troubles.length;
    for (const pid of childrenOf(process.pid)) if (!before.has(pid)) process.kill(pid, "SIGKILL");
    await until(() => running.troubles.length > lost);
  }
  expect(await engine.finished(id)).toMatchObject({ outcome: "done", result: "in peace" });
});

it("a thread that has much to do is not given up: it goes on answering", async () => {
  running = new Running();
  const busy = programOf(
    "busy",
    `{ async step(ctx) {
      const end = Date.now() + 60;
      while (Date.now() < end);
      return { done: "in peace" };
    } }`,
  );
  const engine = await running.open({
    programs: [busy],
    runners: { kind: "processes", processes: 1, threads: 1 },
    // A ping stands behind sixteen turns, a second and more.
    limits: { stuckMs: 200, asideMs: 150, triesMax: 1 },
  });
  const ids = await Promise.all(Array.from({ length: 40 }, () => engine.start("busy", null)));
  for (const { id } of ids) {
    expect(await engine.finished(id)).toMatchObject({ outcome: "done", result: "in peace" });
  }
  expect(running.troubles).toEqual([]);
});

it("a runner that takes long to start is not given up for that", async () => {
  running = new Running();
  const contexts = running.scratch.at("slow-contexts.mjs");
  writeFileSync(
    contexts,
    `await new Promise((resolve) => setTimeout(resolve, 1800));
    export { contexts } from ${JSON.stringify(pathToFileURL(plainContexts).href)};`,
  );
  const engine = await running.open({
    programs: [program],
    runners: { kind: "processes", processes: 1, threads: 1 },
    limits: { stuckMs: 1000 },
    contexts,
  });
  const { id } = await engine.start("patient", null);
  await engine.input(id, { type: "word", data: "end" });
  expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
  expect(running.troubles).toEqual([]);
});
