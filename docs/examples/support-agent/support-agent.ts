// A support agent. Each turn asks the model; when the model wants tools, they are called side by
// side and the next turn shows their results to the model; else what it says is the answer.

import { defineProgram } from "reach-replay/program";

/** One entry of the conversation. */
export interface Message {
  readonly role: "user" | "assistant" | "tool";
  readonly text: string;
}

/** An order as the shop knows it. */
export interface Order {
  readonly order: string;
  readonly status: string;
  readonly parcel: string | null;
}

/** What the agent can ask for; reach.config.ts says how. */
export type Tools = {
  "orders.find": (input: { readonly order: string }) => Order;
  "parcels.track": (input: { readonly parcel: string }) => { parcel: string; place: string };
};

/** A tool that the model wants to be called. */
export type ToolUse = {
  readonly [N in keyof Tools]: { readonly tool: N; readonly input: Parameters<Tools[N]>[0] };
}[keyof Tools];

/** What the model answers. */
export interface Reply {
  readonly text: string;
  readonly tools: readonly ToolUse[];
}

interface Agent {
  State: { messages: Message[]; turns: number };
  Input: { question: string };
  Effects: Tools & { "model.chat": (input: { messages: readonly Message[] }) => Reply };
  Events: { message: Message };
  Result: { answer: string; turns: number };
}

const turnsMax = 5;

export default defineProgram<Agent>({
  name: "support-agent",
  version: "1",
  init: ({ data }) => ({ messages: [{ role: "user", text: data.question }], turns: 0 }),
  reduce(state, event) {
    if (event.kind === "emit" && event.type === "message") state.messages.push(event.data);
    if (event.kind === "step") state.turns += 1;
    return state;
  },
  async step(ctx) {
    const reply = await ctx.call("model.chat", { messages: ctx.state.messages });
    ctx.emit("message", { role: "assistant", text: reply.text });
    const turns = ctx.state.turns + 1;
    if (reply.tools.length === 0) return { done: { answer: reply.text, turns } };
    if (turns === turnsMax) throw new Error(`no answer after ${turns} turns`);
    const calls = reply.tools.map(({ tool, input }) => ctx.call(tool, input as never));
    for (const found of await Promise.all(calls)) {
      ctx.emit("message", { role: "tool", text: JSON.stringify(found) });
    }
    return "continue";
  },
});
