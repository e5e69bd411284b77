// Nothing from outside is reachable in a context, and nothing in it can be changed that outlives
// the program: seen from inside, by walking everything that a program can get hold of.

import { setFlagsFromString } from "node:v8";
import { describe, expect, test } from "vitest";
import { decodeValue } from "../../src/base/index.ts";
import { Play, programOf, steps } from "./play.ts";

/**
 * Walks all that hangs on `roots`; names what can still be changed, and what is of another
 * realm.
 */
const walker = `
  const walk = (roots) => {
    const seen = new Set(); const open = []; const foreign = [];
    const queue = Object.entries(roots).map(([name, value]) => [name, value]);
    while (queue.length > 0) {
      const [path, value] = queue.pop();
      if ((typeof value !== "object" && typeof value !== "function") || value === null) continue;
      if (seen.has(value)) continue;
      seen.add(value);
      if (!Object.isFrozen(value)) open.push(path);
      const own = typeof value === "function"
        ? value instanceof Function || value === Function.prototype
        : Object.getPrototypeOf(value) === null || value instanceof Object;
      if (!own) foreign.push(path);
      const proto = Object.getPrototypeOf(value);
      queue.push([path + ".__proto__", proto]);
      for (const key of Reflect.ownKeys(value)) {
        const found = Object.getOwnPropertyDescriptor(value, key);
        const name = path + "." + String(key);
        if ("value" in found) queue.push([name, found.value]);
        else queue.push([name + ".get", found.get], [name + ".set", found.set]);
      }
    }
    return { open, foreign, count: seen.size };
  };`;

/** Errors, by how a program comes by them. */
const caught = `
  const thrown = (work) => {
    try { work(); } catch (error) { return error; }
    throw new Error("nothing thrown");
  };
  const deep = () => deep();
  const errorsOf = (ctx) => ({
    overflow: thrown(deep),
    overflowInCtx: thrown(() => { const dive = () => { ctx.now(); dive(); }; dive(); }),
    overflowInEncoder: thrown(() => { const dive = () => { ctx.log([[1]]); dive(); }; dive(); }),
    overflowInView: thrown(() => {
      const dive = () => { Object.keys(ctx.state); dive(); };
      dive();
    }),
    undefinedMember: thrown(() => null.x),
    readOnly: thrown(() => { ctx.state.n = 1; }),
    unsupported: thrown(() => ctx.emit("x", () => 1)),
    cycle: thrown(() => { const a = {}; a.a = a; ctx.emit("x", a); }),
    range: thrown(() => new Array(-1)),
    json: thrown(() => JSON.parse("{")),
    uri: thrown(() => decodeURIComponent("%")),
    frozen: thrown(() => { Object.prototype.x = 1; }),
    global: thrown(() => { globalThis.x = 1; }),
    code: thrown(() => Function("return 1")),
    evaluated: thrown(() => (0, eval)("1")),
    generated: thrown(() => (function* () {}).constructor("yield 1")),
    asynchronous: thrown(() => (async () => {}).constructor("1")),
    symbolName: (() => {
      const e = new Error("x");
      e.name = Symbol("x");
      return [e.stack, thrown(() => String(e))];
    })(),
    badDate: thrown(() => new Date(NaN).toISOString()),
    locale: thrown(() => "a".localeCompare("b")),
    regexp: thrown(() => new RegExp("(")),
    symbol: thrown(() => "" + Symbol("x")),
    span: thrown(() => ctx.sleep("soon")),
  });`;

function resultOf(play: Play): unknown {
  const { ended, failed } = play.activation ?? {};
  if (failed) throw new Error(`${failed.name}: ${failed.message}`);
  return ended?.result && decodeValue(ended.result);
}

describe("what a program can reach", () => {
  const program = programOf(
    `init: () => ({ n: 0, deep: { list: [1] } }),
     reduce(state, event) { if (event.type === "look") { found.event = event; } return state; },
     async step(ctx) {
       ctx.emit("look", { a: [1, new Uint8Array(2)] });
       const failedCall = await ctx.call("fails").catch((error) => error);
       const cancelled = await ctx.sleep("1d").catch((error) => error);
       const errors = errorsOf(ctx);
       const instances = { ...errors, failedCall, cancelled };
       const roots = { globalThis, ctx, event: found.event };
       for (const [name, value] of Object.entries(instances)) {
         roots[name] = Array.isArray(value) ? undefined : Object.getPrototypeOf(value);
         roots[name + " constructor"] = value.constructor;
         for (const key of Reflect.ownKeys(value)) {
           const member = Object.getOwnPropertyDescriptor(value, key).value;
           if (typeof member === "function") roots[name + "." + String(key)] = member;
         }
       }
       const values = {
         promise: ctx.call("x"), view: ctx.state.deep, bytes: structuredClone(new Uint8Array(1)),
         it: [][Symbol.iterator](), gen: (function* () {})(), agen: (async function* () {})(),
         matches: "a".matchAll(/a/g), args: (function () { return arguments; })(),
       };
       for (const [name, value] of Object.entries(values)) {
         const proto = Object.getPrototypeOf(value);
         roots[name] = name === "gen" || name === "agen" ? Object.getPrototypeOf(proto) : proto;
       }
       return { done: walk(roots) };
     }`,
    `const found = {}; ${walker} ${caught}`,
  );

  test("is frozen, all of it, and of its own realm", () => {
    const play = new Play(program);
    play.begin();
    play.failure(2, { name: "Declined", message: "no" });
    play.cancel();
    const { open, foreign, count } = resultOf(play) as {
      open: string[];
      foreign: string[];
      count: number;
    };
    expect(count).toBeGreaterThan(500);
    expect(foreign).toEqual([]);
    // The event is an object of the program's own, for as long as it keeps it.
    expect(open).toEqual(["event"]);
  });

  test("leads to no process by any constructor", () => {
    const attempts = steps(
      `const errors = errorsOf(ctx);
       const escapes = [];
       const tried = (name, value) => {
         for (let i = 0, at = value; i < 5 && at !== undefined && at !== null; i++) {
           try {
             const process = at.constructor.constructor("return process")();
             if (process) escapes.push(name);
           } catch {}
           at = Object.getPrototypeOf(Object(at));
         }
       };
       for (const [name, value] of Object.entries(errors)) tried(name, value);
       for (const name of Object.getOwnPropertyNames(globalThis)) tried(name, globalThis[name]);
       const methods = Reflect.ownKeys(Object.getPrototypeOf(ctx));
       for (const name of methods) tried(String(name), ctx[name]);
       tried("state", ctx.state); tried("promise", ctx.call("x"));
       return { done: escapes };`,
      caught,
    );
    const play = new Play(attempts);
    play.begin();
    expect(resultOf(play)).toEqual([]);
  });

  test("asks nobody for a stack: none is collected, whatever an error looks like", () => {
    const play = new Play(
      steps(`
        const error = new Error("x");
        const boxed = { __proto__: Error.prototype };
        class Named extends Error { get name() { throw new Error("looked at"); } }
        return { done: [typeof error.stack, typeof boxed.stack, typeof new Named().stack,
          typeof Error.captureStackTrace, Error.stackTraceLimit, Error.prepareStackTrace,
          Reflect.set(Error, "stackTraceLimit", 10),
          Reflect.set(Error, "prepareStackTrace", () => 1)] };`),
    );
    play.begin();
    expect(resultOf(play)).toEqual([
      ...new Array(4).fill("undefined"),
      undefined,
      undefined,
      false,
      false,
    ]);
  });
});

describe("while a program is loaded for the first time", () => {
  /** What the code says of a context that no program has been in: it fails loading, with that. */
  function saidLoading(code: string): string {
    try {
      programOf("", `${walker} throw new Error(JSON.stringify(${code}));`);
    } catch (error) {
      const [, said] = /loaded: Error: (.*)$/.exec((error as Error).message) ?? [];
      return said ?? String(error);
    }
    throw new Error("it was loaded");
  }

  test("nothing can be added to anything but the global object", () => {
    const values = `{
      it: [][Symbol.iterator](), map: new Map().keys(), set: new Set().keys(),
      characters: ""[Symbol.iterator](), matches: "a".matchAll(/a/g), found: /a/d.exec("a"),
      gen: (function* () {}).prototype, agen: (async function* () {}).prototype,
      genFunction: function* () {}, agenFunction: async function* () {},
      asyncFunction: async () => {}, promise: (async () => {})(), bytes: new Uint8Array(1),
      args: (function () { return arguments; })(), copied: structuredClone({}),
    }`;
    const prototypes = `Object.fromEntries(Object.entries(${values}).map(
      ([name, value]) => [name, Object.getPrototypeOf(value)]))`;
    expect(saidLoading(`walk({ globalThis, ...${prototypes} }).open`)).toBe('["globalThis"]');
  });
});

describe("globals", () => {
  const absent = (
    "process require module exports console performance queueMicrotask setTimeout setInterval " +
    "setImmediate clearTimeout fetch Buffer URL TextEncoder AbortController crypto navigator " +
    "WebAssembly SharedArrayBuffer Atomics WeakRef FinalizationRegistry Intl " +
    "Iterator Float16Array " +
    "ShadowRealm escape global self window"
  ).split(" ");

  test.each(absent)("%s is not there", (name) => {
    const play = new Play(steps(`return { done: [typeof ${name}, "${name}" in globalThis] };`));
    play.begin();
    expect(resultOf(play)).toEqual(["undefined", false]);
  });

  test.each([
    ["setTimeout(() => {}, 1)", "setTimeout is not defined in a program: use `await ctx.sleep(…)`"],
    ["console.log(1)", "console is not defined in a program: use `ctx.log(…)`"],
    ["fetch('x')", 'fetch is not defined in a program: use `await ctx.call("http.fetch", …)`'],
    ["process.env.HOME", /settings belong into the input/],
    ["new WeakRef({})", /garbage collector/],
    ["new Intl.NumberFormat()", /format where it is shown/],
    ["unheardOf()", "unheardOf is not defined"],
  ])("%s fails and says what to use instead", (code, message) => {
    const { failed } = new Play(steps(`${code}; return "done";`)).begin();
    expect(failed?.name).toBe("ReferenceError");
    expect(failed?.message).toMatch(message);
  });

  test.each([
    ["eval('1')", /cannot make code out of text/],
    ["new Function('return 1')()", /cannot make code out of text/],
    ["(async () => {}).constructor('1')", /cannot make code out of text/],
    ["(1.5).toLocaleString()", /depends on the language of the machine/],
    ["new Date(0).toLocaleDateString()", /depends on the language of the machine/],
    ["[1].toLocaleString()", /depends on the language of the machine/],
    ["'a'.localeCompare('b')", /compare with < and >/],
    ["Array.prototype.extra = 1", /not extensible|read only|read-only/],
    ["globalThis.extra = 1", /not extensible/],
    ["Object.prototype.toString = () => 'x'", /toString of a built-in object cannot be changed/],
    ["Error.prototype.name = 'x'", /name of a built-in object cannot be changed/],
    ["Array.prototype.map = null", /read only/],
    ["Math.max = null", /read only/],
  ])("%s fails", (code, message) => {
    const { failed } = new Play(steps(`${code}; return "done";`)).begin();
    expect(failed?.message).toMatch(message);
  });

  test.each([
    ["on what it inherits from", "const on = Object.getPrototypeOf(globalThis);"],
    ["in place of that", "const on = {}; Object.setPrototypeOf(globalThis, on);"],
    ["on itself, without that", "const on = globalThis; Object.setPrototypeOf(globalThis, null);"],
    ["on Object.prototype", "const on = Object.prototype;"],
  ])("keep nothing for the next session that was left %s", (_, code) => {
    const program = steps(
      "return { done: mine };",
      `
      ${code}
      let mine = globalThis.left === undefined;
      try { on.left = "something"; } catch {}
    `,
    );
    for (let again = 0; again < 3; again++) {
      const play = new Play(program);
      play.begin();
      expect(resultOf(play)).toBe(true);
      play.context.dispose();
    }
  });

  test("may be added while a program is loaded, and no later", () => {
    const program = steps(
      "return { done: [added, Object.isFrozen(globalThis)] };",
      "globalThis.added = 7;",
    );
    for (let again = 0; again < 3; again++) {
      const play = new Play(program);
      play.begin();
      expect(resultOf(play)).toEqual([7, true]);
      play.context.dispose();
    }
  });
});

describe("what programs commonly do", () => {
  test.each([
    [
      "class E extends Error { constructor(m) { super(m); this.name = 'E'; " +
        "} } x = new E('m'); x = [x.name, x.message, String(x)]",
      ["E", "m", "E: m"],
    ],
    [
      "x = {}; x.toString = () => 'own'; x.constructor = 1; x.valueOf = 2; " +
        "x = [String(x), x.constructor, Object.keys(x)]",
      ["own", 1, ["toString", "constructor", "valueOf"]],
    ],
    [
      "function A() {} function B() {} B.prototype = Object.create(A.prototype); " +
        "B.prototype.constructor = B; x = new B().constructor === B",
      true,
    ],
    [
      "function A() {} A.prototype.toString = function () { return 'A!'; }; x = String(new A())",
      "A!",
    ],
    ["x = Object.assign(new Error('a'), { message: 'b', name: 'N' }); x = String(x)", "N: b"],
    ["x = (() => {}); x.toString = () => 'f'; x = String(x)", "f"],
    [
      'x = JSON.parse(\'{"constructor":1,"__proto__":2}\'); x = Object.keys(x)',
      ["constructor", "__proto__"],
    ],
    ["const { constructor, ...rest } = { constructor: 1, a: 2 }; x = rest", { a: 2 }],
    ["x = [3, 1, 2].toSorted().map(String).join('')", "123"],
    ["x = structuredClone({ a: [new Uint8Array([1])] })", { a: [new Uint8Array([1])] }],
    ["x = [...new Map([[1, new Set([2])]])].length", 1],
    [
      "async function* g() { yield 1; yield 2; } x = []; for await (const v of g()) x.push(v)",
      [1, 2],
    ],
    ["x = new Proxy({}, { get: (_, k) => k }).hello", "hello"],
    ["x = Object.groupBy ? 'newer' : Array.fromAsync ? 'newer' : 'as in Node 20'", "as in Node 20"],
  ])("works: %s", async (code, value) => {
    const play = new Play(steps(`let x; ${code}; return { done: x };`));
    play.begin();
    expect(resultOf(play)).toEqual(value);
  });
});

test("what a flag of the engine adds to every context is nothing for a program", () => {
  setFlagsFromString("--expose-gc");
  try {
    // A program that adds a global is never evaluated in a context that has been used.
    const program = steps("ctx.emit('x', typeof gc); return 'done';", "globalThis.mark = 1;");
    for (let i = 0; i < 4; i++) {
      const play = new Play(program);
      play.begin();
      expect(play.made()).toEqual(['emit x "undefined"']);
    }
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
});
