// Whoever is about to keep the thread for long lets the sessions that go on have their turn.

import { afterEach, expect, test } from "vitest";
import { FaultyDisk, Gate } from "./faulty-disk.ts";
import { programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

const patient = programOf(
  "patient",
  `{ async step(ctx) { await ctx.waitFor("x"); return "done"; } }`,
);
const large = programOf(
  "large",
  `{ async step(ctx) { ctx.emit("big", "x".repeat(1_200_000)); return "done"; } }`,
);

test("an engine is calm when no session is at work, and after a while in any case", async () => {
  const disk = new FaultyDisk();
  const run = new Running(disk);
  opened.push(run);
  const engine = await run.open({ programs: [patient, large] });
  const { id } = await engine.start("patient", null);
  await engine.calm(60_000);
  expect(engine.status(id).phase).toBe("waiting");
  // A turn that cannot end before its payload is stored.
  const gate = new Gate();
  disk.hold = (path) => (path.includes("/blobs/") ? gate.wait() : undefined);
  const other = await engine.start("large", null);
  await until(() => gate.reached > 0);
  const began = performance.now();
  await engine.calm(100);
  expect(performance.now() - began).toBeGreaterThanOrEqual(95);
  expect(engine.status(other.id).phase).toBe("running");
  const calm = engine.calm(60_000);
  gate.open();
  await calm;
  expect(engine.status(other.id).phase).toBe("ended");
});
