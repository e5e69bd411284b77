// Sessions that wait for a slot in their lane, and what may happen to them meanwhile.

import { afterEach, expect, test } from "vitest";
import { LaneSlot } from "../../src/engine/lane-slot.ts";
import type { Lane } from "../../src/engine/lanes/lane.ts";
import { FaultyDisk, Gate } from "./faulty-disk.ts";
import { programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

const stubborn = programOf(
  "stubborn",
  `{ async step(ctx) {
    for (;;) { try { await ctx.waitFor("x"); } catch { ctx.emit("still here"); } }
  } }`,
);
const large = programOf(
  "large",
  `{ async step(ctx) { ctx.emit("big", "x".repeat(1_200_000)); return "done"; } }`,
);

test("a session that is ended while it waits for a slot does not run any more", async () => {
  const disk = new FaultyDisk();
  const run = new Running(disk);
  opened.push(run);
  const engine = await run.open({
    programs: [stubborn, large],
    limits: { laneActivationsMax: 1, cancelGraceMs: 400 },
  });
  const { id } = await engine.start("stubborn", null);
  await until(() => engine.status(id).phase === "waiting");
  await engine.cancel(id);
  // The only slot is taken until a large payload is stored.
  const gate = new Gate();
  disk.hold = (path) => (path.includes("/blobs/") ? gate.wait() : undefined);
  const other = await engine.start("large", null);
  await until(() => gate.reached > 0);
  const input = engine.input(id, { type: "x", data: null });
  const refused = expect(input).rejects.toMatchObject({ code: "SESSION_ENDED" });
  await until(() => engine.status(id).phase === "queued");
  expect(await engine.finished(id)).toMatchObject({ outcome: "cancelled", forced: true });
  await refused;
  const phases: string[] = [];
  engine.onPhase((of, phase) => of === id && phases.push(phase));
  gate.open();
  await engine.finished(other.id);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(phases).toEqual([]);
  expect(engine.metrics()).toMatchObject({ ended: { cancelled: 1, done: 1 }, inFlight: 0 });
  expect(run.events(id).filter((event) => event.startsWith("end"))).toHaveLength(1);
  expect(run.troubles).toEqual([]);
});

test("a session stands in one queue, and a turn that it does not want is given back", async () => {
  const told: unknown[] = [];
  const slot = new LaneSlot({
    enter: () => told.push("enter"),
    release: (lane) => told.push(lane),
  });
  const [first, second] = [{}, {}] as [Lane, Lane];
  slot.ask();
  slot.ask();
  expect(slot.take(first, false)).toBe(false);
  expect([told, slot.isHeld]).toEqual([["enter"], false]);
  await Promise.resolve();
  slot.ask();
  expect(slot.take(second, true)).toBe(true);
  expect(slot.isHeld).toBe(true);
  slot.release();
  slot.release();
  expect(told).toEqual(["enter", first, "enter", second]);
});
