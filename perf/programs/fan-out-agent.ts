/**
 * The program that is replayed beside Temporal: the same work as `perf/peers/fan-out-workflow.js`,
 * turn after turn one effect and then several at once.
 */
import { defineProgram } from "reach-replay/program";

interface Plan {
  readonly turns: number;
  readonly width: number;
}

interface Answer {
  readonly text: string;
}

interface FanOutAgent {
  State: { plan: Plan; turn: number; answers: number; characters: number };
  Input: Plan;
  Effects: {
    think: (input: { turn: number; prompt: string }) => Answer;
    look: (input: { turn: number; part: number; query: string }) => Answer;
  };
}

export default defineProgram<FanOutAgent>({
  name: "fan-out-agent",
  version: "1",
  init: ({ data }) => ({ plan: data, turn: 0, answers: 0, characters: 0 }),
  reduce(state, event) {
    if (event.kind !== "result" || !event.data.value) return state;
    state.characters += event.data.value.text.length;
    state.answers += 1;
    if (state.answers % (1 + state.plan.width) === 0) state.turn += 1;
    return state;
  },
  async step(ctx) {
    const { plan, turn } = ctx.state;
    const prompt = `What is to be done in turn ${turn} of this session?`;
    await ctx.call("think", { turn, prompt });
    await Promise.all(
      Array.from({ length: plan.width }, (_, part) => {
        const query = `sources for part ${part} of turn ${turn}`;
        return ctx.call("look", { turn, part, query });
      }),
    );
    return ctx.state.turn >= plan.turns ? { done: ctx.state.characters } : "continue";
  },
});
