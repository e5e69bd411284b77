/**
 * What clients do to an engine while the power may fail: several at once, each appending, importing
 * in bulk, signing and reading, while the disk runs full and single operations fail. How much of
 * what is drawn per run, so that every mixture comes up.
 */
import { codeOf, type ErrorCode, messageOf } from "../../src/base/index.ts";
import type { Appended, Engine, EngineDriver } from "./engine.ts";
import { BrokenPromise, type Oracle, type Submission } from "./oracle.ts";
import type { PayloadSource } from "./payloads.ts";
import { faults } from "./power.ts";
import type { Random } from "./random.ts";
import type { SimDisk } from "./sim-disk.ts";

type Action =
  | "append"
  | "burst"
  | "bulk"
  | "large"
  | "checkpoint"
  | "snapshot"
  | "view"
  | "create"
  | "pause";

/** The shape of one workload. */
export interface Plan {
  readonly clients: number;
  /** Actions of each client. */
  readonly steps: number;
  readonly weights: Readonly<Record<Action, number>>;
  /** How often all clients do their actions; in between sessions go and room is given back. */
  readonly rounds: number;
  readonly fillsDisk: boolean;
  readonly injectsFaults: boolean;
}

/** Codes with which an operation may fail on a disk that is full or failing. */
const expectedCodes: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "DISK_FULL",
  "IO_FAILED",
  "CLOSED",
  "READ_ONLY",
  "OVERLOADED",
  "UNRECOVERED",
]);

/** Codes of reads that meet what a failed sync has left of a pack. */
const damageCodes: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "BLOB_MISSING",
  "BLOB_CORRUPT",
]);

/** Draws the shape of a workload; with `everything` nothing is left out of it. */
export function drawPlan(random: Random, everything: boolean): Plan {
  const weight = (): number => (everything ? 1 : random.pick([0, 1, 1, 3]));
  return {
    clients: random.between(everything ? 3 : 1, 5),
    steps: random.between(3, 8),
    rounds: random.between(1, 2),
    weights: {
      append: 4,
      burst: weight(),
      bulk: weight() / 2,
      large: weight() / 3,
      checkpoint: weight() / 2,
      snapshot: weight() / 3,
      view: weight() / 2,
      create: weight() / 2,
      pause: weight(),
    },
    fillsDisk: everything || random.chance(0.25),
    injectsFaults: random.chance(0.25),
  };
}

/** How events get into a session. */
type Way = "append" | "bulk" | "large";

/** Runs clients against one engine and tells the oracle what they were promised. */
export class Workload {
  readonly #engine: Engine;
  readonly #disk: SimDisk;
  readonly #oracle: Oracle;
  readonly #driver: EngineDriver;
  readonly #random: Random;
  readonly #payloads: PayloadSource;
  readonly #sessions: string[];
  readonly #importing = new Set<string>();
  readonly #appending = new Map<string, number>();
  readonly #active = new Map<string, number>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #failures: unknown[] = [];
  #diskIsFull = false;
  #roomChanges = 0;
  #faults = 0;
  #maintaining = false;
  #lastFailure = "";
  #takeover: "none" | "begun" | "done" = "none";

  constructor(
    parts: {
      engine: Engine;
      disk: SimDisk;
      oracle: Oracle;
      driver: EngineDriver;
      /** Those that are there, where asking for them may fail. */
      sessions?: readonly string[];
    },
    payloads: PayloadSource,
    random: Random,
  ) {
    this.#engine = parts.engine;
    this.#disk = parts.disk;
    this.#oracle = parts.oracle;
    this.#driver = parts.driver;
    this.#payloads = payloads;
    this.#random = random;
    this.#sessions = [...(parts.sessions ?? parts.engine.sessions())];
  }

  /** What is going on right now. */
  activities(): string[] {
    const busy = [...this.#active].filter(([, count]) => count > 0).map(([name]) => name);
    if (this.#diskIsFull) busy.push("full disk");
    if (this.#faults > 0) busy.push("failing operation");
    if (this.#takeover === "begun") busy.push("takeover");
    if (this.#takeover === "done") busy.push("fenced writer");
    return busy;
  }

  /** Operations that were made to fail. */
  get faults(): number {
    return this.#faults;
  }

  /** Runs all clients to their end. */
  async run(plan: Plan): Promise<void> {
    const trouble: Promise<void>[] = [];
    if (plan.fillsDisk) trouble.push(this.#fillDisk(this.#random.fork()));
    if (plan.injectsFaults) trouble.push(this.#injectFaults(this.#random.fork()));
    for (let round = 0; round < plan.rounds; round++) {
      if (round > 0) await this.#maintain(this.#random.fork());
      const clients = Array.from({ length: plan.clients }, () =>
        this.#client(plan, this.#random.fork()),
      );
      await Promise.all(clients);
      await Promise.all(this.#pending);
    }
    await Promise.all(trouble);
    await Promise.all(this.#pending);
    this.#disk.heal();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #client(plan: Plan, random: Random): Promise<void> {
    for (let step = 0; step < plan.steps; step++) {
      const action = this.#sessions.length === 0 ? "create" : random.weighted(plan.weights);
      await this.#act(action, random);
    }
  }

  async #act(action: Action, random: Random): Promise<void> {
    switch (action) {
      case "create":
        return await this.#create(random);
      case "append":
        return void (await this.#append(random, "append"));
      case "bulk":
        return void (await this.#append(random, "bulk"));
      case "burst": {
        // The client goes on without waiting for any of them.
        for (let count = random.between(2, 6); count > 0; count--) {
          this.#inBackground(this.#append(random, "append"));
        }
        return;
      }
      case "large":
        return void (await this.#append(random, "large"));
      case "checkpoint":
        return await this.#checkpoint(random);
      case "snapshot":
        return await this.#snapshot(random);
      case "view":
        return await this.#view(random);
      case "pause":
        return await pause(random.int(30));
    }
  }

  #inBackground(promise: Promise<unknown>): void {
    const watched = promise
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  async #create(random: Random): Promise<void> {
    try {
      const id = this.#engine.createSession();
      this.#oracle.created(id);
      this.#sessions.push(id);
    } catch (error) {
      this.#tolerate(error, this.#roomChanges);
      return;
    }
    await this.#append(random, "append");
  }

  /** Appends to a session; nothing happens when it takes part in a bulk import. */
  async #append(random: Random, way: Way): Promise<"stored" | "failed" | "busy"> {
    if (this.#maintaining || this.#sessions.length === 0) return "busy";
    const session = random.pick(this.#sessions);
    const others = this.#appending.get(session) ?? 0;
    if (this.#importing.has(session) || (way === "bulk" && others > 0)) return "busy";
    const payloads = this.#draw(random, way);
    const submission = this.#oracle.submitted(session, payloads, way === "bulk");
    const roomChanges = this.#roomChanges;
    if (way === "bulk") this.#importing.add(session);
    this.#appending.set(session, others + 1);
    try {
      await this.#during(way, () => this.#submit(session, payloads, way, submission));
      this.#mayAcknowledge();
      this.#oracle.acknowledged(submission);
      return "stored";
    } catch (error) {
      this.#tolerate(error, roomChanges);
      return "failed";
    } finally {
      this.#appending.set(session, (this.#appending.get(session) as number) - 1);
      if (way === "bulk") this.#importing.delete(session);
    }
  }

  #draw(random: Random, way: Way): Uint8Array[] {
    if (way === "large") return [this.#payloads.nextHuge(random)];
    const count = way === "bulk" ? random.between(2, 40) : random.pick([1, 1, 2, 3, 8]);
    return Array.from({ length: count }, () => this.#payloads.next(random));
  }

  async #submit(
    session: string,
    payloads: readonly Uint8Array[],
    way: Way,
    submission: Submission,
  ): Promise<void> {
    const { firstSeq, durable } = await this.#submitted(session, payloads, way, submission);
    submission.firstSeq = firstSeq;
    await durable;
  }

  /** Not asynchronous where the place of the events is known at once. */
  #submitted(
    session: string,
    payloads: readonly Uint8Array[],
    way: Way,
    submission: Submission,
  ): Appended | Promise<Appended> {
    if (way === "large" && this.#engine.appendLarge !== undefined) {
      return this.#engine.appendLarge(session, payloads[0] as Uint8Array);
    }
    const appended =
      way === "bulk"
        ? this.#engine.bulk(session, payloads, (count) => {
            this.#mayAcknowledge();
            this.#oracle.acknowledgedPart(submission, count);
          })
        : this.#engine.append(session, payloads);
    submission.firstSeq = appended.firstSeq;
    return appended;
  }

  #mayAcknowledge(): void {
    if (this.#takeover !== "done") return;
    throw new BrokenPromise("a writer acknowledged although another one had taken over");
  }

  async #snapshot(random: Random): Promise<void> {
    const session = random.pick(this.#sessions);
    const roomChanges = this.#roomChanges;
    if (this.#engine.snapshot === undefined || this.#importing.has(session)) return;
    try {
      await this.#during("snapshot", async () => this.#engine.snapshot?.(session));
    } catch (error) {
      if (!this.#mayFailToRead(error)) this.#tolerate(error, roomChanges);
    }
  }

  /** Nobody writes now: a session goes for good, the room that nothing needs is given back. */
  async #maintain(random: Random): Promise<void> {
    this.#maintaining = true;
    while ([...this.#appending.values()].some((count) => count > 0)) await pause(5);
    const roomChanges = this.#roomChanges;
    try {
      const { remove, collect } = this.#engine;
      if (remove !== undefined && this.#sessions.length > 1 && random.chance(0.6)) {
        await this.#during("removal", () => this.#remove(random.pick(this.#sessions)));
      }
      if (collect !== undefined && random.chance(0.6)) {
        await this.#during("collection", async () => this.#engine.collect?.());
      }
    } catch (error) {
      this.#tolerate(error, roomChanges);
    } finally {
      this.#maintaining = false;
    }
  }

  async #remove(session: string): Promise<void> {
    this.#oracle.removing(session);
    const index = this.#sessions.indexOf(session);
    this.#sessions.splice(index, 1);
    try {
      await this.#engine.remove?.(session);
    } catch (error) {
      // Nothing of it became durable, so there is nothing to remove.
      if (codeOf(error) === "NOT_FOUND") return;
      throw error;
    }
    if (this.#takeover === "none") this.#oracle.removed(session);
  }

  /** Another writer begins to take over; what this one is told from then on is not held to it. */
  takeoverBegins(): void {
    this.#takeover = "begun";
  }

  /** It has taken over: nothing more may be acknowledged by this one. */
  takenOver(): void {
    this.#takeover = "done";
  }

  async #checkpoint(random: Random): Promise<void> {
    const session = random.pick(this.#sessions);
    const roomChanges = this.#roomChanges;
    try {
      const claim = await this.#during("checkpoint", () => this.#engine.checkpoint(session));
      if (this.#takeover === "none") this.#oracle.signed(session, claim);
    } catch (error) {
      this.#tolerate(error, roomChanges);
    }
  }

  async #view(random: Random): Promise<void> {
    try {
      const ids = this.#engine.sessions();
      if (ids.length === 0 || this.#takeover !== "none") return;
      this.#oracle.listed(ids);
      const view = await this.#engine.view(random.pick(ids));
      // An import that is given up takes the session with it that it began.
      if (this.#importing.has(view.id)) this.#oracle.seen(view);
      else this.#oracle.shown(view);
    } catch (error) {
      // A full disk is no reason for a read to fail.
      if (!this.#mayFailToRead(error)) throw error;
    }
  }

  /**
   * A failed sync may throw pages out of the cache: until the engine has rebuilt the file, reading
   * a session says that it waits for that, and reading a pack that it is damaged.
   */
  #mayFailToRead(error: unknown): boolean {
    const code = codeOf(error);
    return this.#faults > 0 && (expectedCodes.has(code) || damageCodes.has(code));
  }

  async #during<T>(activity: string, action: () => Promise<T>): Promise<T> {
    this.#active.set(activity, (this.#active.get(activity) ?? 0) + 1);
    try {
      return await action();
    } finally {
      this.#active.set(activity, (this.#active.get(activity) as number) - 1);
    }
  }

  /**
   * Lets an error pass that says with a stable code what there was a reason for while it came
   * about; `roomChanges` is how often the disk had run full or got room when that began.
   */
  #tolerate(error: unknown, roomChanges: number): void {
    this.#lastFailure = messageOf(error);
    const wasFull = this.#diskIsFull || roomChanges !== this.#roomChanges;
    const lasting = this.#roomChanges > 0 && !this.#driver.resumesAfterFullDisk;
    // It shares its files with another process now, and may fail in any way that is told.
    if (this.#takeover !== "none" && codeOf(error) !== undefined) return;
    const undoing = this.#roomChanges > 0 && codeOf(error) === "UNRECOVERED";
    const mayFail = wasFull || lasting || undoing || this.#faults > 0;
    if (!mayFail || !expectedCodes.has(codeOf(error))) throw error;
  }

  async #fillDisk(random: Random): Promise<void> {
    await pause(random.int(120));
    this.#diskIsFull = true;
    this.#roomChanges++;
    this.#disk.setCapacity(this.#disk.usedBytes + 4096 * random.pick([0, 1, 2, 4, 16]));
    await pause(random.between(10, 200));
    this.#disk.setCapacity(Number.POSITIVE_INFINITY);
    await this.#resumes(random, this.#driver.resumesAfterFullDisk, "there is room again");
    this.#roomChanges++;
    this.#diskIsFull = false;
  }

  async #injectFaults(random: Random): Promise<void> {
    await pause(random.int(120));
    const first = this.#disk.operations + random.int(40);
    const kinds = random.pick([["write"], ["sync", "synced"], ["read"], undefined]);
    this.expectFault();
    this.#disk.failWhere(
      ({ index, kind }) => index >= first && (kinds?.includes(kind) ?? true),
      random.pick(faults),
    );
    await pause(random.between(10, 200));
    await this.resumesAfterFault();
  }

  /** From now on appends and reads may fail because an operation is made to. */
  expectFault(): void {
    this.#faults++;
  }

  /** Where the driver promises it, appends are acknowledged again. */
  async resumesAfterFault(): Promise<void> {
    const { resumesAfterFault } = this.#driver;
    await this.#resumes(this.#random.fork(), resumesAfterFault, "an operation failed once");
  }

  /** Where the driver promises it, one of the next appends is acknowledged. */
  async #resumes(random: Random, promised: boolean, why: string): Promise<void> {
    if (!promised) return;
    for (let failures = 0; failures < 8; ) {
      if (this.#sessions.length === 0) return;
      const outcome = await this.#append(random, "append");
      if (outcome === "stored") return;
      if (outcome === "failed") failures++;
      await pause(20);
    }
    throw new BrokenPromise(`appends do not work again although ${why}: ${this.#lastFailure}`);
  }
}

/** Lets others go first, some turns of the microtask queue. */
async function pause(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}
