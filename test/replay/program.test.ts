// What a module exports is checked when it is loaded, and the message names everything missing.

import { describe, expect, it } from "vitest";
import { codeOf, type ReachError, sha256, utf8 } from "../../src/base/index.ts";
import { defineProgram } from "../../src/program.ts";
import { programOf } from "../../src/replay/index.ts";

const hash = sha256(utf8("a bundle"));

function refusal(exported: unknown): ReachError {
  try {
    programOf(exported, hash, "my-reducer.ts");
  } catch (error) {
    return error as ReachError;
  }
  throw new Error("the program was accepted");
}

describe("a loaded program", () => {
  it("keeps its name, version and hash, and calls its functions as methods of the object", () => {
    const definition = {
      name: "counter",
      version: "1.4.0",
      step: 2,
      init: () => 0,
      reduce(state: number) {
        return state + this.step;
      },
    };
    const program = programOf(definition, hash, "counter.ts");
    expect(program).toMatchObject({ name: "counter", version: "1.4.0", hash });
    const event = { seq: 0, time: 0, kind: "emit", type: "x", ref: null, data: null } as const;
    expect(program.reduce(program.init(event), event)).toBe(2);
  });

  it("is refused with everything that is missing", () => {
    const error = refusal({ name: "half", reduce: 3 });
    expect(codeOf(error)).toBe("PROGRAM_INVALID");
    expect(error.message).toContain("my-reducer.ts");
    for (const part of ["`version` is missing", "`init` is missing", "`reduce` is no function"]) {
      expect(error.message).toContain(part);
    }
    expect(error.message).not.toContain("`name`");
    expect(error.hint).toContain("defineProgram");
  });

  it.each([
    ["a module without default export", undefined, "no default export"],
    ["a function", () => 1, "no object"],
    ["null", null, "no object"],
    ["an empty name", { name: "", version: "1", init() {}, reduce() {} }, "`name` is no text"],
    [
      "a version that is no text",
      { name: "a", version: 1, init() {}, reduce() {} },
      "`version` is no text",
    ],
    [
      "a name without end",
      { name: "é".repeat(129), version: "1", init() {}, reduce() {} },
      "`name` is longer than 256 bytes",
    ],
  ])("is refused: %s", (_what, exported, message) => {
    expect(refusal(exported).message).toContain(message);
  });

  it("is refused when a function is asynchronous, before the first event", () => {
    const error = refusal({ name: "a", version: "1", init() {}, async reduce() {} });
    expect(error.message).toContain("`reduce` is an AsyncFunction");
  });
});

describe("defineProgram", () => {
  it("infers the type of the state and returns the definition itself", () => {
    const definition = {
      name: "typed",
      version: "1",
      init: () => ({ calls: 0 }),
      reduce: (state: { calls: number }) => ({ calls: state.calls + 1 }),
    };
    expect(defineProgram(definition)).toBe(definition);
    const typed = defineProgram<{ State: { texts: string[] }; Data: { text: string } }>({
      name: "typed",
      version: "1",
      init: (first) => ({ texts: [first.data.text] }),
      reduce(state, event) {
        state.texts.push(event.data.text);
        return state;
      },
    });
    expect(programOf(typed, hash, "typed.ts").name).toBe("typed");
  });
});
