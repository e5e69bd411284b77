// A thousand kills of threads, runners and the server under a hundred sessions with effects.
// REACH_KILLS says how many.

import process from "node:process";
import { afterEach, expect, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { hungryProgram, payingProgram, runCampaign } from "./kills.ts";
import { Ledger, ledgerConfig } from "./ledger.ts";

const kills = Number(process.env["REACH_KILLS"] ?? 1000);
let ledger: Ledger;
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.end("SIGKILL");
  await ledger.close();
});

it("sessions come to the same under kills, and no call is made again for nothing", {
  timeout: 7_200_000,
}, async () => {
  const bench = new Workbench();
  ledger = new Ledger();
  const config = bench.write("reach.config.ts", ledgerConfig(await ledger.open(), 6));
  server = new ServerProcess(bench.path("data"), await freePort(), [
    ...["--config", config],
    ...["--program", bench.write("paying.ts", payingProgram)],
    ...["--program", bench.write("hungry.ts", hungryProgram)],
  ]);
  await server.start();
  const report = await runCampaign(server, ledger, {
    sessions: 100,
    goal: 40,
    serverKills: Math.ceil(kills * 0.04),
    threadKills: Math.ceil(kills * 0.02),
    runnerKills: Math.floor(kills * 0.94),
  });
  process.stderr.write(`${JSON.stringify({ ...report, ids: report.ids.length })}\n`);
  expect(await server.end("SIGTERM"), server.stderr).toBe(0);
  for (const id of report.ids.slice(0, 10)) {
    const { stdout } = await bench.run(["--data", bench.path("data"), "replay", id, "--quiet"]);
    expect(stdout).toBe("identical\n");
  }
});
