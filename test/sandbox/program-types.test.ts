// The types of programs: what an author says about effects, events, inputs and state holds from one
// end to the other. `npm run typecheck` is the test; running it proves that the file is looked at.

import { expect, expectTypeOf, test } from "vitest";
import { defineProgram, type StepContext } from "../../src/program.ts";

interface Chat {
  readonly messages: readonly string[];
}

interface Support {
  State: { messages: string[]; usage: { tokens: number } };
  Input: { prompt: string };
  Effects: {
    "llm.chat": (input: Chat) => Promise<{ text: string; tokens: number }>;
    "clock.zone": (input?: undefined) => string;
  };
  Events: { message: { text: string }; closed: undefined };
  Inputs: { approval: { by: string }; refusal: { why: string } };
  Result: number;
}

test("a program is checked from the trigger to the result", () => {
  const program = defineProgram<Support>({
    name: "support",
    version: "1",
    init(trigger) {
      expectTypeOf(trigger.data).toEqualTypeOf<{ prompt: string }>();
      return { messages: [trigger.data.prompt], usage: { tokens: 0 } };
    },
    reduce(state, event) {
      expectTypeOf(state.messages).toEqualTypeOf<string[]>();
      if (event.kind === "emit" && event.type === "message") {
        expectTypeOf(event.data.text).toEqualTypeOf<string>();
        state.messages.push(event.data.text);
      }
      if (event.kind === "result" && event.type === "llm.chat" && event.data.value) {
        expectTypeOf(event.data.value.tokens).toEqualTypeOf<number>();
        expectTypeOf(event.ref).toEqualTypeOf<number>();
        state.usage.tokens += event.data.value.tokens;
      }
      if (event.kind === "call" && event.type === "llm.chat") {
        expectTypeOf(event.data.input).toEqualTypeOf<Chat>();
      }
      if (event.kind === "input" && event.type === "approval") {
        expectTypeOf(event.data).toEqualTypeOf<{ by: string }>();
      }
      return state;
    },
    async step(ctx) {
      const reply = await ctx.call("llm.chat", { messages: ctx.state.messages });
      expectTypeOf(reply).toEqualTypeOf<{ text: string; tokens: number }>();
      expectTypeOf(await ctx.call("clock.zone")).toEqualTypeOf<string>();
      ctx.emit("message", { text: reply.text });
      ctx.emit("closed");
      const sure = await ctx.waitFor("approval");
      expectTypeOf(sure.data).toEqualTypeOf<{ by: string }>();
      const late = await ctx.waitFor(["approval", "refusal"], { timeout: "3d" });
      if (late?.type === "refusal") expectTypeOf(late.data).toEqualTypeOf<{ why: string }>();
      // @ts-expect-error with a timeout there may be nothing
      late.data;
      await ctx.sleep("1h30m");
      return reply.tokens > 100 ? { done: reply.tokens } : "continue";
    },
  });
  expect(program.name).toBe("support");
});

test("what does not fit is refused by the compiler", () => {
  const misuse = async (ctx: StepContext<Support>): Promise<void> => {
    // @ts-expect-error no such effect
    await ctx.call("llm.chta", { messages: [] });
    // @ts-expect-error another input
    await ctx.call("llm.chat", { message: "hi" });
    // @ts-expect-error the input is missing
    await ctx.call("llm.chat");
    // @ts-expect-error no such event
    ctx.emit("massage", { text: "" });
    // @ts-expect-error another event
    ctx.emit("message", { text: 1 });
    // @ts-expect-error the state is read-only
    ctx.state.messages.push("");
    // @ts-expect-error all of it
    ctx.state.usage.tokens = 1;
    // @ts-expect-error no such input
    await ctx.waitFor("aproval");
    // @ts-expect-error no span of time
    await ctx.sleep("soon");
  };
  expectTypeOf(misuse).returns.toEqualTypeOf<Promise<void>>();
  defineProgram<Support>({
    name: "support",
    version: "1",
    init: () => ({ messages: [], usage: { tokens: 0 } }),
    // @ts-expect-error a reducer is synchronous
    reduce: async (state) => state,
    // @ts-expect-error neither an outcome nor a result
    step: async () => "later",
  });
  expect(misuse.length).toBe(1);
});

test("without types the state is inferred, and names are any", () => {
  const program = defineProgram({
    name: "counter",
    version: "1",
    init: () => ({ calls: 0 }),
    reduce(state, event) {
      expectTypeOf(state).toEqualTypeOf<{ calls: number }>();
      if (event.kind === "call") state.calls += 1;
      return state;
    },
    async step(ctx) {
      expectTypeOf(ctx.state.calls).toEqualTypeOf<number>();
      expectTypeOf(await ctx.call("anything", 1)).toEqualTypeOf<unknown>();
      ctx.emit("anything", { at: ctx.now() });
      return "done";
    },
  });
  expectTypeOf(program.init).returns.toEqualTypeOf<{ calls: number }>();
  expect(program.version).toBe("1");
});
