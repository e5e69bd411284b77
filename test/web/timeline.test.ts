// The picture of a window: bars from calls to results that never overlap in a lane, all of it
// inside the width, also for times that go back or are not there.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventObject } from "../../src/client/index.ts";
import { layTimeline } from "../../src/web/timeline.ts";
import { windowStart } from "../../src/web/transcript.ts";

function event(seq: number, time: number, kind: EventObject["kind"], ref?: number): EventObject {
  return { seq, time, kind, type: "x", ref: ref ?? null };
}

describe("a timeline", () => {
  it("puts calls that run beside each other into lanes of their own", () => {
    const { marks, lanes, axis, ms } = layTimeline([
      event(0, 100, "trigger"),
      event(1, 100, "call"),
      event(2, 120, "call"),
      event(3, 150, "result", 1),
      event(4, 160, "call"),
      event(5, 200, "result", 2),
    ]);
    expect({ lanes, axis, ms }).toEqual({ lanes: 3, axis: "time", ms: 100 });
    const bars = marks.filter(({ kind }) => kind === "call");
    expect(bars.map(({ from, to, lane, ms: took }) => [from, to, lane, took])).toEqual([
      [0, 0.5, 1, 50],
      [0.2, 1, 2, 80],
      [0.6, 1, 1, undefined],
    ]);
  });

  it("is one of numbers where no time passes, and takes no time for 1970", () => {
    expect(layTimeline([event(0, 5, "emit"), event(1, 5, "emit")]).axis).toBe("events");
    expect(
      layTimeline([event(0, 0, "emit"), event(1, 1e12, "emit"), event(2, 1e12, "emit")]).ms,
    ).toBe(0);
    expect(layTimeline([]).marks).toEqual([]);
  });

  it("stays inside its width, and its lanes hold one bar at a time", () => {
    const kinds = fc.constantFrom<EventObject["kind"]>("call", "result", "emit");
    const made = fc.tuple(fc.integer({ min: 0, max: 1000 }), kinds, fc.nat(40));
    fc.assert(
      fc.property(fc.array(made, { maxLength: 40 }), (parts) => {
        const events = parts.map(([time, kind, ref], seq) => event(seq, time, kind, ref));
        const { marks, lanes } = layTimeline(events);
        for (const { from, to, lane } of marks) {
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeLessThanOrEqual(1);
          expect(lane).toBeLessThan(lanes);
        }
        for (let lane = 1; lane < Math.min(lanes, 8); lane++) {
          const bars = marks.filter((mark) => mark.lane === lane);
          for (const [i, bar] of bars.entries()) {
            const before = bars[i - 1];
            if (before) expect(bar.from).toBeGreaterThanOrEqual(before.to);
          }
        }
      }),
    );
  });
});

describe("the window around an event", () => {
  it("is its page, or with a filter the one that was asked for", () => {
    expect(windowStart(48_213, { kind: "", type: "" }, [])).toBe(48_000);
    const shown = [{ seq: 48_213 }, { seq: 50_000 }];
    expect(windowStart(49_000, { kind: "call", type: "" }, shown)).toBe(48_213);
    expect(windowStart(50_001, { kind: "call", type: "" }, shown)).toBe(50_001);
  });
});
