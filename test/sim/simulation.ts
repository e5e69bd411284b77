/**
 * One run of the simulation: a workload, power failures at moments of it, recovery after each, and
 * the oracle's judgement. A run follows from its seed and number alone, so a failing one comes
 * again. One workload serves many crashes: the disk is cloned at the moment and crashed later.
 */
import { codeOf, type ErrorCode, messageOf } from "../../src/base/index.ts";
import type { Coverage } from "./coverage.ts";
import type { Engine, EngineDriver, SessionView, World } from "./engine.ts";
import { type Operation, operationText } from "./operations.ts";
import { BrokenPromise, Oracle } from "./oracle.ts";
import { type PayloadSizes, PayloadSource } from "./payloads.ts";
import { drawFate, faults, type PowerFate, processKilled } from "./power.ts";
import { ProcessDisk } from "./process-disk.ts";
import { Random } from "./random.ts";
import { SimDisk } from "./sim-disk.ts";
import { drawPlan, Workload } from "./workload.ts";

/** What to run. */
export interface SimulationOptions {
  readonly driver: EngineDriver;
  readonly seed: number;
  /** Crashes of one run, not counting those inside and after its recoveries. */
  readonly crashesPerRun: number;
  readonly payloads: PayloadSizes;
  readonly coverage: Coverage;
}

/** A promise was broken: what, and how to see it again. */
export class SimulationFailure extends Error {
  readonly seed: number;
  readonly run: number;

  constructor(seed: number, run: number, story: readonly string[], cause: unknown) {
    super([messageOf(cause), ...story.map((line) => `  ${line}`)].join("\n"), { cause });
    this.name = "SimulationFailure";
    this.seed = seed;
    this.run = run;
  }
}

/** A moment at which the power may fail. */
interface Moment {
  readonly disk: SimDisk;
  readonly operation: Operation | undefined;
  readonly activities: readonly string[];
  readonly at: number;
}

/** A disk to recover, what must be found on it, and how it came about. */
interface Wreck {
  readonly disk: SimDisk;
  readonly oracle: Oracle;
  readonly at: number;
  readonly activities: readonly string[];
  readonly story: readonly string[];
  /** Power failures in a row. */
  readonly depth: number;
}

/** Where clocks begin, in ms since the Unix epoch. */
const firstTime = 1_700_000_000_000;
const depthMax = 3;
/** Turns that a takeover waits for something rare to begin. */
const rareTurnsMax = 5000;
const generationsMax = 3;

/** How a reader may find what the next recovery mends. */
const mayBeMended: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "UNRECOVERED",
  "BLOB_MISSING",
  "BLOB_CORRUPT",
]);

/** Lets others go first, some turns of the microtask queue. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Runs number `run` of a seed; throws `SimulationFailure` when a promise is broken. */
export async function simulate(options: SimulationOptions, run: number): Promise<void> {
  await new Run(options, run).go();
  options.coverage.runs++;
}

/** What readers see of all sessions. */
export async function viewsOf(engine: Engine): Promise<SessionView[]> {
  const views: SessionView[] = [];
  for (const id of engine.sessions()) views.push(await engine.view(id));
  return views;
}

class Run {
  readonly #options: SimulationOptions;
  readonly #run: number;
  readonly #random: Random;
  readonly #payloads: PayloadSource;
  #worlds = 0;
  #crashes = 0;

  constructor(options: SimulationOptions, run: number) {
    this.#options = options;
    this.#run = run;
    this.#random = new Random(options.seed, run);
    this.#payloads = new PayloadSource(options.payloads);
  }

  #world(number = ++this.#worlds): World {
    const random = new Random("world", this.#options.seed, this.#run, number);
    let now = firstTime + number * 3_600_000;
    return { clock: () => now++, entropy: (size) => random.bytes(size) };
  }

  async go(): Promise<void> {
    const { driver, crashesPerRun } = this.#options;
    const generations = this.#random.between(1, generationsMax);
    let oracle = new Oracle(driver.appendsAreWhole);
    let disk = new SimDisk(this.#random.fork(), {
      syncTurnsMax: this.#random.pick([0, 3, 12, 40]),
      writeBackChance: this.#random.pick([0, 0.02, 0.2]),
    });
    for (let generation = 1; generation <= generations; generation++) {
      const count = Math.ceil(crashesPerRun / generations);
      const moments = await this.#live(disk, oracle, generation, count);
      for (const moment of moments) await this.#crashAt(moment, oracle, generation);
      if (generation === generations) break;
      // Life goes on with what one of the crashes left.
      const wreck = this.#wreck(this.#random.pick(moments), oracle, generation);
      ({ disk, oracle } = await this.#salvage(wreck));
    }
  }

  /** One life of the engine, from opening to its end; returns moments at which it may crash. */
  async #live(disk: SimDisk, oracle: Oracle, generation: number, count: number): Promise<Moment[]> {
    const moments: Moment[] = [];
    let seen = 0;
    let workload: Workload | undefined;
    const take = (operation: Operation | undefined): void => {
      // Reservoir sampling: each moment is as likely as any other, however many there will be.
      const place = ++seen <= count ? seen - 1 : this.#random.int(seen);
      if (place >= count) return;
      const about = operation && this.#options.driver.activityOf(operation);
      const activities = workload?.activities() ?? ["opening"];
      if (about !== undefined) activities.push(about);
      moments[place] = { disk: disk.clone(), operation, activities, at: oracle.now };
    };
    disk.onChange = take;
    const story = [`generation ${generation}, alive`];
    const { driver } = this.#options;
    const process = new ProcessDisk(disk);
    const first = await this.#told(story, disk, () => driver.open(process, this.#world()));
    const parts = { engine: first, disk, oracle, driver };
    const firstWork = new Workload(parts, this.#payloads, this.#random.fork());
    workload = firstWork;
    let engine = first;
    await this.#told(story, disk, async () => {
      const plan = drawPlan(this.#random, generation === 1);
      if (driver.takeOver !== undefined && this.#random.chance(0.25)) {
        const quiet = { ...plan, rounds: 2, fillsDisk: false, injectsFaults: false };
        const running = firstWork.run(quiet);
        engine = await this.#takeOver(process, disk, oracle, firstWork);
        await running;
      } else {
        await firstWork.run(plan);
      }
      for (const view of await viewsOf(engine)) oracle.shown(view);
      take(undefined);
      if (this.#random.chance(0.3)) await engine.close();
      take(undefined);
    });
    this.#options.coverage.faults += firstWork.faults;
    disk.onChange = undefined;
    disk.powerOff();
    for (const one of new Set([first, engine])) one.abandon();
    return moments;
  }

  /**
   * A second process takes over from the one that works on `process`, mostly while that one sleeps,
   * and does some work of its own; then the first one wakes up. Returns the second one's engine.
   */
  async #takeOver(
    process: ProcessDisk,
    disk: SimDisk,
    oracle: Oracle,
    first: Workload,
  ): Promise<Engine> {
    const { driver } = this.#options;
    await this.#untilTakeover(first);
    if (this.#random.chance(0.7)) process.sleep();
    first.takeoverBegins();
    const takeOver = driver.takeOver as NonNullable<typeof driver.takeOver>;
    const engine = await takeOver(disk, this.#world());
    first.takenOver();
    const views = await viewsOf(engine);
    oracle.judge(views, oracle.now);
    for (const view of views) oracle.shown(view);
    const parts = { engine, disk, oracle, driver };
    const work = new Workload(parts, this.#payloads, this.#random.fork());
    const plan = drawPlan(this.#random, false);
    const running = work.run({ ...plan, rounds: 1, fillsDisk: false, injectsFaults: false });
    if (this.#random.chance(0.5)) await running;
    process.wake();
    await running;
    return engine;
  }

  /** Lets a workload go on for a while, half of the time into the middle of something rare. */
  async #untilTakeover(first: Workload): Promise<void> {
    await turns(this.#random.int(1500));
    if (this.#random.chance(0.5)) return;
    const rare = this.#random.pick(["collection", "removal", "bulk", "large", "snapshot"]);
    for (let turn = 0; turn < rareTurnsMax && !first.activities().includes(rare); turn++) {
      await Promise.resolve();
    }
    await turns(this.#random.int(100));
  }

  async #crashAt(moment: Moment, oracle: Oracle, generation: number): Promise<void> {
    await this.#recover(this.#wreck(moment, oracle, generation));
  }

  #wreck(moment: Moment, oracle: Oracle, generation: number): Wreck {
    const { at, activities, operation } = moment;
    const killed = this.#random.chance(0.12);
    const fate: PowerFate = killed ? processKilled : drawFate(this.#random, false);
    // A killed process leaves the page cache as it is, also what of it will never be written.
    const disk = killed ? moment.disk.clone() : moment.disk.crash(this.#random, fate);
    const where = operation === undefined ? "at rest" : `before ${operationText(operation)}`;
    const story = [
      `generation ${generation}, ${killed ? "kill -9" : "power failure"} ${where}`,
      `during ${activities.join(", ") || "nothing"}; ${fate.name}`,
      ...moment.disk.trace().map((line) => `  ${line}`),
    ];
    return { disk, oracle, at, activities, story, depth: 1 };
  }

  /** Recovers and judges, with further crashes in and after the recovery. */
  async #recover(wreck: Wreck): Promise<void> {
    const { disk, oracle, at, depth } = wreck;
    this.#crashes++;
    this.#options.coverage.crash(wreck.activities);
    await this.#lookBefore(wreck);
    if (this.#random.chance(0.05)) await this.#recoverWithFault(wreck);
    if (this.#random.chance(0.03)) await this.#recoverTheSame(wreck);
    let inner: { disk: SimDisk; operation: Operation } | undefined;
    let seen = 0;
    if (depth < depthMax && this.#random.chance(0.5)) {
      disk.onChange = (operation) => {
        if (this.#random.int(++seen) === 0) inner = { disk: disk.clone(), operation };
      };
    }
    const { engine, views } = await this.#judged(wreck);
    disk.onChange = undefined;
    await this.#afterwards(wreck, engine, views);
    if (inner === undefined) return;
    const { operation } = inner;
    const fate = drawFate(this.#random, false);
    await this.#recover({
      disk: inner.disk.crash(this.#random, fate),
      oracle,
      at,
      activities: ["recovery"],
      story: [
        ...wreck.story,
        `power failure in recovery before ${operationText(operation)}; ${fate.name}`,
        ...inner.disk.trace().map((line) => `  ${line}`),
      ],
      depth: depth + 1,
    });
  }

  /**
   * A process that only reads comes before anybody has recovered: what the power loss has left of
   * files that recovery mends waits for that, and is never called damage.
   */
  async #lookBefore(wreck: Wreck): Promise<void> {
    const { driver, seed } = this.#options;
    const random = new Random("look", seed, this.#run, this.#crashes);
    if (driver.look === undefined || !random.chance(0.2)) return;
    const { look } = driver;
    const disk = wreck.disk.clone();
    await this.#told([...wreck.story, "read before it was recovered"], disk, async () => {
      for (const { view, error } of await look(disk, this.#world(0))) {
        if (view) wreck.oracle.glimpsed(view);
        else if (!mayBeMended.has(codeOf(error))) throw error;
      }
    });
    this.#options.coverage.hit("read before recovery");
  }

  /** Opens, reads everything and judges it. */
  async #judged(wreck: Wreck): Promise<{ engine: Engine; views: SessionView[] }> {
    const { disk, oracle, at } = wreck;
    return await this.#told(wreck.story, disk, async () => {
      const engine = await this.#openWithRoom(disk);
      const views = await viewsOf(engine);
      oracle.judge(views, at);
      return { engine, views };
    });
  }

  /** Opens a disk; one that is too full to be recovered must say so, and then gets room. */
  async #openWithRoom(disk: SimDisk, number = ++this.#worlds): Promise<Engine> {
    try {
      return await this.#options.driver.open(disk, this.#world(number));
    } catch (error) {
      if (codeOf(error) !== "DISK_FULL" || !disk.isFull) throw error;
    }
    this.#options.coverage.hit("recovery on a full disk");
    disk.setCapacity(Number.POSITIVE_INFINITY);
    return await this.#options.driver.open(disk, this.#world(number));
  }

  /** What recovery has shown stays: through a second power failure, or a second recovery. */
  async #afterwards(wreck: Wreck, engine: Engine, views: SessionView[]): Promise<void> {
    const { disk, depth } = wreck;
    const oracle = wreck.oracle.after(views, wreck.at);
    const next = { oracle, at: oracle.now, depth: depth + 1 };
    const what = this.#random.weighted({ nothing: 4, crash: 3, twice: 2 });
    if (what === "crash" && depth < depthMax) {
      const fate = drawFate(this.#random, false);
      const trace = disk.trace().map((line) => `  ${line}`);
      const story = [...wreck.story, `power failure after recovery; ${fate.name}`, ...trace];
      const rest = disk.crash(this.#random, fate);
      this.#end(disk, engine);
      await this.#recover({ ...next, disk: rest, activities: ["after recovery"], story });
    } else if (what === "twice") {
      await this.#told(wreck.story, disk, () => engine.close());
      const before = disk.files();
      const again = { ...wreck, ...next, story: [...wreck.story, "recovered once more"] };
      const second = await this.#judged(again);
      await this.#told(again.story, disk, async () => {
        await second.engine.close();
        this.#compare(before, disk.files(), this.#options.driver.isStable);
      });
      this.#options.coverage.hit("recovered twice");
    } else {
      this.#end(disk, engine);
    }
  }

  #end(disk: SimDisk, engine: Engine): void {
    disk.powerOff();
    engine.abandon();
  }

  #compare(
    before: ReadonlyMap<string, Uint8Array>,
    after: ReadonlyMap<string, Uint8Array>,
    compares: (path: string, size: number) => boolean,
  ): void {
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const [a, b] = [before.get(path), after.get(path)];
      if (!compares(path, (a ?? b)?.length ?? 0)) continue;
      if (a === undefined || b === undefined || Buffer.compare(a, b) !== 0) {
        throw new BrokenPromise(`a second recovery changed ${path}`);
      }
    }
  }

  /** Two recoveries of the same disk, in the same world, write the same bytes. */
  async #recoverTheSame(wreck: Wreck): Promise<void> {
    const number = ++this.#worlds;
    const files: Map<string, Uint8Array>[] = [];
    for (const disk of [wreck.disk.clone(), wreck.disk.clone()]) {
      await this.#told(wreck.story, disk, async () => {
        const engine = await this.#openWithRoom(disk, number);
        await engine.close();
        files.push(disk.files());
      });
    }
    const [first, second] = files as [Map<string, Uint8Array>, Map<string, Uint8Array>];
    await this.#told(wreck.story, wreck.disk, async () => this.#compare(first, second, () => true));
    this.#options.coverage.hit("recovered twice alike");
  }

  /** An operation fails in recovery: it says so with a stable code, and the next one succeeds. */
  async #recoverWithFault(wreck: Wreck): Promise<void> {
    const disk = wreck.disk.clone();
    const fault = this.#random.pick(faults);
    disk.failAt(this.#random.between(1, 60), fault);
    this.#options.coverage.faults++;
    this.#options.coverage.hit("fault in recovery");
    const story = [...wreck.story, `recovery with ${fault.code}, effect ${fault.effect}`];
    const { engine, held } = await this.#told(story, disk, () => this.#openFailing(wreck, disk));
    const next = this.#random.chance(0.5) ? disk.clone() : disk.crash(this.#random);
    disk.powerOff();
    engine?.abandon();
    const second = await this.#judged({ ...wreck, ...held, disk: next, story });
    this.#end(next, second.engine);
  }

  /** Opens a disk that may fail; also returns what the next to open it is held to. */
  async #openFailing(
    wreck: Wreck,
    disk: SimDisk,
  ): Promise<{ engine: Engine | undefined; held: Pick<Wreck, "oracle" | "at"> }> {
    const { oracle, at } = wreck;
    let engine: Engine | undefined;
    try {
      engine = await this.#options.driver.open(disk, this.#world());
      const views = await viewsOf(engine);
      oracle.judge(views, at);
      const after = oracle.after(views, at);
      return { engine, held: { oracle: after, at: after.now } };
    } catch (error) {
      const code = codeOf(error);
      if (code !== "IO_FAILED" && code !== "DISK_FULL") throw error;
      return { engine, held: { oracle, at } };
    }
  }

  /** Recovers for the next generation, which is held to all that was shown. */
  async #salvage(wreck: Wreck): Promise<{ disk: SimDisk; oracle: Oracle }> {
    const { engine, views } = await this.#judged(wreck);
    const oracle = wreck.oracle.after(views, wreck.at);
    const disk = wreck.disk.clone();
    disk.setCapacity(Number.POSITIVE_INFINITY);
    this.#end(wreck.disk, engine);
    return { disk, oracle };
  }

  /** Runs `action`; a failure is told with what led to it. */
  async #told<T>(story: readonly string[], disk: SimDisk, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof SimulationFailure) throw error;
      const trace = disk.trace().map((line) => `  ${line}`);
      const lines = [`crash ${this.#crashes} of the run`, ...story, "then", ...trace];
      throw new SimulationFailure(this.#options.seed, this.#run, lines, error);
    }
  }
}
