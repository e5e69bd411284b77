/**
 * The program that the perf gate runs: an agent of a dozen turns. Each asks a model, then uses two
 * tools at once; one result in three lies above 4 KiB and goes to the content-addressed store. In
 * the middle it waits for a person.
 */
import { defineProgram } from "reach-replay/program";

interface Turn {
  readonly role: string;
  readonly text: string;
}

/** `modelMs`: how long the model thinks; `waits`: whether a person is asked at all. */
interface Task {
  readonly turns: number;
  readonly modelMs: number;
  readonly waits: boolean;
}

interface PerfAgent {
  State: { task: Task; turns: number; approved: boolean; history: Turn[] };
  Input: Task;
  Effects: {
    "model.chat": (input: { modelMs: number; history: readonly Turn[] }) => { text: string };
    "tool.search": (input: { query: string }) => { hits: string[] };
    "tool.page": (input: { url: string }) => { text: string };
  };
  Events: { turn: { text: string; hits: number; page: number } };
  Inputs: { approval: { by: string } };
}

const historyMax = 4;

export default defineProgram<PerfAgent>({
  name: "perf-agent",
  version: "1",
  init: ({ data }) => ({ task: data, turns: 0, approved: false, history: [] }),
  reduce(state, event) {
    if (event.kind === "emit" && event.type === "turn") {
      state.turns += 1;
      state.history.push({ role: "assistant", text: event.data.text });
      if (state.history.length > historyMax) state.history.shift();
    }
    if (event.kind === "input" && event.type === "approval") state.approved = true;
    return state;
  },
  async step(ctx) {
    const { task, history, approved } = ctx.state;
    const { turns, modelMs, waits } = task;
    if (waits && !approved && ctx.state.turns === Math.floor(turns / 2)) {
      await ctx.waitFor("approval");
    }
    const { text } = await ctx.call("model.chat", { modelMs, history });
    const [found, page] = await Promise.all([
      ctx.call("tool.search", { query: `turn ${ctx.state.turns}` }),
      ctx.call("tool.page", { url: `https://example.com/${ctx.state.turns}` }),
    ]);
    ctx.emit("turn", { text, hits: found.hits.length, page: page.text.length });
    return ctx.state.turns >= turns ? { done: ctx.state.turns } : "continue";
  },
});
