/**
 * Every operation of a workload fails once in every way, one at a time: not done, done but reported
 * as failed, done in part; with an I/O error and for want of room. The engine must say so with a
 * stable code, lose nothing, go on reading, and be found whole after a kill and a power failure.
 */
import { codeOf, messageOf } from "../../src/base/index.ts";
import type { Coverage } from "./coverage.ts";
import type { Engine, EngineDriver, World } from "./engine.ts";
import { Oracle } from "./oracle.ts";
import { type PayloadSizes, PayloadSource } from "./payloads.ts";
import { type Fault, faults, nothingKept } from "./power.ts";
import { Random } from "./random.ts";
import { SimDisk } from "./sim-disk.ts";
import { viewsOf } from "./simulation.ts";
import { type Plan, Workload } from "./workload.ts";

/** What to sweep. */
export interface SweepOptions {
  readonly driver: EngineDriver;
  readonly seed: number;
  readonly payloads: PayloadSizes;
  readonly coverage: Coverage;
  /** Every how many operations one fails; 1: each. */
  readonly stride?: number;
}

const plan: Plan = {
  clients: 3,
  steps: 8,
  rounds: 2,
  weights: {
    append: 4,
    burst: 2,
    bulk: 1,
    large: 1,
    checkpoint: 1,
    snapshot: 1,
    view: 1,
    create: 1,
    pause: 1,
  },
  fillsDisk: false,
  injectsFaults: false,
};

/** Runs the workload once for each operation and fault; returns how many faults there were. */
export async function sweepFaults(options: SweepOptions): Promise<number> {
  const { disk } = await live(options, undefined);
  const stride = options.stride ?? 1;
  let count = 0;
  for (let index = 1; index <= disk.operations; index += stride) {
    for (const fault of faults) {
      await sweepOne(options, index, fault);
      count++;
    }
  }
  options.coverage.faults += count;
  return count;
}

function world(seed: number, life: number): World {
  const random = new Random("sweep", seed, life);
  let now = 1_700_000_000_000 + life * 3_600_000;
  return { clock: () => now++, entropy: (size) => random.bytes(size) };
}

async function sweepOne(options: SweepOptions, index: number, fault: Fault): Promise<void> {
  const random = new Random("sweep crash", options.seed, index);
  let disk: SimDisk | undefined;
  try {
    const life = await live(options, { index, fault });
    disk = life.disk;
    const killed = disk.clone();
    const crashed = disk.crash(random);
    disk.powerOff();
    life.engine.abandon();
    disk = crashed;
    await recovered(options, crashed, life.oracle, 3);
    // What the page cache showed after a kill stays, also when nothing of the cache was durable.
    disk = killed;
    const shown = await recovered(options, killed, life.oracle, 4);
    disk = killed.crash(random, nothingKept);
    await recovered(options, disk, shown, 5);
  } catch (error) {
    const what = `operation ${index} fails with ${fault.code}, effect ${fault.effect}`;
    const lines = [messageOf(error), what, ...(disk?.trace() ?? [])];
    throw new Error(lines.join("\n  "), { cause: error });
  }
}

/** One life of the engine, to its end; the operation that is to fail is past it then. */
async function live(
  options: SweepOptions,
  injected: { index: number; fault: Fault } | undefined,
): Promise<{ disk: SimDisk; engine: Engine; oracle: Oracle }> {
  const { driver, seed } = options;
  const oracle = new Oracle(driver.appendsAreWhole);
  let disk = new SimDisk(new Random("sweep disk", seed), { syncTurnsMax: 4 });
  if (injected !== undefined) disk.failAt(injected.index, injected.fault);
  let engine: Engine;
  try {
    engine = await driver.open(disk, world(seed, 1));
  } catch (error) {
    if (injected === undefined || codeOf(error) !== injected.fault.code) throw error;
    disk = disk.clone(); // the next process tries again
    engine = await driver.open(disk, world(seed, 2));
  }
  const payloads = new PayloadSource(options.payloads);
  const sessions = sessionsOf(engine, injected?.fault);
  const parts = { engine, disk, oracle, driver, sessions };
  const workload = new Workload(parts, payloads, new Random("sweep workload", seed));
  if (injected !== undefined) workload.expectFault();
  await workload.run(plan);
  if (injected !== undefined) await workload.resumesAfterFault();
  for (const view of await viewsOf(engine)) oracle.shown(view);
  return { disk, engine, oracle };
}

/** What readers see; where asking for it is what fails, it says so and works the next time. */
function sessionsOf(engine: Engine, fault: Fault | undefined): readonly string[] {
  try {
    return engine.sessions();
  } catch (error) {
    if (codeOf(error) !== fault?.code) throw error;
    return engine.sessions();
  }
}

/** Recovers a disk, judges it, and returns an oracle that holds the next to what was shown. */
async function recovered(
  options: SweepOptions,
  disk: SimDisk,
  oracle: Oracle,
  life: number,
): Promise<Oracle> {
  const engine = await options.driver.open(disk, world(options.seed, life));
  const views = await viewsOf(engine);
  oracle.judge(views, oracle.now);
  options.coverage.crash(["fault sweep"]);
  engine.abandon();
  return oracle.after(views, oracle.now);
}
