// What is pure in the comparison with the peers: the command line, the history that Temporal
// replays, what is measured beside what, and how answers are taken apart.

import { describe, expect, it } from "vitest";
import { measuredRows } from "../../tools/perf/peers/comparison.ts";
import { answerTo, fanOut } from "../../tools/perf/peers/fan-out-shape.ts";
import { requestOf } from "../../tools/perf/peers/request.ts";
import { rowOf, rows } from "../../tools/perf/peers/rows.ts";
import { itemsOf } from "../../tools/perf/peers/stores/streams.ts";
import { markdownTable } from "../../tools/perf/peers/tables.ts";
import {
  eventsOf,
  type HistoryEvent,
  temporalHistory,
  turnsFor,
} from "../../tools/perf/peers/temporal-history.ts";

describe("the command line of perf:peers", () => {
  it("measures everything five times when nothing is said", () => {
    expect(requestOf([])).toMatchObject({ only: rows, rounds: 5, events: 100_000 });
  });

  it("takes what it is given", () => {
    const args = ["--rounds=3", "--only", "lmdb", "--only", "temporal", "--json", "out.json"];
    const request = requestOf([...args, "--events", "500", "--work", "/data"]);
    expect(request).toMatchObject({ rounds: 3, events: 500, json: "out.json", work: "/data" });
    expect((request as { only: unknown }).only).toEqual([rowOf("lmdb"), rowOf("temporal")]);
  });

  it.each([
    [["--rounds", "0"], "--rounds 0: give a whole number above 0"],
    [["--rounds", "many"], "--rounds many: give a whole number above 0"],
    [["--events", "1e3"], "--events 1e3: give a whole number above 0"],
    [["--only", "postgres"], "--only postgres: nothing is called so; there are floor reach"],
    [["--colour"], "Unknown option '--colour'"],
    [["lmdb"], "Unexpected argument 'lmdb'"],
    [["--help"], "usage: npm run perf:peers"],
  ])("says what is wrong with %j", (args, answer) => {
    expect(requestOf(args)).toContain(answer);
  });
});

describe("what is measured", () => {
  const names = (...only: string[]): string[] =>
    measuredRows(only.map(rowOf)).map(({ name }) => name);

  it("always has Reach beside it, and the floor beside stores", () => {
    expect(names("lmdb")).toEqual(["floor", "reach", "lmdb"]);
    expect(names("durable-streams")).toEqual(["reach-http", "durable-streams"]);
    expect(names("reach")).toEqual(["floor", "reach"]);
    expect(names("temporal")).toEqual([]);
  });

  it("has a word on every promise of every store", () => {
    for (const { kind, promises } of rows) {
      if (kind === "replay") continue;
      expect(Object.values(promises ?? {}).filter((text) => text !== "")).toHaveLength(5);
    }
  });
});

describe("the history that Temporal replays", () => {
  const plan = { turns: 3, width: 4 };
  const { events } = temporalHistory(plan);
  const typed = (type: string): HistoryEvent[] =>
    events.filter(({ eventType }) => eventType === `EVENT_TYPE_${type}`);
  const attributes = (event: HistoryEvent, name: string): Record<string, unknown> =>
    event[`${name}EventAttributes`] as Record<string, unknown>;

  it("has as many events as it says, numbered from 1, and is never longer than asked for", () => {
    expect(events).toHaveLength(eventsOf(plan));
    expect(events.map(({ eventId }) => Number(eventId))).toEqual(events.map((_, i) => i + 1));
    for (const most of [10_000, 50_000]) {
      const fits = eventsOf({ turns: turnsFor(most, fanOut), width: fanOut });
      expect(fits).toBeLessThanOrEqual(most);
      expect(fits).toBeGreaterThan(most - 50);
    }
    expect(() => turnsFor(60_000, fanOut)).toThrow("51200");
  });

  it("carries the flags without which the SDK compares less", () => {
    const [first] = typed("WORKFLOW_TASK_COMPLETED");
    const { sdkMetadata } = attributes(first as HistoryEvent, "workflowTaskCompleted");
    expect(sdkMetadata).toMatchObject({ coreUsedFlags: expect.arrayContaining([1]) });
  });

  it("schedules, starts and completes every activity once, in this order", () => {
    const activities = plan.turns * (1 + plan.width);
    expect(typed("ACTIVITY_TASK_SCHEDULED")).toHaveLength(activities);
    const answered = typed("ACTIVITY_TASK_COMPLETED").map((event) => {
      const about = attributes(event, "activityTaskCompleted");
      const scheduled = Number(about["scheduledEventId"]);
      const started = Number(about["startedEventId"]);
      expect(events[scheduled - 1]?.eventType).toBe("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED");
      expect(scheduled).toBeLessThan(started);
      expect(started).toBeLessThan(Number(event.eventId));
      return scheduled;
    });
    expect(new Set(answered).size).toBe(activities);
  });

  it("answers with what Reach's effects answer, and ends with their length", () => {
    const results = typed("ACTIVITY_TASK_COMPLETED").map((event) =>
      valueOf(attributes(event, "activityTaskCompleted")["result"]),
    );
    expect(results[0]).toEqual(answerTo(0, -1));
    expect(results[1]).toEqual(answerTo(0, 0));
    const texts = results.map((result) => (result as { text: string }).text);
    const end = attributes(events.at(-1) as HistoryEvent, "workflowExecutionCompleted");
    expect(valueOf(end["result"])).toBe(texts.join("").length);
  });
});

function valueOf(payloads: unknown): unknown {
  const [payload] = (payloads as { payloads: { data: string }[] }).payloads;
  return JSON.parse(Buffer.from(payload?.data ?? "", "base64").toString());
}

it("an array of messages is taken apart into the bytes that were sent", () => {
  const items = ['{"a": "}],{"}', '{"b":[1,{"c":"\\\\\\""}]}', '{"d":"é"}'];
  const body = Buffer.from(`[${items.join(",")}]`);
  expect([...itemsOf(body)].map(String)).toEqual(items);
  expect([...itemsOf(Buffer.from("[]"))]).toEqual([]);
});

it("a table has its columns under each other", () => {
  expect(
    markdownTable([
      ["a", "b"],
      ["long", ""],
    ]),
  ).toBe("| a    | b |\n|------|---|\n| long |   |\n");
});
