import { describe, expect, it } from "vitest";
import { describeStep, Progress } from "../../src/cli/progress.ts";

/** A terminal that remembers what was drawn, and a clock that stands still until it is moved. */
function terminal(isTTY = true, columns = 60) {
  const drawn: string[] = [];
  const state = { now: 0 };
  const stream = { isTTY, columns, write: (text: string) => drawn.push(text) };
  const progress = new Progress(stream, "importing", { enabled: true, clock: () => state.now });
  return { drawn, state, progress };
}

const step = { done: 50_000_000, total: 100_000_000, unit: "bytes", events: 12_000 } as const;

describe("progress", () => {
  it("is silent for half a second, then drawn at most ten times a second, and cleared", () => {
    const { drawn, state, progress } = terminal();
    for (state.now = 0; state.now <= 1000; state.now += 10) progress.update(step);
    expect(drawn.length).toBeGreaterThanOrEqual(5);
    expect(drawn.length).toBeLessThanOrEqual(6);
    expect(drawn[0]).toContain("\r\u001b[2Kimporting  50 %   12,000 events");
    progress.clear();
    expect(drawn.at(-1)).toBe("\r\u001b[2K");
    const count = drawn.length;
    progress.clear();
    expect(drawn).toHaveLength(count);
  });

  it("never wraps: a line is shorter than the terminal is wide", () => {
    const { drawn, state, progress } = terminal();
    state.now = 600;
    progress.update({ ...step, events: 123_456_789 });
    const [line = ""] = drawn;
    expect(line.replace("\r\u001b[2K", "").length).toBeLessThan(60);
  });

  it("is drawn on a terminal that does not know its size", () => {
    const { drawn, state, progress } = terminal(true, 0);
    state.now = 600;
    progress.update({ ...step, events: 123_456_789 });
    expect(drawn[0]).toContain("importing  50 %");
  });

  it("is nothing at all where stderr is no terminal, or work is short", () => {
    const file = terminal(false);
    file.state.now = 10_000;
    file.progress.update(step);
    file.progress.clear();
    expect(file.drawn).toEqual([]);
    const short = terminal();
    short.state.now = 499;
    short.progress.update(step);
    short.progress.clear();
    expect(short.drawn).toEqual([]);
  });

  it("tells the rate of what was done here, and the time left", () => {
    const half = { done: 60, total: 100, unit: "events" } as const;
    expect(describeStep(half, 20, 2)).toBe("60 %   60 of 100 events   20 events/s   2.0 s left");
    const piped = { done: 5_000_000, total: null, unit: "bytes", events: 1000 } as const;
    expect(describeStep(piped, 0, 2)).toBe("1,000 events   5.00 MB   2.50 MB/s");
    const done = { done: 100, total: 100, unit: "events" } as const;
    expect(describeStep(done, 0, 1)).toBe("100 %   100 of 100 events   100 events/s");
  });
});
