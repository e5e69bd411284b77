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
