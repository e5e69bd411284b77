// Asks the network by itself. Nothing would hold the answer when it is run again.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "fetch",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    await fetch("https://example.com");
    return "done";
  },
});
