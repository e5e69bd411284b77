// A few kills of threads, runners and the server under sessions with effects;
// `kills.slow.test.ts` does a thousand.

import { afterEach, expect, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { hungryProgram, payingProgram, runCampaign } from "./kills.ts";
import { Ledger, ledgerConfig } from "./ledger.ts";

let ledger: Ledger;
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.end("SIGKILL");
  await ledger.close();
});

it("sessions come to the same under kills, and no call is made again for nothing", {
  timeout: 180_000,
}, async () => {
  const bench = new Workbench();
  ledger = new Ledger();
  const config = bench.write("reach.config.ts", ledgerConfig(await ledger.open(), 3));
  server = new ServerProcess(bench.path("data"), await freePort(), [
    ...["--config", config],
    ...["--program", bench.write("paying.ts", payingProgram)],
    ...["--program", bench.write("hungry.ts", hungryProgram)],
  ]);
  await server.start();
  const report = await runCampaign(server, ledger, {
    sessions: 8,
    goal: 16,
    serverKills: 2,
    threadKills: 1,
    runnerKills: 6,
  });
  expect(report.calls).toBeGreaterThan(8 * 16 * 3 - 1);
  expect(await server.end("SIGTERM"), server.stderr).toBe(0);
  for (const id of report.ids.slice(0, 2)) {
    const { stdout } = await bench.run(["--data", bench.path("data"), "replay", id, "--quiet"]);
    expect(stdout).toBe("identical\n");
  }
});
