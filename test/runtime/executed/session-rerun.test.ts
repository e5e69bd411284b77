// Running a session again: the same when nothing has changed, and the first difference otherwise.

import { describe, expect, test } from "vitest";
import { isMade } from "../../../src/replay/index.ts";
import { storedEvents } from "../../../tools/generator/executed-session.ts";
import { agent, play, program, rerun } from "./steps.ts";

describe("an unchanged program", () => {
  test("makes everything again, through snapshots and in fresh contexts", async () => {
    const used = await program(agent);
    const played = play({ program: used, input: { goal: 400 }, snapshotEvents: 100 });
    expect(played.ended).toBe(true);
    expect(played.snapshots.length).toBeGreaterThan(2);
    const events = storedEvents(played);
    for (const renewal of ["never", "sparse", "always"] as const) {
      const again = rerun(used, events, played.secret, { renewal });
      expect(again.fault).toBeUndefined();
      expect(again.operations).toBe(events.filter(isMade).length);
      expect(again.states).toEqual(played.snapshots.map(({ size }) => size));
    }
  });
});

describe("a reducer that looks at the data of steps", () => {
  test("sees in a replay what is recorded, wherever that takes states of its own", async () => {
    const used = await program(
      `init: () => ({ turns: 0, seen: [] }),
      reduce(state, event) {
        if (event.kind !== "step") return state;
        state.turns += 1;
        state.seen.push(JSON.stringify(Object.keys(event.data)));
        return state;
      },
      async step(ctx) {
        await ctx.call("tool", {});
        ctx.emit("turns", ctx.state.seen.slice(-2));
        return ctx.state.turns < 40 ? "continue" : "done";
      },`,
    );
    const played = play({ program: used, snapshotEvents: 20 });
    const events = storedEvents(played);
    expect(played.snapshots.length).toBeGreaterThan(2);
    for (const renewal of ["never", "sparse", "always"] as const) {
      expect(rerun(used, events, played.secret, { renewal }).fault).toBeUndefined();
    }
  });
});
