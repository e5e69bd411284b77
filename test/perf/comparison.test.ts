// The gate's judgement: another speed or noise, broken or not, and what nobody measured.

import { describe, expect, it } from "vitest";
import { Random } from "../../tools/generator/random.ts";
import { type Budgets, brokenLines, judge } from "../../tools/perf/budgets.ts";
import { chartOf } from "../../tools/perf/chart.ts";
import { comparable, compare } from "../../tools/perf/comparison.ts";
import { hottest } from "../../tools/perf/hottest.ts";
import { Latencies } from "../../tools/perf/latencies.ts";
import { latencyLevel, type ScenarioResult } from "../../tools/perf/scenario.ts";
import { bucketsOf, quantileBetween } from "../../tools/perf/server-metrics.ts";

const random = new Random(7, "noise");
/** Rounds around a value, as a noisy machine has them: up to 30 % more or less. */
function rounds(around: number, count = 7): number[] {
  return Array.from({ length: count }, () => around * (0.7 + (0.6 * random.next()) / 2 ** 32));
}

const budgets: Budgets = {
  scenarios: {
    burst: {
      first: { contract: { max: 100 }, goal: { floor: 1.5 }, why: "" },
      dropped: { contract: { max: 0 }, why: "" },
    },
  },
  memory: {
    server: { contract: { max: 10 }, why: "" },
    runner: { contract: { max: 10 }, why: "" },
  },
  noise: { ratio: 1.5, why: "" },
};

function result(levels: ScenarioResult["levels"]): ScenarioResult {
  return { name: "burst", about: "", levels, memory: { server: 1, runner: 1 }, seconds: 1 };
}

describe("a comparison with the baseline", () => {
  it("takes the same speed for the same, whatever the noise", () => {
    for (let i = 0; i < 50; i++) {
      expect(compare(rounds(80), rounds(80), 1.5).verdict).toBe("same");
    }
  });

  it("sees what has become twice as slow, or twice as fast", () => {
    const verdicts = Array.from(
      { length: 50 },
      () => compare(rounds(240), rounds(80), 1.5).verdict,
    );
    expect(verdicts.filter((verdict) => verdict === "slower").length).toBeGreaterThan(45);
    expect(compare(rounds(20), rounds(80), 1.5).verdict).toBe("faster");
  });

  it("has the ratio within its interval, and the same interval every time", () => {
    const [now, before] = [rounds(100), rounds(80)];
    const one = compare(now, before, 1.5);
    expect(one.low).toBeLessThanOrEqual(one.ratio);
    expect(one.high).toBeGreaterThanOrEqual(one.ratio);
    expect(compare(now, before, 1.5)).toEqual(one);
  });

  it("is of ratios to the floor, so that a slower machine changes nothing", () => {
    const before = comparable({ rounds: [10, 12, 11], floor: [5, 6, 5.5] });
    const now = comparable({ rounds: [40, 48, 44], floor: [20, 24, 22] });
    expect(compare(now, before, 1.5)).toMatchObject({ ratio: 1, verdict: "same" });
  });
});

describe("a budget", () => {
  const level = { name: "first", unit: "ms", rounds: [90, 20, 300] } as const;
  const dropped = { name: "dropped", unit: "count", rounds: [0] } as const;

  it("is held by the median of the rounds", () => {
    expect(brokenLines(judge(result([level, dropped]), budgets))).toEqual([]);
    const slow = { ...level, rounds: [90, 120, 300] };
    expect(brokenLines(judge(result([slow, dropped]), budgets))).toEqual([
      "BROKEN burst first: 120.0 ms, contract <= 100 ms",
    ]);
  });

  it("is broken by one dropped event, and by what was not measured", () => {
    const lost = { ...dropped, rounds: [1] };
    expect(brokenLines(judge(result([lost]), budgets))).toEqual([
      "BROKEN burst dropped: 1 count, contract <= 0 count",
      "BROKEN burst first: not measured",
    ]);
  });

  it("may be a multiple of the floor of the same rounds", () => {
    const [verdict] = judge(result([{ ...level, floor: [10, 70, 80] }, dropped]), budgets);
    expect(verdict?.goal).toMatchObject({ max: 105, holds: true, text: "1.5x the floor" });
  });

  it("is broken by memory", () => {
    const large = { ...result([level, dropped]), memory: { server: 11 * 2 ** 20, runner: 1 } };
    expect(brokenLines(judge(large, budgets))).toEqual([
      "BROKEN burst memory_peak_server: 11.0 MiB, contract <= 10 MiB",
    ]);
  });
});

describe("the histogram of a server", () => {
  const text = (counts: readonly number[]): string =>
    ["0.01", "0.1", "+Inf"].map((le, i) => `h_bucket{le="${le}"} ${counts[i]}`).join("\n");

  it("gives the quantile of what came between two looks", () => {
    const before = bucketsOf(text([100, 100, 100]), "h");
    const after = bucketsOf(text([100, 200, 200]), "h");
    // All hundred between 10 and 100 ms: interpolated.
    expect(quantileBetween(before, after, 0.95)).toBeCloseTo(95.5);
    expect(quantileBetween(after, after, 0.95)).toBeNaN();
  });

  it("names the last bound when it lies beyond", () => {
    expect(quantileBetween(new Map(), bucketsOf(text([0, 0, 5]), "h"), 0.95)).toBe(100);
  });
});

describe("a picture of latencies", () => {
  it("has a line for each distribution, and nothing that is no number", () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1000; ms++) latencies.add(ms);
    const svg = chartOf([result([latencyLevel("first <x>", [latencies], latencies)])]);
    expect(svg?.match(/<polyline/g)).toHaveLength(1);
    expect(svg).toContain("burst: first &lt;x>");
    expect(svg).not.toContain("NaN");
    expect(chartOf([result([])])).toBeUndefined();
  });
});

describe("a profile", () => {
  it("names the functions by their own time, without idle time", () => {
    const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 4 });
    const nodes = [
      { id: 1, callFrame: frame("(idle)", "") },
      { id: 2, callFrame: frame("commit", "file:///x/dist/log/journal.js") },
      { id: 3, callFrame: frame("", "file:///x/node_modules/undici/lib/a.js") },
    ];
    const profile = { nodes, samples: [1, 2, 3, 2], timeDeltas: [9000, 1000, 500, 1000] };
    expect(hottest(profile, 10)).toEqual({
      busyMs: 2.5,
      functions: [
        { name: "commit", place: "dist/log/journal.js:5", ms: 2 },
        { name: "(anonymous)", place: "node_modules/undici/lib/a.js:5", ms: 0.5 },
      ],
    });
  });
});
