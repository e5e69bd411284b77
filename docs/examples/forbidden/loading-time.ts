// Asks for the time while it is loaded, which is another one at every start.

import { defineProgram } from "reach-replay/program";

const begun = Date.now();

export default defineProgram({
  name: "loading-time",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    return { done: begun };
  },
});
