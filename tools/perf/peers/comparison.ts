// One run of the comparison: rounds in which everything has its turn, so that a machine that gets
// busier meanwhile is as unkind to one as to the others. Each measurement has fresh processes.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Bench } from "../../bench/bench.ts";
import type { Measurement } from "../../bench/measurement.ts";
import { peakBytes, Served } from "../processes.ts";
import { type FanOutPlan, fanOut, turnEffects } from "./fan-out-shape.ts";
import { bytesBelow } from "./parts.ts";
import type { Request } from "./request.ts";
import { type Row, rowOf } from "./rows.ts";
import { batchesAhead } from "./store.ts";
import { eventsOf, turnsFor } from "./temporal-history.ts";

/** Sizes of the histories that are replayed, in events of Temporal. */
const historyEvents = [10_000, 50_000] as const;
const shortTurns = 2;
/** From the folder of the benchmarks, whose processes are used. */
const module = "../perf/peers";
const serverFile = fileURLToPath(new URL("stream-server.js", import.meta.url));

/** What is asked of a store. */
export type Task = "sequential" | "pipelined" | "read";

/** One store, measured round by round. */
export interface StoreSeries {
  readonly row: Row;
  readonly tasks: Readonly<Record<Task, Measurement[]>>;
  /** After each append of one batch after another. */
  readonly diskBytes: number[];
  /** Most memory of the process that reads, or of the server that is read from, each round. */
  readonly readRssBytes: number[];
}

/** Two engines over the same work, measured round by round. */
export interface ReplaySeries {
  readonly events: number;
  readonly effects: number;
  /** In processes that have replayed something short. */
  readonly first: Replays;
  /** In processes that have replayed the same before. */
  readonly again: Replays;
  /** Events of Reach's session. */
  readonly reachEvents: number;
}

/** Replays by the two engines, by turns. */
export interface Replays {
  readonly temporal: Measurement[];
  readonly reach: Measurement[];
}

/** The rows of stores that are measured, with those that they are held against. */
export function measuredRows(only: readonly Row[]): Row[] {
  const names = new Set<string>();
  for (const { name, against, kind } of only) {
    if (kind === "replay") continue;
    if (kind === "store") names.add("floor").add("reach");
    if (against !== null) names.add(against);
    names.add(name);
  }
  return ["floor", "reach", ...names]
    .filter((name, i, all) => names.has(name) && all.indexOf(name) === i)
    .map(rowOf);
}

/** Measures. */
export class Comparison {
  readonly #bench: Bench;
  readonly #request: Request;

  constructor(request: Request) {
    const { rounds, work, profiles } = request;
    this.#request = request;
    this.#bench = new Bench({ rounds, quick: false, work, log: undefined, profiles });
  }

  get folder(): string {
    return this.#bench.folder;
  }

  close(): void {
    this.#bench.close();
  }

  /** Appends to every store and reads it back, round by round. */
  async stores(): Promise<StoreSeries[]> {
    const series = measuredRows(this.#request.only).map((row): StoreSeries => {
      const tasks = { sequential: [], pipelined: [], read: [] };
      return { row, tasks, diskBytes: [], readRssBytes: [] };
    });
    if (series.length === 0) return series;
    const file = this.#bench.path("events");
    const input = { file, count: this.#request.events };
    this.#bench.say(`making: ${input.count} events`);
    await this.#bench.measure({ module: `${module}/parts`, name: "prepared", input });
    for (let round = 0; round < this.#request.rounds; round++) {
      for (const one of series) await this.#turn(one, file, round);
    }
    return series;
  }

  async #turn(series: StoreSeries, events: string, round: number): Promise<void> {
    const { row, tasks, readRssBytes } = series;
    const about = { store: row.name, events, ahead: 0 };
    const place = await this.#place(row);
    tasks.sequential.push(await this.#part("appended", { ...about, place: place.address }));
    const read = await this.#part("readBack", { ...about, place: place.address });
    tasks.read.push(read);
    readRssBytes.push(place.peakBytes() ?? read.peakRssBytes);
    await place.close();
    series.diskBytes.push(bytesBelow(place.folder));
    this.#bench.remove(row.name);
    if (row.pipelined) {
      const again = await this.#place(row);
      const ahead = { ...about, ahead: batchesAhead, place: again.address };
      tasks.pipelined.push(await this.#part("appended", ahead));
      await again.close();
      this.#bench.remove(row.name);
    }
    const times = [tasks.sequential, tasks.pipelined, tasks.read]
      .map((list) => list.at(-1)?.seconds.toFixed(2))
      .map((text) => (text === undefined ? "-" : `${text} s`));
    this.#bench.say(`round ${round + 1}: ${row.title}: ${times.join(", ")}`);
  }

  #part(name: string, input: object): Promise<Measurement> {
    return this.#bench.measure({ module: `${module}/parts`, name, input });
  }

  /** An empty folder for a store, with its server where it has one. */
  async #place({ name, kind }: Row) {
    const folder = this.#bench.path(name);
    this.#bench.remove(name);
    mkdirSync(folder, { recursive: true });
    if (kind === "store") {
      return { folder, address: folder, peakBytes: () => undefined, close: async () => {} };
    }
    const server = name === "reach-http" ? "reach" : name;
    const served = await Served.start([serverFile, server, folder]);
    return {
      folder,
      address: served.url,
      peakBytes: (): number => peakBytes(served.pid),
      close: (): Promise<void> => served.stop(),
    };
  }

  /** Replays the same work by both engines, round by round. */
  async replays(): Promise<ReplaySeries[]> {
    if (!this.#request.only.some(({ kind }) => kind === "replay")) return [];
    this.#bench.say("making: the workflow, the histories and the sessions");
    const bundle = this.#bench.path("workflow.js");
    const changed = this.#bench.path("changed.js");
    await this.#replayPart("temporal", "makeBundles", { file: bundle, changed });
    const short = await this.#work({ turns: shortTurns, width: fanOut });
    const sizes: { readonly made: MadeWork; readonly series: ReplaySeries }[] = [];
    for (const most of historyEvents) {
      const made = await this.#work({ turns: turnsFor(most, fanOut), width: fanOut });
      sizes.push({ made, series: seriesOf(made) });
    }
    for (let round = 0; round < this.#request.rounds; round++) {
      for (const { made, series } of sizes) {
        const { file, session, plan } = made;
        for (const again of [false, true]) {
          const history = { bundle, changed, short: short.file, file, plan, again };
          const executed = { session, short: short.session, plan, again };
          const { temporal, reach } = again ? series.again : series.first;
          temporal.push(await this.#replayPart("temporal", "replayHistory", history));
          reach.push(await this.#replayPart("reach", "replayExecuted", executed));
          const last = [temporal.at(-1), reach.at(-1)];
          const times = last.map((one) => `${one?.seconds.toFixed(2)} s`).join(", ");
          const what = `replay of ${series.events} events${again ? ", again" : ""}`;
          this.#bench.say(`round ${round + 1}: ${what}: ${times}`);
        }
      }
    }
    return sizes.map(({ series }) => series);
  }

  #replayPart(engine: "temporal" | "reach", name: string, input: object): Promise<Measurement> {
    return this.#bench.measure({ module: `${module}/${engine}-replay`, name, input });
  }

  /** The history and the session of a plan. */
  async #work(plan: FanOutPlan): Promise<MadeWork> {
    const file = this.#bench.path(`history-${plan.turns}`);
    const data = this.#bench.path(`session-${plan.turns}`);
    await this.#replayPart("temporal", "makeHistory", { file, plan });
    const { facts } = await this.#replayPart("reach", "makeExecuted", { data, plan });
    const session = { data, id: String(facts["id"]) };
    return { plan, file, session, reachEvents: Number(facts["events"]) };
  }
}

interface MadeWork {
  readonly plan: FanOutPlan;
  readonly file: string;
  readonly session: { readonly data: string; readonly id: string };
  readonly reachEvents: number;
}

function seriesOf({ plan, reachEvents }: MadeWork): ReplaySeries {
  const effects = plan.turns * turnEffects;
  const first = { temporal: [], reach: [] };
  const again = { temporal: [], reach: [] };
  return { events: eventsOf(plan), effects, reachEvents, first, again };
}
