// A refund that a person has to approve in time. While it waits, the session is a few lines on
// disk: it needs no process, and goes on when the input comes, or when the time is up.

import { type Duration, defineProgram } from "reach-replay/program";

interface Refund {
  State: { order: string; cents: number; within: Duration };
  Input: { order: string; cents: number; within?: Duration };
  Effects: { "bank.refund": (input: { order: string; cents: number }) => { receipt: string } };
  Inputs: { approval: { by: string; granted: boolean } };
  Result: { refunded: boolean; why: string };
}

export default defineProgram<Refund>({
  name: "refund",
  version: "1",
  init: ({ data: { order, cents, within = "2d" } }) => ({ order, cents, within }),
  reduce: (state) => state,
  async step(ctx) {
    const { order, cents, within } = ctx.state;
    const approval = await ctx.waitFor("approval", { timeout: within });
    if (approval === null) {
      return { done: { refunded: false, why: `nobody answered within ${within}` } };
    }
    const { by, granted } = approval.data;
    if (!granted) return { done: { refunded: false, why: `${by} said no` } };
    const { receipt } = await ctx.call("bank.refund", { order, cents });
    return { done: { refunded: true, why: `${by} said yes, receipt ${receipt}` } };
  },
});
