// What docs/PROGRAMS.md says about effects and about running holds: its configuration is loaded, a
// server takes up what `reach run` has left, and a test of a session finds what nothing refuses.

import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/index.ts";
import { replays } from "../../src/testing.ts";
import { ended, heard, Workbench } from "../cli/reach-command.ts";
import { freePort } from "./example.ts";

const page = fs.readFileSync(path.join(import.meta.dirname, "../../docs/PROGRAMS.md"), "utf8");

/** The block of code of a section. */
function blockOf(section: string): string {
  const text = page.slice(page.indexOf(`\n## ${section}\n`));
  return /```ts\n(.*?)```/s.exec(text)?.[1] ?? "";
}

test("the configuration of the page is one", async () => {
  const file = new Workbench().write("reach.config.ts", blockOf("Effects"));
  const { registry, programs } = await loadConfig(file);
  expect(registry.names()).toEqual(["clock.zone", "http.fetch", "llm.chat"]);
  expect(programs).toEqual(["support.ts"]);
});

const waiting = `export default {
  name: "waiting", version: "1", init: () => null, reduce: (state) => state,
  async step(ctx) {
    const { data } = await ctx.waitFor("word");
    return { done: data };
  },
};`;

test("a server takes up a session that `reach run` left waiting, without its file", async () => {
  const bench = new Workbench();
  const file = bench.write("waiting.mjs", waiting);
  const { id } = await bench.json<{ id: string }>(["run", file]);
  fs.rmSync(file);
  const url = `http://127.0.0.1:${await freePort()}`;
  const server = bench.start(["serve", "--port", new URL(url).port, "--log", "silent"]);
  const over = ended(server);
  await heard(server.stdout, /listening/);
  const sent = await fetch(`${url}/v1/sessions/${id}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{ type: "word", data: "go" }]),
  });
  expect(sent.status).toBe(201);
  const tail = await bench.run(["--url", url, "tail", id, "-f"]);
  expect(tail.stdout).toMatch(/end +done +\{"result":"go"\}/);
  server.kill("SIGTERM");
  await over;
});

const remembering = `
const seen = new Map();
export default {
  name: "remembering", version: "1", init: () => ({ turns: 0 }),
  reduce(state, event) {
    if (event.kind === "emit") state.turns += 1;
    return state;
  },
  async step(ctx) {
    seen.set(ctx.state.turns, true);
    ctx.emit("seen", seen.size);
    return ctx.state.turns < 3 ? "continue" : "done";
  },
};`;

test("a test of a session finds what a module remembers", async () => {
  const bench = new Workbench();
  const program = bench.write("remembering.mjs", remembering);
  const { id } = await bench.json<{ id: string }>(["run", program]);
  const session = { data: bench.path(".reach"), id };
  await expect(replays(session)()).rejects.toMatchObject({ code: "DIVERGED" });
});
