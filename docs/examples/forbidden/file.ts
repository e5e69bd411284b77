// Reads a file. Its content is not in the log.

import { readFileSync } from "node:fs";
import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "file",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step() {
    return { done: readFileSync("/etc/hostname", "utf8") };
  },
});
