// A hundred sessions, a hundred observers, and a server that is killed again and again.

import { describe, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { killServer } from "./killing.ts";

describe("a server with 100 sessions and 100 observers that is killed 20 times", () => {
  it("goes on where it was, and observers have everything once", async () => {
    const bench = new Workbench();
    await killServer(bench.path("data"), { sessions: 100, batches: 300, kills: 20 });
  });
});
