// A divergence report: it names the stretch, the first differing path, the event that wrote it and
// why, and it reads well.

import { describe, expect, it } from "vitest";
import { codeOf, ReachError, sha256, toHex } from "../../src/base/index.ts";
import {
  type DivergedStretch,
  type Divergence,
  explain,
  Fold,
  locate,
  type Program,
  programMark,
  type ReducerEvent,
  renderDivergence,
} from "../../src/replay/index.ts";
import { eventsOf, program } from "./programs.ts";

const data = Array.from({ length: 30 }, (_, i) => i);
const events = eventsOf(data, { type: "user/tool_result", kind: "result" });
const first = events[0] as ReducerEvent;

interface Totals {
  sum: number;
  largest: { value: number; seq: number };
}

/** Sums what is even; `step` is what the versions disagree about. */
function totals(version: string, step: (value: number) => number): Program {
  return program<Totals>({
    name: "totals",
    version,
    init: () => ({ sum: 0, largest: { value: 0, seq: 0 } }),
    reduce(state, event) {
      const value = event.data as number;
      if (value % 2 === 0) state.sum += step(value);
      if (value > state.largest.value && value < 15) state.largest = { value, seq: event.seq };
      return state;
    },
  });
}

const recorded = totals("1.4.0", (value) => value);

function stateAfter(folded: Program, count: number): ReturnType<Fold["boundary"]> {
  const fold = Fold.begin(folded, first);
  for (const event of events.slice(0, count)) fold.apply(event);
  return fold.boundary();
}

/** The stretch from 10 to 20 events, as `ran` replays what `recorded` had kept. */
function stretch(ran: Program, parts: Partial<DivergedStretch> = {}): DivergedStretch {
  const fold = Fold.resume(ran, stateAfter(recorded, 10).bytes);
  for (const event of events.slice(10, 20)) fold.apply(event);
  return {
    program: ran,
    from: 10,
    to: 20,
    start: stateAfter(recorded, 10).bytes,
    events: () => events.slice(10, 20),
    expected: stateAfter(recorded, 20),
    actualHash: fold.boundary().hash,
    ...parts,
  };
}

describe("the event that wrote a path", () => {
  const at = (steps: (string | number)[]) => {
    return locate(recorded, stateAfter(recorded, 10).bytes, events.slice(10, 20), steps);
  };

  it("is the last one after which the value was another", () => {
    expect(at(["sum"]).event?.seq).toBe(18);
    expect(at(["largest", "seq"]).event?.seq).toBe(14);
  });

  it("is found for whole objects too, which are changed in place", () => {
    expect(at(["largest"]).event?.seq).toBe(14);
    expect(at([]).event?.seq).toBe(18);
  });

  it("is none when nothing wrote there", () => {
    expect(at(["nowhere", 3]).event).toBeNull();
    expect(locate(recorded, undefined, [], ["sum"]).event).toBeNull();
  });

  it("is found in the first stretch, which begins with init", () => {
    expect(locate(recorded, undefined, events.slice(0, 5), ["sum"]).event?.seq).toBe(4);
  });
});

describe("a report", () => {
  it("blames the code when another version ran", () => {
    const changed = totals("1.5.0", (value) => value + 1);
    const report = explain(stretch(changed, { recordedBy: programMark(recorded) }));
    expect(report).toMatchObject({
      from: 10,
      to: 20,
      lastMatching: 10,
      event: { seq: 18, kind: "result", type: "user/tool_result" },
      expectedHash: toHex(stateAfter(recorded, 20).hash),
      more: false,
      cause: { kind: "code-changed" },
    });
    expect(report.paths).toEqual([{ path: "$.sum", steps: ["sum"], expected: "90", actual: "95" }]);
    expect(report.cause.text).toContain("totals 1.4.0");
    expect(report.cause.text).toContain("totals 1.5.0");
  });

  it("blames unrecorded input when folding again gives yet another state", () => {
    let clock = 0;
    const leaking = totals("1.4.0", (value) => value + clock++);
    const report = explain(stretch(leaking));
    expect(report.cause.kind).toBe("unrecorded-input");
    expect(report.event?.seq).toBe(18);
  });

  it("blames unrecorded input also when folding again gives what was kept", () => {
    const report = explain(stretch(recorded, { actualHash: sha256(Uint8Array.of(1)) }));
    expect(report.cause.kind).toBe("unrecorded-input");
    expect(report.paths).toEqual([]);
  });

  it("blames what lies outside the events when the same program stably differs", () => {
    const report = explain(stretch(totals("1.4.0", (value) => value * 3)));
    expect(report.cause.kind).toBe("outside-state");
    expect(report.recordedBy).toBeNull();
  });

  it("names the event at which the program now fails", () => {
    const failing = totals("1.4.0", (value) => {
      if (value === 16) throw new Error("no 16");
      return value;
    });
    const ran: DivergedStretch = { ...stretch(recorded), program: failing, actualHash: undefined };
    const report = explain(ran);
    expect(report).toMatchObject({ actualHash: null, event: { seq: 16 }, paths: [] });
    expect(report.cause).toMatchObject({ kind: "program-failed" });
    expect(report.cause.text).toContain("threw at event 16 (user/tool_result): no 16");
    expect(renderDivergence(report)).toContain("failed         at event 16, result");
  });

  it("says so when the kept state is gone and cannot be compared", () => {
    const changed = totals("1.4.0", (value) => value + 1);
    const expected = { hash: stateAfter(recorded, 20).hash };
    const report = explain(stretch(changed, { expected }));
    expect(report).toMatchObject({ paths: [], event: null });
    expect(renderDivergence(report)).toContain("the two states cannot be compared");
  });

  it("begins with init where there is no snapshot before", () => {
    const changed = totals("2", (value) => -value);
    const fold = Fold.begin(changed, first);
    for (const event of events.slice(0, 20)) fold.apply(event);
    const report = explain({
      ...stretch(changed),
      from: 0,
      start: undefined,
      events: () => events.slice(0, 20),
      actualHash: fold.boundary().hash,
      recordedBy: programMark(recorded),
    });
    expect(report).toMatchObject({ lastMatching: null, cause: { kind: "code-changed" } });
    expect(renderDivergence(report)).toContain("none: the stretch begins with the first event");
  });

  it("holds the first differences and says that there are more", () => {
    const wide = (offset: number): Program => {
      return program({
        name: "wide",
        init: () => ({ values: data.map(() => 0) }),
        reduce: () => ({ values: data.map((value) => value + offset) }),
      });
    };
    const kept = stateAfter(wide(0), 20);
    const actualHash = stateAfter(wide(1), 20).hash;
    const start = stateAfter(wide(0), 10).bytes;
    const ran = { ...stretch(recorded), program: wide(1), start, expected: kept, actualHash };
    expect(explain({ ...ran, limit: 4 })).toMatchObject({ more: true, paths: { length: 4 } });
    expect(renderDivergence(explain(ran))).toContain("… and more");
  });

  it("lets through what the store under the events says", () => {
    const lost = Object.defineProperty({ ...first, seq: 10 }, "data", {
      get() {
        throw new ReachError("BLOB_CORRUPT", "blob 8d0a does not verify");
      },
    });
    const ran = stretch(recorded, { events: () => [lost] });
    try {
      explain(ran);
      expect.unreachable();
    } catch (error) {
      expect(codeOf(error)).toBe("BLOB_CORRUPT");
    }
  });
});

describe("a report for people", () => {
  const report: Divergence = {
    about: "state",
    program: { name: "support-agent", version: "1.5.0", hash: "77fe".repeat(16) },
    recordedBy: { name: "support-agent", version: "1.4.0", hash: "8d0a".repeat(16) },
    from: 47_000,
    to: 48_000,
    lastMatching: 47_000,
    event: { seq: 47_213, time: 1_767_615_456_583, kind: "result", type: "user/tool_\u001b[2Jx" },
    expectedHash: "8d0a31".padEnd(64, "0"),
    actualHash: "77fe02".padEnd(64, "0"),
    paths: [
      { path: "$.tokens.input", steps: ["tokens", "input"], expected: "1200", actual: "1201" },
      { path: "$.open[3]", steps: ["open", 3], expected: "(missing)", actual: "{id, tool}" },
    ],
    more: true,
    cause: {
      kind: "code-changed",
      text: "the code changed: recorded with agent 1.4.0 (8d0a), replayed with agent 1.5.0 (77fe).",
    },
  };

  it("reads like this", () => {
    expect(renderDivergence(report)).toMatchInlineSnapshot(`
      "diverged  between 47,000 and 48,000 events
        last match     the snapshot at 47,000 events
        last written   by event 47213, result, user/tool_\\u001b[2Jx, 2026-01-05T12:17:36.583Z
        state          expected 8d0a31000000…  actual 77fe02000000…
        $.tokens.input
          expected  1200
          actual    1201
        $.open[3]
          expected  (missing)
          actual    {id, tool}
        … and more
        cause          the code changed: recorded with agent 1.4.0 (8d0a), replayed with agent 1.5.0
                       (77fe)."
    `);
  });

  it("travels as JSON", () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    const explained = explain(stretch(totals("1.4.0", (value) => value * 3)));
    expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
  });
});
