// Writes a number as the country does that the machine thinks it is in.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "language",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    return { done: (1234.5).toLocaleString() };
  },
});
