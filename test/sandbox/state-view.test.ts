// `ctx.state`: reads like the state, is one object for one place, and cannot be changed, while what
// is passed on from it is encoded as the state itself.

import { describe, expect, test } from "vitest";
import { decodeValue } from "../../src/base/index.ts";
import { Play, programOf } from "./play.ts";

/** What `body` returns of a step whose state is `state`. */
function seen(state: string, body: string): unknown {
  const play = new Play(
    programOf(`init: () => (${state}), reduce: (s) => s, async step(ctx) { ${body} }`),
  );
  const { ended, failed } = play.begin();
  if (failed) throw new Error(failed.message);
  return decodeValue(ended?.result as Uint8Array);
}

const state = `{ n: 1, list: [1, { a: [2, 3] }, "x"], map: { k: { deep: true } }, none: null,
  bytes: new Uint8Array([1, 2]), frozen: Object.freeze({ inner: Object.freeze([{ y: 1 }]) }) }`;

describe("a view of the state", () => {
  test.each([
    ["members", "ctx.state.list[1].a[1]", 3],
    ["length", "ctx.state.list.length", 3],
    ["Array.isArray", "Array.isArray(ctx.state.list)", true],
    ["keys", "Object.keys(ctx.state)", ["n", "list", "map", "none", "bytes", "frozen"]],
    ["entries", "Object.entries(ctx.state.map)", [["k", { deep: true }]]],
    ["in", "['k' in ctx.state.map, 'z' in ctx.state.map]", [true, false]],
    ["hasOwn", "Object.hasOwn(ctx.state.map, 'k')", true],
    [
      "spread",
      "[{ ...ctx.state.map }, [...ctx.state.list]]",
      [{ k: { deep: true } }, [1, { a: [2, 3] }, "x"]],
    ],
    ["destructuring", "(({ list: [, { a }] }) => a)(ctx.state)", [2, 3]],
    [
      "iteration",
      "[...ctx.state.list[1].a.entries()]",
      [
        [0, 2],
        [1, 3],
      ],
    ],
    [
      "array methods",
      "ctx.state.list[1].a.map((n) => n * 2).concat(ctx.state.list.at(-1))",
      [4, 6, "x"],
    ],
    [
      "find, filter, slice",
      "[ctx.state.list.find((x) => x.a), ctx.state.list.slice(2), " +
        "ctx.state.list.filter((x) => x === 1)]",
      [{ a: [2, 3] }, ["x"], [1]],
    ],
    ["JSON", "JSON.stringify(ctx.state.list)", '[1,{"a":[2,3]},"x"]'],
    ["templates", "String(ctx.state.map) + ' ' + ctx.state.list[1].a", "[object Object] 2,3"],
    ["instanceof", "[ctx.state instanceof Object, ctx.state.list instanceof Array]", [true, true]],
    ["frozen objects", "ctx.state.frozen.inner[0].y", 1],
    ["bytes, as a copy", "[...ctx.state.bytes]", [1, 2]],
    ["structuredClone", "structuredClone(ctx.state.map)", { k: { deep: true } }],
    [
      "the prototype",
      "[Object.getPrototypeOf(ctx.state) === Object.prototype, ctx.state.__proto__ === " +
        "Object.prototype, ctx.state.list.constructor === Array]",
      [true, true, true],
    ],
    ["descriptors", "Object.getOwnPropertyDescriptor(ctx.state.list, 'length').value", 3],
    [
      "one object for one place",
      "[ctx.state === ctx.state, ctx.state.list === ctx.state.list, " +
        "ctx.state.list.includes(ctx.state.list[1]), new Set([ctx.state.map, " +
        "ctx.state.map]).size]",
      [true, true, true, 1],
    ],
    ["sort of a copy", "ctx.state.list[1].a.toSorted((a, b) => b - a)", [3, 2]],
  ])("shows %s", (_, expression, value) => {
    expect(seen(state, `return { done: ${expression} };`)).toEqual(value);
  });

  test.each([
    "ctx.state.n = 2",
    "ctx.state.list.push(1)",
    "ctx.state.list[0] = 2",
    "ctx.state.list.length = 0",
    "ctx.state.list.sort()",
    "ctx.state.map.k.deep = false",
    "delete ctx.state.n",
    "Object.assign(ctx.state.map, { z: 1 })",
    "Object.defineProperty(ctx.state, 'n', { value: 2 })",
    "Object.setPrototypeOf(ctx.state, null)",
    "Object.freeze(ctx.state.map)",
    "Object.preventExtensions(ctx.state)",
    "ctx.state.__proto__ = null",
    "ctx.state.list.at(1).a.reverse()",
    "ctx.state.frozen.inner.splice(0)",
  ])("refuses %s", (write) => {
    const caught = "return { done: [e instanceof TypeError, e.message] };";
    const body = `try { ${write}; } catch (e) { ${caught} }`;
    expect(seen(state, body)).toEqual([
      true,
      "ctx.state is read-only: only `reduce` changes the state",
    ]);
  });

  test("does not pass on what is written to a copy of bytes", () => {
    const body = "ctx.state.bytes[0] = 9; return { done: [...ctx.state.bytes] };";
    expect(seen(state, body)).toEqual([1, 2]);
  });

  test("of a state that is no object is the state", () => {
    expect(seen("7", "return { done: [ctx.state, typeof ctx.state] };")).toEqual([7, "number"]);
    expect(seen("'text'", "return { done: ctx.state.length };")).toBe(4);
  });

  test("is current on the line after an emit", () => {
    const play = new Play(
      programOf(`
        init: () => ({ list: [] }),
        reduce(s, e) { if (e.kind === "emit") s.list.push(e.data); return s; },
        async step(ctx) {
          const { list } = ctx.state;
          ctx.emit("a", 1); ctx.emit("b", 2);
          return { done: [list.length, ctx.state.list.at(-1)] };
        }`),
    );
    expect(decodeValue(play.begin().ended?.result as Uint8Array)).toEqual([2, 2]);
  });

  test("passed on in a call or an event is encoded to the bytes of the state itself", () => {
    const play = new Play(
      programOf(`
        init: () => (${state}), reduce: (s) => s,
        async step(ctx) {
          ctx.emit("view", ctx.state);
          ctx.emit("copy", structuredClone(ctx.state));
          const { list, map, bytes } = ctx.state;
          ctx.emit("parts", { a: list, b: [map.k, map.k], own: { c: bytes } });
          return { done: ctx.state };
        }`),
    );
    const { operations, ended } = play.begin();
    const [view, copy, parts] = operations.map(({ data }) => data);
    expect(view).toEqual(copy);
    expect(ended?.result).toEqual(view);
    expect(decodeValue(parts as Uint8Array)).toEqual({
      a: [1, { a: [2, 3] }, "x"],
      b: [{ deep: true }, { deep: true }],
      own: { c: new Uint8Array([1, 2]) },
    });
  });
});
