// Draws a random number where the state is made.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "random-state",
  version: "1",
  init: () => ({ luck: Math.random() }),
  reduce: (state) => state,
  async step() {
    return "done";
  },
});
