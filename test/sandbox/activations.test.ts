// The activation loop as a context keeps it: one event in, at most one promise resolved, operations
// out in the order made, the same whenever it is done again.

import { describe, expect, test } from "vitest";
import { decodeValue, encodeValue } from "../../src/base/index.ts";
import { ProgramContext } from "../../src/sandbox/index.ts";
import { Play, playOut, programOf, replay, steps } from "./play.ts";

describe("operations", () => {
  test("take the seqs behind the event, and are reduced before the next line", () => {
    const play = new Play(
      steps(`
        ctx.emit("first", { turn: ctx.state.events.length });
        ctx.emit("second", ctx.state.events.at(-1));
        await ctx.call("ask", { about: 1 }, { retries: 2 });
        return "done";`),
    );
    play.begin();
    expect(play.lines(1)).toEqual([
      { kind: "emit", type: "first", ref: null, data: { turn: 1 } },
      { kind: "emit", type: "second", ref: null, data: [1, "emit", "first", { turn: 1 }] },
      {
        kind: "call",
        type: "ask",
        ref: null,
        data: { input: { about: 1 }, options: { retries: 2 } },
      },
    ]);
    play.result(3, "yes");
    expect((play.state() as { events: unknown[][] }).events.map(([seq]) => seq)).toEqual([
      0, 1, 2, 3, 4,
    ]);
  });

  test("what is emitted is copied at once, and what reduce sees is another copy", () => {
    const program = programOf(`
      init: () => ({ kept: [] }),
      reduce(state, event) {
        if (event.kind !== "emit") return state;
          event.data.items.push("reduced");
          state.kept.push(event.data);
        return state;
      },
      async step(ctx) {
        const value = { items: ["made"] };
        ctx.emit("one", value);
        value.items.push("later");
        ctx.emit("two", value);
        const reply = await ctx.call("ask");
        reply.items.push("changed by the step");
        return { done: value.items.length };
      }`);
    const play = new Play(program);
    play.begin();
    const { ended } = play.result(3, { items: [] });
    expect(play.state()).toEqual({
      kept: [{ items: ["made", "reduced"] }, { items: ["made", "later", "reduced"] }],
    });
    expect(decodeValue(ended?.result as Uint8Array)).toBe(2);
  });

  test("of nested all and race come out in one order, whatever order results come in", () => {
    const program = steps(`
      const one = async (name) => {
        const a = await ctx.call(name, 1);
        ctx.emit("got", [name, a]);
        return (await ctx.call(name, 2)) + a;
      };
      const fastest = await Promise.race([one("x"), one("y"), ctx.sleep("1m").then(() => "slept")]);
      ctx.emit("race", fastest);
      const all = await Promise.all([one("p"), Promise.allSettled([one("q"), ctx.call("bad")])]);
      return { done: all };`);
    const play = new Play(program);
    play.begin();
    play.result(2, 20);
    play.result(1, 10);
    play.result(6, 1);
    const [p, q, bad] = play.activation?.waiting.calls.slice(-3) ?? [];
    play.failure(bad as number, { name: "Error", message: "no" });
    play.result(q as number, 5);
    play.result(p as number, 6);
    expect(replay(play)).toMatch(/^[0-9a-f]{64}$/);
    expect(play.made()).toMatchInlineSnapshot(`
      [
        "call x {"input":1}",
        "call y {"input":1}",
        "timer set {"due":1700000060000}",
        "emit got ["y",20]",
        "call y {"input":2}",
        "emit got ["x",10]",
        "call x {"input":2}",
        "emit race 21",
        "call p {"input":1}",
        "call q {"input":1}",
        "call bad {}",
        "emit got ["q",5]",
        "call q {"input":2}",
        "emit got ["p",6]",
        "call p {"input":2}",
      ]
    `);
  });
});

describe("a step that ends", () => {
  test("lists the calls it abandons and the inputs nobody took", () => {
    const play = new Play(
      steps(`
        const slow = ctx.call("slow");
        ctx.call("slower").catch(() => {});
        await ctx.waitFor("go");
        return "continue";`),
    );
    play.begin();
    play.input("other", 1);
    play.input("more", 2);
    const { ended } = play.input("go");
    expect(ended).toMatchObject({ next: "continue", abandoned: [1, 2], unread: [3, 4] });
  });

  test("hears nothing of a late result, which is reduced and that is all", () => {
    const play = new Play(steps(`ctx.call("late"); await ctx.waitFor("go"); return "continue";`));
    play.begin();
    play.input("go");
    play.next();
    const { operations, waiting } = play.result(1, "too late");
    expect(operations).toEqual([]);
    expect(waiting).toEqual({ calls: [4], timers: [], inputs: ["go"] });
    expect(play.state()).toMatchObject({
      events: expect.arrayContaining([[5, "result", "late", { value: "too late" }]]),
    });
  });

  test("takes its ctx with it: branches that go on can do nothing more", () => {
    const play = new Play(
      steps(`
        const failed = [];
        const branch = async () => {
          await null; await null; await null;
          const uses = [() => ctx.emit("x"), () => ctx.call("x"), () => ctx.now(), () => ctx.state];
          for (const use of uses)
            try { use(); ctx.emit("worked"); } catch (error) { failed.push(error.code); }
        };
        branch();
        return "continue";`),
    );
    const { operations, ended } = play.begin();
    expect(operations).toEqual([]);
    expect(ended?.next).toBe("continue");
  });

  test.each([
    ["nothing", "", /step returned undefined: return "continue"/],
    ["a word", 'return "finished";', /step returned "finished"/],
    ["a result that is no data", "return { done: () => 1 };", /a function at \$ cannot be kept/],
  ])("by returning %s fails the session", (_, body, message) => {
    const { failed } = new Play(steps(body)).begin();
    expect(failed?.message).toMatch(message);
  });

  test("may also be a plain function", () => {
    const program = programOf("init: () => 0, reduce: (s) => s + 1, step: () => 'done'");
    expect(new Play(program).begin().ended).toMatchObject({ next: "done", result: undefined });
  });
});

describe("waitFor", () => {
  test("takes the oldest input of its types, also one that came before", () => {
    const play = new Play(
      steps(`
        await ctx.call("first");
        const got = [];
        for (let i = 0; i < 3; i++) got.push(await ctx.waitFor(["a", "b"]));
        return { done: got };`),
    );
    play.begin();
    play.input("b", 1);
    play.input("c", 2);
    play.input("a", 3);
    expect(play.result(1, null).waiting.inputs).toEqual(["a", "b"]);
    const { ended } = play.input("b", 4);
    expect(decodeValue(ended?.result as Uint8Array)).toMatchObject([
      { type: "b", data: 1, seq: 2 },
      { type: "a", data: 3, seq: 4 },
      { type: "b", data: 4, seq: 6 },
    ]);
    expect(ended?.unread).toEqual([3]);
  });

  test("takes what the step before left unread", () => {
    const play = new Play(
      steps(`
        if (ctx.state.turn === 0) { await ctx.waitFor("go"); return "continue"; }
        const { data } = await ctx.waitFor("kept");
        return { done: data };`),
    );
    play.begin();
    play.input("kept", "still here");
    play.input("go");
    expect(decodeValue(play.next().ended?.result as Uint8Array)).toBe("still here");
  });

  test("with a timeout makes a timer, which an answer in time drops", () => {
    const play = new Play(
      steps(`
        const first = await ctx.waitFor("a", { timeout: "1h30m" });
        ctx.emit("first", first?.data);
        const second = await ctx.waitFor("a", { timeout: 500 });
        return { done: second };`),
    );
    const { waiting } = play.begin();
    const due = play.time + 90 * 60_000;
    expect(waiting).toEqual({ calls: [], timers: [{ seq: 1, due }], inputs: ["a"] });
    const answered = play.input("a", "in time");
    expect(answered.dropped).toEqual([1]);
    expect(answered.waiting.timers).toEqual([{ seq: 4, due: play.time + 500 }]);
    // The timer that was dropped comes all the same: nobody is there for it.
    expect(play.fire(1).ended).toBeUndefined();
    expect(decodeValue(play.fire(4).ended?.result as Uint8Array)).toBeNull();
  });

  test("of two waiters for one type the older one is served", () => {
    const play = new Play(
      steps(`
        const [a, b] = await Promise.all([ctx.waitFor("x"), ctx.waitFor("x")]);
        return { done: [a.data, b.data] };`),
    );
    play.begin();
    play.input("x", 1);
    expect(decodeValue(play.input("x", 2).ended?.result as Uint8Array)).toEqual([1, 2]);
  });
});

describe("time", () => {
  test("is that of the newest event from outside and never goes back", () => {
    const play = new Play(
      steps(`
        ctx.emit("t", [ctx.now(), Date.now(), new Date().getTime()]);
        await ctx.call("a");
        ctx.emit("t", [ctx.now(), Date.now(), new Date().getTime()]);
        await ctx.sleep("2s");
        return "done";`),
    );
    const start = play.time;
    play.begin();
    play.time -= 60_000;
    const { operations, now } = play.result(2, null);
    expect(now).toBe(start);
    expect(operations.map(({ time }) => time)).toEqual([start, start]);
    expect(play.lines(4)[0]?.data).toEqual([start, start, start]);
    expect(play.lines(5)[0]?.data).toEqual({ due: start + 2000 });
  });

  test("in a reducer is that of the event being reduced, however it is folded", () => {
    const program = programOf(`
      init: (first) => [Date.now() - first.time],
      reduce: (state, event) => [...state, Date.now() - event.time],
      async step(ctx) { ctx.emit("x"); await ctx.call("y"); return "done"; }`);
    const play = new Play(program);
    play.begin();
    play.time -= 5_000;
    play.result(2, null);
    expect(play.state()).toEqual([0, 0, 0, 0, 0]);
  });

  test.each([
    ['"soon"', /"soon" is no span of time/],
    ['"5 minutes"', /no span of time/],
    ['""', /no span of time/],
    ["-1", /-1 is no span of time/],
    ["NaN", /NaN is no span/],
    ["{}", /of type object is no span/],
  ])("a span of %s is refused", (span, message) => {
    const play = new Play(steps(`await ctx.sleep(${span}); return "done";`));
    expect(play.begin().failed?.message).toMatch(message);
  });
});

describe("randomness", () => {
  const program = steps(`
    ctx.emit("drawn", [ctx.random(), Math.random(), ctx.uuid()]);
    await ctx.waitFor("go");
    return "continue";`);

  test("is the same for the same step, and another for every step", () => {
    const [one, two] = [new Play(program), new Play(program)];
    expect(one.begin().operations[0]?.data.slice()).toEqual(
      two.begin().operations[0]?.data.slice(),
    );
    one.input("go");
    one.next();
    const drawn = one.lines().filter(({ type }) => type === "drawn");
    expect(drawn[0]?.data).not.toEqual(drawn[1]?.data);
    expect(String((drawn[0]?.data as string[] | undefined)?.[2])).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
  });

  test("is refused in reducers, which are folded without the step around them", () => {
    const leaking = programOf(`
      init: () => 0,
      reduce: (s, e) => (e.kind === "emit" ? Math.random() : s),
      async step(ctx) { ctx.emit("x"); return "done"; }`);
    expect(new Play(leaking).begin().failed?.message).toMatch(
      /`init` and `reduce` have no randomness/,
    );
  });
});

describe("logs", () => {
  test("are no events: errors and what is no data become texts", () => {
    const play = new Play(
      steps(`ctx.log("a", { b: 1 }, new TypeError("c"), () => 1, ctx.state.turn); return "done";`),
    );
    const { logs, operations } = play.begin();
    expect(operations).toEqual([]);
    expect(logs.map((log) => decodeValue(log))).toEqual([
      ["a", { b: 1 }, { name: "TypeError", message: "c" }, "(function that is no plain data)", 0],
    ]);
  });
});

describe("a context", () => {
  const program = steps(`
    const found = await ctx.call("look", { turn: ctx.state.turn });
    ctx.emit("found", [found, ctx.random()]);
    await ctx.sleep(ctx.random() * 1000);
    return ctx.state.turn < 20 ? "continue" : { done: ctx.state.turn };`);

  test("does the same again out of the bytes of its state, in any number of contexts", () => {
    const play = playOut(program, (name, input) => ({ name, input }));
    expect(play.lines().length).toBeGreaterThan(100);
    expect(replay(play)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("can be folded to any step and go on from there", () => {
    const play = playOut(program, (_, input) => input);
    const boundary = play.events.findLastIndex(({ kind }) => kind === "step");
    const context = ProgramContext.create(program);
    const [trigger] = play.events;
    if (!trigger) throw new Error("no trigger");
    context.init(trigger);
    for (const event of play.events.slice(0, boundary + 1)) context.fold(event);
    context.setInbox([], (play.events[boundary] as { time: number }).time);
    const again = ProgramContext.create(program);
    again.restore(context.snapshot());
    expect(again.snapshot()).toEqual(context.snapshot());
  });

  test("shows a JSON payload, plain bytes and large texts as they are", () => {
    const context = ProgramContext.create(
      programOf("init: (e) => [e.data], reduce: (s, e) => [...s, e.data, e.ref]"),
    );
    const header = { time: 1, kind: "input", type: "x", ref: null } as const;
    const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
    const text = `${"long ascii ".repeat(100)} ünïcödé 👩‍🚀 ${"\ud800"}`;
    context.init({ ...header, seq: 0, form: "json", payload: utf8('{"a":[1,"é"],"__proto__":2}') });
    context.fold({ ...header, seq: 1, form: "bytes", payload: new Uint8Array([1, 2, 3]) });
    context.fold({
      ...header,
      seq: 2,
      ref: 0,
      form: "cbor",
      payload: encodeValue({ text, n: 10n ** 30n }),
    });
    const [json, bytes, , value] = decodeValue(context.snapshot()) as unknown[];
    expect(JSON.stringify(json)).toBe('{"a":[1,"é"],"__proto__":2}');
    expect(bytes).toEqual(new Uint8Array([1, 2, 3]));
    expect(value).toEqual({ text, n: 10n ** 30n });
  });

  test("says where a state is no plain data, or too large", () => {
    const bad = ProgramContext.create(
      programOf("init: () => ({ list: [{ at: new Date(0) }] }), reduce: (s) => s"),
    );
    const trigger = {
      seq: 0,
      time: 1,
      kind: "trigger",
      type: "x",
      ref: null,
      form: "cbor",
    } as const;
    bad.init({ ...trigger, payload: encodeValue(null) });
    expect(() => bad.snapshot()).toThrow(
      expect.objectContaining({
        code: "STATE_UNSUPPORTED",
        message: expect.stringContaining("an instance of Date at $.list[0].at"),
      }),
    );
    const large = ProgramContext.create(
      programOf("init: () => new Uint8Array(65 * 1024 * 1024), reduce: (s) => s"),
    );
    large.init({ ...trigger, payload: encodeValue(null) });
    expect(() => large.snapshot()).toThrow(expect.objectContaining({ code: "STATE_TOO_LARGE" }));
  });

  test("is of no use after dispose, and its successor knows nothing of it", () => {
    const counting = programOf(
      "init: () => 0, reduce: (s) => { seen.n += 1; return seen.n; }",
      "const seen = { n: 0 };",
    );
    const states = [1, 2, 3].map(() => {
      const play = new Play(counting);
      const state = play.state();
      play.context.dispose();
      expect(() => play.state()).toThrow(expect.objectContaining({ code: "BUG" }));
      return state;
    });
    expect(states).toEqual([1, 1, 1]);
  });
});
