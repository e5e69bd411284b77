// Open calls are remembered, but never more of them than memory is meant for.

import { expect, it } from "vitest";
import { OpenCalls, openCallsMax } from "../../src/importers/calls.ts";

it("a result finds its call by any of its ids", () => {
  const calls = new OpenCalls();
  calls.open("a", 3);
  calls.open(["b", "c"], 7);
  expect(calls.seqOf("a")).toBe(3);
  expect(calls.seqOf("c")).toBe(7);
  expect(calls.seqOf(["x", "b"])).toBe(7);
  expect(calls.seqOf("x")).toBeNull();
  expect(calls.seqOf([])).toBeNull();
});

it("an id that is used again means the newer call", () => {
  const calls = new OpenCalls();
  calls.open("a", 1);
  calls.open("a", 2);
  expect(calls.seqOf("a")).toBe(2);
});

it("of too many ids the oldest are forgotten", () => {
  const calls = new OpenCalls();
  for (let seq = 0; seq < openCallsMax; seq++) calls.open(`call ${seq}`, seq);
  calls.open("call 0", openCallsMax);
  calls.open("one more", openCallsMax + 1);
  expect(calls.seqOf("call 0")).toBe(openCallsMax);
  expect(calls.seqOf("call 1")).toBeNull();
  expect(calls.seqOf("call 2")).toBe(2);
});

it("an id of unreasonable length is not kept", () => {
  const calls = new OpenCalls();
  calls.open("x".repeat(1000), 1);
  expect(calls.seqOf("x".repeat(1000))).toBeNull();
});
