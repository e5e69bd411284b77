// What cannot come out as it went in is refused when it goes in, with the path where it hangs.

import vm from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Aliases, codeOf, encodeValue, messageOf, toHex } from "../../src/base/index.ts";
import { plainValues } from "./plain-values.ts";

/** The message with which a value is refused; fails where it is not, or with another code. */
function refusal(value: unknown, aliases: Aliases = "copy"): string {
  try {
    encodeValue(value, aliases);
  } catch (error) {
    expect(codeOf(error)).toBe("DATA_UNSUPPORTED");
    return messageOf(error);
  }
  throw new Error("it was not refused");
}

/** The array without the item at `position`. */
function holed(array: unknown[], position: number): unknown[] {
  delete array[position];
  return array;
}

class Point {
  readonly x = 1;
}

describe("what is no plain data is refused", () => {
  const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false });
  it.each<[string, unknown, string]>([
    ["a function", () => 1, "a function"],
    ["a symbol", Symbol("s"), "a symbol"],
    ["a symbol as key", { [Symbol("s")]: 1 }, "a symbol as key"],
    ["a symbol as key of an array", Object.assign([], { [Symbol("s")]: 1 }), "a symbol as key"],
    ["a Date", new Date(0), "an instance of Date"],
    ["a Map", new Map(), "an instance of Map"],
    ["a Set", new Set(), "an instance of Set"],
    ["a RegExp", /x/, "an instance of RegExp"],
    ["an Error", new Error("x"), "an instance of Error"],
    ["a Promise", Promise.resolve(), "an instance of Promise"],
    ["an instance of a class", new Point(), "an instance of Point"],
    ["an instance of a class without a name", new (class {})(), "an instance of a class"],
    ["an instance of a class that extends null", Object.create({ __proto__: null }), "a class"],
    ["an array of a subclass", new (class Stack extends Array {})(), "an instance of Stack"],
    ["a boxed string", Object("x"), "an instance of String"],
    ["a boxed number", Object(1), "an instance of Number"],
    ["an ArrayBuffer", new ArrayBuffer(1), "an instance of ArrayBuffer"],
    ["another typed array", new Uint16Array(1), "an instance of Uint16Array"],
    ["a clamped typed array", new Uint8ClampedArray(1), "an instance of Uint8ClampedArray"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "an instance of DataView"],
    [
      "what claims to be bytes",
      {
        get [Symbol.toStringTag]() {
          return "Uint8Array";
        },
      },
      "a symbol",
    ],
    ["an object that inherits", Object.create({ a: 1 }), "an instance of a class"],
    ["a Map of another realm", vm.runInNewContext("new Map()"), "an instance of Map"],
    ["a class of another realm", vm.runInNewContext("new (class Far {})()"), "an instance of Far"],
    [
      "the arguments of a call",
      vm.runInNewContext("(function () { return arguments })(1)"),
      "a sym",
    ],
    ["a module's own kind", JSON, "a symbol as key"],
  ])("%s, wherever it hangs", (_name, value, what) => {
    expect(refusal(value)).toContain(what);
    expect(refusal(value)).toContain(" at $ cannot be kept");
    expect(refusal({ a: [1, { "b c": [value] }] })).toContain(' at $.a[1]["b c"][0]');
    expect(refusal([{ x: value }], "refuse")).toContain(" at $[0].x ");
  });

  it.each<[string, unknown, string]>([
    [
      "a getter",
      {
        a: 1,
        get b() {
          return 2;
        },
      },
      "a getter at $.v.b",
    ],
    ["a setter", { set b(_: number) {} }, "a getter at $.v.b"],
    ["a hidden property", hidden, "a hidden property at $.v.b"],
    ["a hole in an array", new Array(3), "a hole in an array at $.v[0]"],
    ["a hole behind items", holed([1, undefined, 0, 2], 2), "a hole in an array at $.v[2]"],
    ["a hole at the end", Object.assign([1], { length: 2 }), "a hole in an array at $.v[1]"],
    ["an extra property", Object.assign([1], { x: 2 }), "that is no item at $.v.x"],
    ["a match", /b/.exec("abc"), "that is no item at $.v.index"],
    [
      "a hole and as many extras",
      Object.assign(holed([1, 2, 3], 1), { x: 2 }),
      "a hole in an array at $.v[1]",
    ],
    ["an empty array with an extra", Object.assign([], { "-1": 2 }), 'at $.v["-1"]'],
  ])("%s, with the place", (_name, value, what) => {
    expect(refusal({ v: value })).toContain(what);
    expect(refusal({ v: value }, "refuse")).toContain(what);
  });

  it("a getter is refused without being called", () => {
    let calls = 0;
    const value = {
      get a() {
        calls += 1;
        return calls;
      },
    };
    expect(refusal([value])).toContain("a getter at $[0].a");
    expect(calls).toBe(0);
  });

  it("the name of a class is found without running code of the value", () => {
    const value = new Point();
    Object.defineProperty(value, "constructor", {
      get: () => {
        throw new Error("it ran");
      },
    });
    expect(refusal(value)).toContain("an instance of Point");
  });

  it("a value too large to be one, instead of all memory", () => {
    let doubled: unknown = ["x".repeat(1000)];
    for (let i = 0; i < 40; i++) doubled = [doubled, doubled];
    expect(refusal(doubled)).toContain("larger than 268435456 bytes");
  });

  it("and the next value is encoded as if nothing had been", () => {
    for (const value of [{ a: [() => 1] }, [new Map()], new Array(2)]) {
      refusal(value);
      expect([...encodeValue({ a: 1 })]).toEqual([0xa1, 0x61, 0x61, 1]);
    }
  });
});

describe("a cycle is refused", () => {
  const modes: Aliases[] = ["copy", "refuse"];

  it.each(modes)("with the shortest path that comes back, mode %s", (mode) => {
    const self: Record<string, unknown> = {};
    self["me"] = self;
    expect(refusal(self, mode)).toContain("a cycle at $.me ");
    const list: unknown[] = [1];
    list.push([{ back: list }]);
    expect(refusal({ list }, mode)).toContain("a cycle at $.list[1][0].back ");
  });

  it("whatever the depth at which it closes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(199), (length, entry) => {
        const nodes: Record<string, unknown>[] = Array.from({ length }, () => ({}));
        for (const [i, node] of nodes.entries()) node["n"] = nodes[i + 1] ?? nodes[entry % length];
        const path = `$${".n".repeat(length)}`;
        expect(refusal(nodes[0])).toContain(`a cycle at ${path} `);
        expect(refusal(nodes[0], "refuse")).toContain(`a cycle at ${path} `);
      }),
      { numRuns: 60 },
    );
  });
});

describe("in a state the same thing twice is refused", () => {
  it("an object, an array, with the second place", () => {
    const shared = { x: 1 };
    expect(refusal({ a: shared, b: [shared] }, "refuse")).toContain(
      "the same object twice (an alias) at $.b[0]",
    );
    const list: unknown[] = [];
    expect(refusal([list, 1, list], "refuse")).toContain("(an alias) at $[2]");
    expect([...encodeValue([list, 1, list])]).toEqual([0x83, 0x80, 1, 0x80]);
  });

  it("bytes, and views of the same memory, through which a change of one changes the other", () => {
    const bytes = new Uint8Array(8);
    expect(refusal([bytes, bytes], "refuse")).toContain("(an alias) at $[1]");
    const message = "a view of memory that other bytes share at $[1]";
    expect(refusal([bytes, bytes.subarray(2, 4)], "refuse")).toContain(message);
    expect(encodeValue([bytes, bytes.slice()], "refuse")).toHaveLength(19);
    expect(encodeValue([bytes, bytes.subarray(2, 4)])).toHaveLength(13);
  });

  it("a Buffer, which would come back as a Uint8Array; data may hold one", () => {
    expect(refusal({ a: Buffer.from("x") }, "refuse")).toContain("an instance of Buffer at $.a");
    expect([...encodeValue(Buffer.from("x"))]).toEqual([0x41, 0x78]);
  });

  it("and what only looks alike is not", () => {
    fc.assert(
      fc.property(plainValues, (value) => {
        const copy = structuredClone(value);
        const apart = toHex(encodeValue([value, copy], "refuse"));
        expect(apart).toBe(toHex(encodeValue([value, value])));
      }),
      { numRuns: 300 },
    );
    expect(encodeValue([{}, {}, [], [], new Uint8Array(0)], "refuse")).toHaveLength(6);
  });
});
