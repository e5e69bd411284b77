import { it } from "vitest";
import { simulateBackups } from "./backup-simulation.ts";
import { reachDriver } from "./reach-driver.ts";

it("x", async () => {
  const seed = Number(process.env.SEED),
    firstRun = Number(process.env.RUN ?? 0),
    runs = Number(process.env.RUNS ?? 100);
  const started = Date.now();
  const tally = await simulateBackups({
    driver: reachDriver(),
    seed,
    runs,
    firstRun,
    anywhere: process.env.ANY === "1",
  });
  console.log(JSON.stringify(tally), Date.now() - started);
}, 600000);
