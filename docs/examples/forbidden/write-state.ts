// Changes the state in a step, past `reduce`, so that no event says so.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "write-state",
  version: "1",
  init: () => ({ count: 0 }),
  reduce: (state) => state,
  async step(ctx) {
    (ctx.state as { count: number }).count += 1;
    return "done";
  },
});
