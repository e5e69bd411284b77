// Reads the environment, which is another one on every machine.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "environment",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    return { done: process.env["HOME"] };
  },
});
