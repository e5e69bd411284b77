// Counts in a variable outside of functions: gone at the next restart.

import { defineProgram } from "reach-replay/program";

let count = 0;

export default defineProgram({
  name: "counter",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    count += 1;
    return { done: count };
  },
});
