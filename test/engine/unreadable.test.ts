// Sessions that cannot be read for a moment, at the time when they are to go on: they are not
// forgotten, go on when they can be read again, and the next engine knows of them.

import { afterEach, expect, test } from "vitest";
import { nodeDisk } from "../../src/disk/index.ts";
import { readRegistry } from "../../src/engine/registry.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { effectsOf, programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

/** What reading a session says when the process has no descriptors left. */
const unreadable = { part: "/sessions/", code: "IO_FAILED" } as const;
const limits = { idleMs: 10 };
const sleeper = programOf(
  "sleeper",
  `{ async step(ctx) { await ctx.sleep(400); return { done: "awake" }; } }`,
);

/** A session sleeps, and cannot be read when its timer is due. */
async function unreadWhenDue(): Promise<{ run: Running; disk: FaultyDisk; id: string }> {
  const disk = new FaultyDisk();
  const run = new Running(disk);
  opened.push(run);
  const engine = await run.open({ programs: [sleeper], limits });
  const { id } = await engine.start("sleeper", null);
  await until(() => engine.metrics().sessionsActive === 0);
  disk.fault = unreadable;
  await until(() => run.troubles.length > 0);
  disk.fault = undefined;
  return { run, disk, id };
}

test("a session that cannot be read when its timer is due goes on when it can", async () => {
  const { run, id } = await unreadWhenDue();
  expect((await run.engine.finished(id)).result).toBe("awake");
});

test("a session that could not be read when it was due is known to the next engine", async () => {
  const { run, id } = await unreadWhenDue();
  await run.close();
  const registry = readRegistry(nodeDisk, run.scratch.at("data", "default"));
  expect(registry?.clean).toBe(true);
  expect([...(registry?.sessions.keys() ?? [])]).toEqual([id]);
  const again = await run.open({ limits });
  expect((await again.finished(id)).result).toBe("awake");
});

test("sessions that cannot be read when an engine opens go on when they can", async () => {
  const disk = new FaultyDisk();
  const run = new Running(disk);
  opened.push(run);
  const program = programOf(
    "one",
    `{ step: async (ctx) => ({ done: await ctx.call("work", 7) }) }`,
  );
  const never = effectsOf({ work: () => new Promise(() => {}) });
  const engine = await run.open({ programs: [program], effects: never });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await engine.start("one", null)).id);
  await until(() => ids.every((id) => engine.status(id).phase === "waiting"));
  await run.close();
  disk.fault = unreadable;
  await run.open({ effects: effectsOf({ work: (n: number) => n }) });
  await until(() => run.troubles.length >= ids.length);
  disk.fault = undefined;
  for (const id of ids) expect((await run.engine.finished(id)).result).toBe(7);
});
