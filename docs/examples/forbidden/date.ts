// Emits an object of a class, which would not come back as it went in.

import { defineProgram } from "reach-replay/program";

export default defineProgram({
  name: "date",
  version: "1",
  init: () => null,
  reduce: (state) => state,
  async step(ctx) {
    ctx.emit("seen", { at: new Date() });
    return "done";
  },
});
