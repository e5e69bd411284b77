// The fold: boundaries change nothing, nothing passes a boundary unseen, and whatever goes wrong
// names the event.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  decodeValue,
  encodeValue,
  limits,
  ReachError,
  sha256,
} from "../../src/base/index.ts";
import { Fold, type Program } from "../../src/replay/index.ts";
import { adder, eventsOf, program } from "./programs.ts";

function foldAll(folded: Program, data: readonly unknown[]): Fold {
  const events = eventsOf(data);
  const fold = Fold.begin(folded, events[0] as (typeof events)[0]);
  for (const event of events) fold.apply(event);
  return fold;
}

function thrown(action: () => unknown): ReachError {
  try {
    action();
  } catch (error) {
    return error as ReachError;
  }
  throw new Error("nothing was thrown");
}

/** Keeps a list of everything, so that the state has all shapes that events have. */
const keeper = program({
  init: () => ({ kept: [] as unknown[], byType: {} as Record<string, number> }),
  reduce(state, event) {
    state.kept.push(structuredClone(event.data));
    if (state.kept.length > 5) state.kept.shift();
    const key = `=${JSON.stringify(event.data).slice(0, 3)}`;
    state.byType[key] = (state.byType[key] ?? 0) + 1;
    return state;
  },
});

describe("a fold", () => {
  it("begins with init, gives every event to reduce, and leaves notes out", () => {
    const events = eventsOf([1, 2, 3]);
    const note = { ...events[1], kind: "note", data: 1000 } as (typeof events)[0];
    const fold = Fold.begin(adder, events[0] as (typeof events)[0]);
    expect(fold.state).toEqual({ count: 0, sum: 0, last: null });
    for (const event of [...events, note]) fold.apply(event);
    expect(fold.state).toEqual({ count: 3, sum: 6, last: 3 });
  });

  it("hands its state out as bytes that decode to it, with their SHA-256", () => {
    const fold = foldAll(adder, [1, 2]);
    const { bytes, hash } = fold.boundary();
    expect(decodeValue(bytes)).toEqual({ count: 2, sum: 3, last: 2 });
    expect(hash).toEqual(sha256(bytes));
    expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
  });

  it("comes to the same bytes wherever the boundaries lie and wherever it is resumed", () => {
    const value = fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.boolean(), fc.double());
    const data = fc.jsonValue({ maxDepth: 3 }).chain((json) => fc.oneof(fc.constant(json), value));
    fc.assert(
      fc.property(fc.array(fc.tuple(data, fc.nat(3)), { minLength: 1 }), (steps) => {
        const items = steps.map(([item]) => item);
        const straight = foldAll(keeper, items).boundary();
        const events = eventsOf(items);
        let fold = Fold.begin(keeper, events[0] as (typeof events)[0]);
        for (const [i, [, choice]] of steps.entries()) {
          fold.apply(events[i] as (typeof events)[0]);
          if (choice === 1) fold.boundary();
          if (choice === 2) fold = Fold.resume(keeper, fold.boundary().bytes);
        }
        expect(fold.boundary().hash).toEqual(straight.hash);
      }),
    );
  });

  it("loses at a boundary what the encoding does not hold", () => {
    const memory = new WeakMap<object, number>();
    const remembering = program<{ count: number }>({
      init: () => ({ count: 0 }),
      reduce(state) {
        memory.set(state, (memory.get(state) ?? 0) + 1);
        return state;
      },
    });
    const fold = foldAll(remembering, [1, 2]);
    expect(memory.get(fold.state as object)).toBe(2);
    fold.boundary();
    expect(memory.get(fold.state as object)).toBeUndefined();
  });

  it("does not let a reducer change bytes that were handed out", () => {
    const scribbler = program({
      init: () => ({ bytes: new Uint8Array(4) }),
      reduce(state) {
        state.bytes[0] = (state.bytes[0] ?? 0) + 1;
        return state;
      },
    });
    const fold = foldAll(scribbler, [0]);
    const { bytes, hash } = fold.boundary();
    fold.apply(eventsOf([0])[0] as ReturnType<typeof eventsOf>[0]);
    expect(sha256(bytes)).toEqual(hash);
    const resumed = Fold.resume(scribbler, bytes);
    resumed.apply(eventsOf([0])[0] as ReturnType<typeof eventsOf>[0]);
    expect(sha256(bytes)).toEqual(hash);
    expect((resumed.state as { bytes: Uint8Array }).bytes).toEqual(Uint8Array.of(2, 0, 0, 0));
    expect(Object.getPrototypeOf((resumed.state as { bytes: object }).bytes)).toBe(
      Uint8Array.prototype,
    );
  });
});

describe("a program that fails", () => {
  it("is reported with the event, its type and what was thrown", () => {
    const failing = program({
      name: "support-agent",
      version: "1.4.0",
      reduce(state, event) {
        if (event.data === 3) throw new TypeError("x is undefined");
        return state;
      },
    });
    const error = thrown(() => foldAll(failing, [1, 2, 3]));
    expect(codeOf(error)).toBe("PROGRAM_FAILED");
    const message = "reduce of support-agent 1.4.0 threw at event 2 (thing): x is undefined";
    expect(error.message).toBe(message);
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["an object without a prototype", Object.create(null)],
    ["a symbol", Symbol("no")],
    [
      "an object that throws when it is looked at",
      {
        get name() {
          throw new Error("no");
        },
        toString() {
          throw new Error("no");
        },
      },
    ],
  ])("is reported also when it throws %s", (_what, value) => {
    const failing = program({
      init() {
        throw value;
      },
      reduce: (state) => state,
    });
    const error = thrown(() => foldAll(failing, [1]));
    expect(codeOf(error)).toBe("PROGRAM_FAILED");
    expect(error.message).toContain("init of test-program 1 threw at event 0 (thing)");
  });

  it.each(["init", "reduce"] as const)("is told to return the state when %s does not", (part) => {
    const silent = program({ reduce: (state) => state, [part]: () => undefined });
    const error = thrown(() => foldAll(silent, [1]));
    expect(codeOf(error)).toBe("PROGRAM_FAILED");
    expect(error.message).toContain(`${part} of test-program 1 returned nothing at event 0`);
    expect(error.hint).toBe("return the state");
  });

  it("is not blamed for a payload that the store could not give", () => {
    const reader = program({ reduce: (_state, event) => ({ data: event.data }) });
    const lost = new ReachError("BLOB_MISSING", "no blob 8d0a");
    const event = Object.defineProperty({ ...eventsOf([0])[0] }, "data", {
      get() {
        throw lost;
      },
    }) as ReturnType<typeof eventsOf>[0];
    const fold = Fold.begin(reader, event);
    expect(thrown(() => fold.apply(event))).toBe(lost);
  });
});

describe("a state that cannot be kept", () => {
  it.each([
    ["a function", () => ({ on: { click() {} } }), "$.on.click"],
    ["a class instance", () => ({ list: [1, new Date(0)] }), "$.list[1]"],
    ["a promise", () => Promise.resolve(1), "$"],
  ])("is refused with the path of %s", (_what, state, path) => {
    const odd = program({ name: "odd", reduce: state as () => unknown });
    const error = thrown(() => foldAll(odd, [1]).boundary());
    expect(codeOf(error)).toBe("STATE_UNSUPPORTED");
    expect(error.message).toContain("of odd 1 after event 0");
    expect(error.message).toContain(`at ${path} `);
  });

  it("is refused when an object stands at two places, which a decoded copy would part", () => {
    const shared = { open: true };
    const error = thrown(() => {
      foldAll(program({ reduce: () => ({ a: shared, b: [shared] }) }), [1]).boundary();
    });
    expect(codeOf(error)).toBe("STATE_UNSUPPORTED");
    expect(error.message).toContain("$.b[0]");
  });

  it("is refused above the limit", () => {
    const large = program({ reduce: () => ({ all: new Uint8Array(limits.stateBytesMax) }) });
    const error = thrown(() => foldAll(large, [1]).boundary());
    expect(codeOf(error)).toBe("STATE_TOO_LARGE");
    expect(error.message).toContain(`at most ${limits.stateBytesMax}`);
  });
});

it("encodes equal states to equal bytes, whichever way they came about", () => {
  const fold = foldAll(adder, [1, -0, 2.5]);
  expect(fold.boundary().bytes).toEqual(
    new Uint8Array(encodeValue({ count: 3, sum: 3.5, last: 2.5 })),
  );
});
