// Waits for what nobody will ever bring.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "stalled",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    await new Promise(() => {});
    return "done";
  },
});
