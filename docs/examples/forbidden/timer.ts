// Waits by a timer of the machine. A replay would not wait, or not as long.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "timer",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return "done";
  },
});
