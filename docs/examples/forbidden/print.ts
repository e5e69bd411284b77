// Prints. A replay would print it again.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "print",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    console.log("hello");
    return "done";
  },
});
