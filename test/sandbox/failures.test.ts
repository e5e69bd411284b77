// How a session fails: what a program threw is told without running more of it, what cannot go on
// is found at once, and a cancel reaches everything that waits.

import process from "node:process";
import { describe, expect, test } from "vitest";
import { decodeValue } from "../../src/base/index.ts";
import { Play, programOf, steps } from "./play.ts";

describe("failure", () => {
  test("of a call rejects with what the result says, and may be caught", () => {
    const play = new Play(
      steps(`
        try { await ctx.call("pay"); } catch (error) {
          const { name, message, code, data } = error;
          return { done: [error instanceof Error, name, message, code, data] };
        }`),
    );
    play.begin();
    const { ended } = play.failure(1, {
      name: "Declined",
      message: "no",
      code: "E1",
      data: { by: 7 },
    });
    expect(decodeValue(ended?.result as Uint8Array)).toEqual([
      true,
      "Declined",
      "no",
      "E1",
      { by: 7 },
    ]);
  });

  test("of a step is name, message and code, and no stack", () => {
    const { failed } = new Play(
      steps(`throw Object.assign(new RangeError("out"), { code: "LIMIT" });`),
    ).begin();
    expect(failed).toEqual({ name: "RangeError", message: "out", code: "LIMIT", stack: undefined });
  });

  test.each([
    ["a text", "'boom'", "boom"],
    ["nothing", "undefined", "undefined"],
    ["a symbol", "Symbol('x')", "a symbol was thrown"],
    ["an object that throws when it is looked at", "{ get message() { throw 1; } }", ""],
    [
      "a revoked proxy",
      "(() => { const p = Proxy.revocable({}, {}); p.revoke(); return p.proxy; })()",
      "",
    ],
  ])("by throwing %s is a failure as well", (_, thrown, message) => {
    const { failed } = new Play(steps(`throw ${thrown};`)).begin();
    expect(failed).toMatchObject({ name: "Error", message });
  });

  test("of reduce ends the session even if the step catches it", () => {
    const program = programOf(`
      init: () => 0,
      reduce(s, e) { if (e.type === "bad") throw new Error("cannot reduce"); return s; },
      async step(ctx) { try { ctx.emit("bad"); } catch {} return "done"; }`);
    const { failed, operations, ended } = new Play(program).begin();
    expect(failed?.message).toBe("cannot reduce");
    expect(operations).toHaveLength(1);
    expect(ended).toBeUndefined();
  });

  test("folding alone throws PROGRAM_FAILED with the event", () => {
    const program = programOf("init: () => 0, reduce(s, e) { throw new Error('no ' + e.type); }");
    expect(() => new Play(program)).toThrow(
      expect.objectContaining({
        code: "PROGRAM_FAILED",
        message: "reduce of test 1 threw at event 0 (test): no test",
      }),
    );
  });

  test("a promise that is rejected while nobody listens harms nobody", async () => {
    const play = new Play(
      steps(`
        ctx.call("fails");
        (async () => { throw new Error("unheard"); })();
        Promise.reject(1);
        await ctx.waitFor("go");
        return "done";`),
    );
    play.begin();
    expect(play.failure(1, { name: "Error", message: "no" }).failed).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(play.input("go").ended?.next).toBe("done");
  });
});

describe("a call that failed before it was awaited", () => {
  test("is an error for the step that awaits it, and nothing for the process", async () => {
    const seen: unknown[] = [];
    const note = (what: unknown): number => seen.push(what);
    process.on("warning", note);
    process.on("uncaughtException", note);
    const play = new Play(
      steps(`
        const early = ctx.call("early");
        await ctx.waitFor("go");
        try { await early; } catch (error) { return { done: error.message }; }`),
    );
    play.begin();
    play.failure(1, { name: "Error", message: "failed early" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { ended } = play.input("go");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(decodeValue(ended?.result as Uint8Array)).toBe("failed early");
    expect(seen).toEqual([]);
    process.off("warning", note);
    process.off("uncaughtException", note);
  });
});

describe("cancel", () => {
  test("rejects everything pending in the order made, and cleaning up still works", () => {
    const play = new Play(
      steps(`
        const order = [];
        const note = (name) => (error) => {
          order.push([name, error.name, error.code]);
          throw error;
        };
        const waits = [
          ctx.call("a").catch(note("call")),
          ctx.sleep("1d").catch(note("sleep")),
          ctx.waitFor("x", { timeout: "2d" }).catch(note("waitFor")),
          ctx.waitFor("y").catch(note("bare")),
        ];
        try { await Promise.all(waits); } catch (error) {
          await ctx.call("clean up", order);
          throw error;
        }`),
    );
    play.begin();
    const { dropped, operations, waiting } = play.cancel("no longer needed");
    expect(dropped).toEqual([2, 3]);
    expect(decodeValue(operations[0]?.data as Uint8Array)).toEqual({
      input: ["call", "sleep", "waitFor", "bare"].map((name) => [name, "Cancelled", "CANCELLED"]),
    });
    expect(waiting).toEqual({ calls: [5], timers: [], inputs: [] });
    expect(play.result(5, null).failed).toEqual({
      name: "Cancelled",
      message: "cancelled: no longer needed",
      code: "CANCELLED",
      stack: undefined,
    });
  });

  test("that a program does not heed does not stop it", () => {
    const play = new Play(
      steps(`try { await ctx.call("a"); } catch {} await ctx.waitFor("b"); return "done";`),
    );
    play.begin();
    expect(play.cancel().waiting.inputs).toEqual(["b"]);
    expect(play.input("b").ended?.abandoned).toEqual([1]);
  });
});

describe("a step that cannot go on", () => {
  test.each([
    ["waits for nothing", "await new Promise(() => {});"],
    ["waits for what another branch never does", "let go; await new Promise((r) => { go = r; });"],
  ])("%s is stalled at once", (_, body) => {
    expect(new Play(steps(body)).begin().failed).toMatchObject({ code: "STEP_STALLED" });
  });

  test("is stalled as soon as nothing is left that could come", () => {
    const play = new Play(steps(`ctx.call("a"); await new Promise(() => {});`));
    expect(play.begin().failed).toBeUndefined();
    expect(play.result(1, null).failed).toMatchObject({ code: "STEP_STALLED" });
  });

  test("is too long above 4,096 events, also when it catches that", () => {
    const play = new Play(
      programOf(`
        init: () => 0, reduce: (s) => s + 1,
        async step(ctx) {
          for (;;) {
            try { ctx.emit("again"); } catch (e) { if (e.code === "STEP_TOO_LONG") return "done"; }
          }
        }`),
    );
    const { failed, operations } = play.begin();
    expect(operations).toHaveLength(4096);
    expect(failed).toMatchObject({ code: "STEP_TOO_LONG" });
  });
});
