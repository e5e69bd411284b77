/**
 * Backups of a data directory that a simulated workload writes, in steps between those of the
 * writer: one behind the other to the same disk, which may lose its power meanwhile, as the disk of
 * the writer may between two of its lives. Whatever is there after a backup must open, verify, have
 * everything that was acknowledged before it began, and take appends.
 */
import { codeOf, messageOf } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import {
  type BackupReport,
  backupWorkspace,
  Directory,
  verifySession,
} from "../../src/session/index.ts";
import type { Engine, EngineDriver, SessionView, World } from "./engine.ts";
import { payloadSizes } from "./harness.ts";
import { MovingDisk } from "./moving-disk.ts";
import { BrokenPromise, Oracle } from "./oracle.ts";
import { type PayloadSizes, PayloadSource } from "./payloads.ts";
import { drawFate, processKilled } from "./power.ts";
import { ProcessDisk } from "./process-disk.ts";
import { Random } from "./random.ts";
import { SimDisk } from "./sim-disk.ts";
import { simulatedProcesses } from "./simulated-processes.ts";
import { viewsOf } from "./simulation.ts";
import { drawPlan, type Plan, Workload } from "./workload.ts";

const path = "/data/main";
const firstTime = 1_700_000_000_000;
const livesMax = 3;

/** What happened, over all runs. */
export interface BackupTally {
  completed: number;
  /** Failed since an operation of a disk did. */
  failed: number;
  /** The disk of the backup lost its power in the middle, and was complete or refused then. */
  powerLosses: number;
  refused: number;
  /** Sessions that were found to be damaged where operations of the disk had failed. */
  troubles: number;
  events: number;
}

/** Lets others go first, some turns of the microtask queue. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** One run. */
export class BackupSimulation {
  readonly #driver: EngineDriver;
  readonly #seed: number;
  readonly #run: number;
  readonly #random: Random;
  readonly #payloads: PayloadSource;
  readonly #tally: BackupTally;
  #worlds = 0;
  #backup: SimDisk;
  /** Backups that a power loss has interrupted. */
  readonly #wrecks: SimDisk[] = [];
  #faulty = false;

  constructor(
    driver: EngineDriver,
    seed: number,
    run: number,
    sizes: PayloadSizes,
    tally: BackupTally,
  ) {
    this.#driver = driver;
    this.#seed = seed;
    this.#run = run;
    this.#random = new Random("backup", seed, run);
    this.#payloads = new PayloadSource(sizes);
    this.#tally = tally;
    this.#backup = this.#emptyBackup();
  }

  #emptyBackup(): SimDisk {
    const disk = new SimDisk(this.#random.fork(), { syncTurnsMax: 2, writeBackChance: 0.02 });
    disk.createFolder("/data");
    disk.createFolder(path);
    return disk.crash(this.#random, processKilled);
  }

  #world(): World {
    const number = ++this.#worlds;
    const random = new Random("world", this.#seed, this.#run, number);
    let now = firstTime + number * 3_600_000;
    return { clock: () => now++, entropy: (size) => random.bytes(size) };
  }

  /** Lives of the writer, with backups in each. */
  async go(): Promise<void> {
    let disk = new SimDisk(this.#random.fork(), {
      syncTurnsMax: this.#random.pick([0, 3, 12, 40]),
      writeBackChance: this.#random.pick([0, 0.02, 0.2]),
    });
    let oracle = new Oracle(this.#driver.appendsAreWhole);
    const lives = this.#random.between(1, livesMax);
    for (let life = 1; life <= lives; life++) {
      await this.#live(disk, oracle, life === 1);
      if (life === lives) break;
      const at = oracle.now;
      // What a backup has beyond what was acknowledged need not be there after a power loss.
      const killed = this.#random.chance(0.5);
      disk = killed ? disk.clone() : disk.crash(this.#random, drawFate(this.#random, false));
      if (this.#random.chance(0.5)) await this.#backUp(disk, oracle);
      const engine = await this.#driver.open(disk, this.#world());
      const views = await viewsOf(engine);
      oracle.judge(views, at);
      oracle = oracle.after(views, at);
      engine.abandon();
    }
  }

  async #live(disk: SimDisk, oracle: Oracle, first: boolean): Promise<void> {
    const driver = this.#driver;
    const process = new ProcessDisk(disk);
    let engine: Engine = await driver.open(process, this.#world());
    const before = engine;
    const plan: Plan = { ...drawPlan(this.#random, first), rounds: 2 };
    this.#faulty = plan.injectsFaults || plan.fillsDisk;
    const parts = { engine, disk, oracle, driver };
    const work = new Workload(parts, this.#payloads, this.#random.fork());
    const takesOver = driver.takeOver !== undefined && !this.#faulty && this.#random.chance(0.2);
    let running = true;
    const backups = async (): Promise<void> => {
      await turns(this.#random.int(200));
      while (running) {
        await this.#backUp(disk, oracle);
        await turns(this.#random.int(400));
      }
    };
    const backing = backups();
    try {
      const done = work.run(plan);
      if (takesOver) {
        await turns(this.#random.int(800));
        process.sleep();
        work.takeoverBegins();
        engine = (await driver.takeOver?.(disk, this.#world())) as Engine;
        work.takenOver();
        const more = new Workload({ ...parts, engine }, this.#payloads, this.#random.fork());
        const quiet = { ...drawPlan(this.#random, false), rounds: 1 };
        const other = more.run({ ...quiet, fillsDisk: false, injectsFaults: false });
        if (this.#random.chance(0.5)) await other;
        process.wake();
        await other;
      }
      await done;
    } finally {
      running = false;
      await backing;
    }
    await this.#backUp(disk, oracle);
    if (this.#random.chance(0.3)) await engine.close();
    await this.#backUp(disk, oracle);
    for (const one of new Set([before, engine])) one.abandon();
  }

  /** One backup, at whose end everything is judged; the power of its disk may fail meanwhile. */
  async #backUp(disk: SimDisk, oracle: Oracle): Promise<void> {
    const at = oracle.now;
    const target = this.#backup;
    let wreck: SimDisk | undefined;
    if (this.#random.chance(0.3)) {
      let left = this.#random.int(250);
      target.onChange = () => {
        left -= 1;
        if (left === 0) wreck = target.clone();
      };
    }
    let report: BackupReport;
    try {
      report = await this.#backedUp(disk, target);
    } catch (error) {
      const code = codeOf(error);
      const mayFail = this.#faulty && (code === "IO_FAILED" || code === "DISK_FULL");
      // The journal is being begun, or nothing is there yet.
      if (!mayFail && code !== "NOT_FOUND") throw error;
      this.#tally.failed += 1;
      return;
    } finally {
      target.onChange = undefined;
    }
    const complete = { at, until: oracle.now };
    if (wreck) await this.#afterPowerLoss(wreck);
    this.#tally.completed += 1;
    if (report.troubles.length > 0 && !this.#faulty) {
      throw new BrokenPromise(`the backup says: ${report.troubles[0]?.message}`);
    }
    this.#tally.troubles += report.troubles.length;
    if (report.troubles.length > 0) this.#backup = this.#emptyBackup();
    else await this.#judge(target, complete, { oracle, ahead: report.ahead });
    for (const wreck of this.#wrecks.splice(0)) await this.#completed(disk, wreck, oracle);
  }

  async #backedUp(
    source: Disk,
    target: SimDisk,
    passTime: () => void = () => {},
  ): Promise<BackupReport> {
    const most = this.#random.pick([0, 0, 3, 20]);
    return backupWorkspace({
      source,
      from: path,
      target,
      to: path,
      boot: "simulated",
      whole: this.#random.chance(0.2),
      pause: () => {
        passTime();
        return turns(60);
      },
      turn: () => turns(this.#random.int(most + 1)),
    });
  }

  /** It is complete, as it was or as it was about to be, or refused; the next one completes it. */
  async #afterPowerLoss(wreck: SimDisk): Promise<void> {
    this.#tally.powerLosses += 1;
    const disk = wreck.crash(this.#random, drawFate(this.#random, false));
    try {
      await this.#judge(disk);
    } catch (error) {
      if (codeOf(error) !== "UNRECOVERED" && codeOf(error) !== "NOT_FOUND") throw error;
      this.#tally.refused += 1;
    }
    this.#wrecks.push(disk);
  }

  /**
   * A life of the writer first, then backups of it as it was: between any two of their calls time
   * goes on, by a random number of operations.
   */
  async goThrough(): Promise<void> {
    const driver = this.#driver;
    const disk = new SimDisk(this.#random.fork(), { syncTurnsMax: 12, writeBackChance: 0.02 });
    const oracle = new Oracle(driver.appendsAreWhole);
    const moments: { disk: SimDisk; now: number }[] = [];
    const engine = await driver.open(disk, this.#world());
    disk.onChange = () => moments.push({ disk: disk.clone(), now: oracle.now });
    const parts = { engine, disk, oracle, driver };
    const work = new Workload(parts, this.#payloads, this.#random.fork());
    const drawn = drawPlan(this.#random, this.#run % 2 === 0);
    await work.run({ ...drawn, rounds: 2, injectsFaults: false, fillsDisk: false });
    if (this.#random.chance(0.5)) await engine.close();
    disk.onChange = undefined;
    engine.abandon();
    const disks = moments.map((moment) => moment.disk);
    const stride = this.#random.pick([1, 3, 10]);
    const chance = this.#random.pick([0.1, 0.5, 1]);
    const source = new MovingDisk(disks, 0, this.#random.fork(), { stride, chance });
    while (source.at < moments.length - 1) {
      source.pass(this.#random.int(Math.ceil(moments.length / 6)));
      const at = moments[source.at]?.now ?? 0;
      const report = await this.#backedUp(source, this.#backup, () => source.pass(40));
      const until = moments[source.at]?.now ?? 0;
      this.#tally.completed += 1;
      const [trouble] = report.troubles;
      if (trouble) throw new BrokenPromise(`the backup says: ${trouble.message}`);
      await this.#judge(this.#backup, { at, until }, { oracle, ahead: report.ahead });
    }
  }

  async #completed(source: SimDisk, disk: SimDisk, oracle: Oracle): Promise<void> {
    const at = oracle.now;
    const { ahead, troubles } = await this.#backedUp(source, disk);
    if (troubles.length === 0)
      await this.#judge(disk, { at, until: oracle.now }, { oracle, ahead });
  }

  /** Opens the backup as a reader does, then as a writer, and appends. */
  async #judge(
    backup: SimDisk,
    complete?: { readonly at: number; readonly until: number },
    source?: { readonly oracle: Oracle; readonly ahead: BackupReport["ahead"] },
  ): Promise<void> {
    const disk = backup.clone();
    const processes = simulatedProcesses("reader");
    const directory = await Directory.open({ path, mode: "read", disk, processes });
    for (const id of directory.sessionIds()) {
      const { problems, integrity } = await verifySession(directory, id, { inThread: false });
      if (integrity === "intact" && problems.length === 0) continue;
      throw new BrokenPromise(`session ${id} of a backup: ${problems[0]?.message ?? integrity}`);
    }
    await directory.close();
    const engine = await this.#driver.open(disk, this.#world());
    const views = await viewsOf(engine);
    if (complete && source) {
      const known = new Map(source.ahead.map(({ id, events }) => [id as string, events]));
      const judged = views.map((view) => upTo(view, known.get(view.id)));
      source.oracle.judge(judged, complete.at, complete.until);
    }
    for (const view of views) {
      this.#tally.events += view.events.length;
      await engine.append(view.id, [new Uint8Array(100)]).durable;
    }
    await engine.close();
  }
}

/** What there is of a session up to an event. */
function upTo(view: SessionView, events: number | undefined): SessionView {
  if (events === undefined) return view;
  const { id, checkpoint, problem } = view;
  const shown = view.events.slice(0, events);
  return { id, events: shown, payloads: view.payloads.slice(0, events), checkpoint, problem };
}

/** What to simulate. */
export interface BackupSimulationOptions {
  readonly driver: EngineDriver;
  readonly seed: number;
  readonly runs: number;
  readonly firstRun?: number;
  /** Whether time goes on between any two calls of a backup, and not only where it waits. */
  readonly anywhere?: boolean;
}

/** Runs the simulation; throws at the first broken promise, with seed and run. */
export async function simulateBackups(options: BackupSimulationOptions): Promise<BackupTally> {
  const { driver, seed, runs, firstRun = 0, anywhere = false } = options;
  const tally = { completed: 0, failed: 0, powerLosses: 0, refused: 0, troubles: 0, events: 0 };
  for (let run = firstRun; run < firstRun + runs; run++) {
    try {
      const simulation = new BackupSimulation(driver, seed, run, payloadSizes, tally);
      await (anywhere ? simulation.goThrough() : simulation.go());
    } catch (error) {
      throw new Error(`seed ${seed}, run ${run}: ${messageOf(error)}`, { cause: error });
    }
  }
  return tally;
}
