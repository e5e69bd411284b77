// Loads code while it runs, from wherever it lies then.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "late-import",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    const other = await import("./timer.ts");
    return { done: other.default.name };
  },
});
