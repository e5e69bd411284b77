// Goes on with the `ctx` of a step that has returned.

import { defineProgram, type StepContext } from "reach-replay/program";

const kept: Pick<StepContext, "emit">[] = [];

export default defineProgram({
  name: "kept-ctx",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step(ctx) {
    kept.push(ctx);
    kept[0]?.emit("turn", kept.length);
    return "continue";
  },
});
