// Sorts by the rules of the machine's language.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "sorting",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    return { done: ["b", "a"].sort((a, b) => a.localeCompare(b)) };
  },
});
