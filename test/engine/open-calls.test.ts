// Calls that are being carried out: what of them reaches their session, and what never does.

import { expect, test } from "vitest";
import { decodeValue, encodeValue, ReachError } from "../../src/base/index.ts";
import { type CallEvents, OpenCalls } from "../../src/engine/open-calls.ts";
import { checkEventHeader } from "../../src/event/index.ts";
import { effectsOf, type TestEffect } from "./running.ts";

const id = "0197f000-0000-7000-8000-000000000001";
const call = { kind: "call", type: "work", time: 1, data: encodeValue({ input: 1 }) } as const;

/** Calls whose events are kept; `durable` is when the call of seq 1 is. */
function started(
  work: TestEffect,
  durable: Promise<void>,
): { told: unknown[][]; calls: OpenCalls } {
  const told: unknown[][] = [];
  const events: CallEvents = {
    onStart: () => {},
    onResult: (...result) => told.push(["result", ...result]),
    onNote: (...note) => told.push(["note", ...note]),
  };
  const calls = new OpenCalls(id, effectsOf({ work }), events);
  calls.startMade([call], [{ seq: 1, durable }]);
  return { told, calls };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test("a call that the log did not take is not carried out, and no failed effect", async () => {
  let runs = 0;
  const lost = Promise.reject(new ReachError("DISK_FULL", "no room"));
  const { told } = started(() => {
    runs += 1;
  }, lost);
  await settled();
  expect([runs, told]).toEqual([0, []]);
});

test("a note always fits into an event, and never fails its call", async () => {
  const { told } = started((_, { note }) => {
    note("raw", "x".repeat(1_200_000));
    note("\u00e9".repeat(200), 1);
    note("a\ud800", () => {});
    note({} as string, "fine");
    return "done";
  }, Promise.resolve());
  await settled();
  expect(told).toHaveLength(5);
  for (const [kind, type, ref, data] of told.slice(0, 4) as [
    string,
    string,
    number,
    Uint8Array,
  ][]) {
    expect([kind, ref]).toEqual(["note", 1]);
    expect(() => checkEventHeader({ seq: 2, time: 1, kind: "note", type, ref })).not.toThrow();
    expect(data.length).toBeLessThan(1000);
  }
  expect(decodeValue((told[0] as unknown[])[3] as Uint8Array)).toEqual({
    unreadable: "1200005 bytes, and a note has at most 65536",
  });
  expect(told[1]?.[1]).toBe("\u00e9".repeat(85));
  expect(told[4]?.slice(0, 3)).toEqual(["result", 1, "work"]);
});
