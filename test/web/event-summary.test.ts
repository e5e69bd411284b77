// What an event says on one line: known shapes in words, everything else as its beginning.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventObject } from "../../src/client/index.ts";
import { eventSummary } from "../../src/web/event-summary.ts";

function summaryOf(data: unknown, kind: EventObject["kind"] = "emit") {
  return eventSummary({ seq: 0, time: 0, kind, type: "x", ref: null, data });
}

describe("the summary of an event", () => {
  it("has the words of a message, and who says them", () => {
    for (const [data, text] of [
      [{ role: "user", text: "hello\nthere" }, "user: hello there"],
      [{ message: { role: "user", content: "hi" } }, "user: hi"],
      [
        {
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
        },
        "a · b",
      ],
      [{ message: { content: [{ type: "thinking", thinking: "hm" }] } }, "(thinking) hm"],
      [{ content: [{ type: "tool_use", name: "Bash", input: { c: "ls" } }] }, 'Bash {"c":"ls"}'],
      [{ payload: { type: "function_call", name: "shell", arguments: "{}" } }, "shell {}"],
      ["just text", "just text"],
      [{ n: 1, flag: null }, '{"n":1,"flag":null}'],
      [{}, ""],
    ] as const) {
      expect(summaryOf(data).text).toBe(text);
    }
  });

  it("writes what JSON has no form for", () => {
    for (const [data, text] of [
      [2n ** 64n, "18446744073709551616n"],
      [{ n: 12n }, '{"n":"12n"}'],
      [new Uint8Array(3000), "3.00 kB"],
      [{ key: new Uint8Array([1, 2]) }, '{"key":"2 B"}'],
    ] as const) {
      expect(summaryOf(data).text).toBe(text);
    }
  });

  it("leaves out what only wraps", () => {
    expect(summaryOf({ input: { order: "A" } }, "call").text).toBe('{"order":"A"}');
    expect(summaryOf({ value: { order: "A" } }, "result").text).toBe('{"order":"A"}');
  });

  it("says what failed", () => {
    const error = { name: "TypeError", message: "no such order" };
    expect(summaryOf({ error }, "result")).toEqual({
      text: "TypeError: no such order",
      failed: true,
    });
    expect(summaryOf({ error }, "emit").failed).toBe(false);
  });

  it("says how large a payload is that lies elsewhere", () => {
    const blob = { sha256: "0".repeat(64), size: 12_345 };
    const event = {
      seq: 0,
      time: 0,
      kind: "emit",
      type: "x",
      ref: null,
      form: "json",
      blob,
    } as const;
    expect(eventSummary(event).text).toBe("12.3 kB of json");
  });

  it("is short and there for anything, however deep or large", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 5000; i++) deep = { content: [deep] };
    const large = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, "y"]));
    for (const data of [deep, large, { text: "z".repeat(1e6) }]) {
      expect(summaryOf(data).text.length).toBeLessThanOrEqual(201);
    }
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom("emit", "call", "result", "end"),
        (data, kind) => {
          expect(summaryOf(data, kind).text.length).toBeLessThanOrEqual(201);
        },
      ),
    );
  });
});
