// Pages of 1,000 events, as CBOR and as JSON, to 8 connections: the floor sends the same bytes from
// files, with a bare fastify. And the server's memory when 100 clients page through a million
// events. Client and server are two processes on the same cores.

import { mkdirSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import { limits } from "../../../src/base/index.ts";
import type { Bench } from "../bench.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import { speedRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";
import { fetchSize, ServedProcess } from "../served.ts";
import { spreadOf } from "../spread.ts";

const module = "scenarios/pages";
const connections = 8;
const passes = 5;
const clients = 100;
const mebibyte = 1024 * 1024;

interface Served {
  readonly root: string;
  readonly id: string;
  readonly events: number;
}

export const pages: Scenario = {
  name: "pages",
  long: true,
  async run(bench: Bench): Promise<readonly Row[]> {
    const short = await session(bench, bench.events(100_000));
    const files = bench.path("page-files");
    await bench.measure({ module, name: "savePages", input: { ...short, files } });
    const rows: Row[] = [];
    for (const [type, least] of [
      ["cbor", 0.6],
      ["json", 0.25],
    ] as const) {
      const input = { ...short, files, type };
      const pairs = await bench.pairs(bench.rounds(5), {
        floor: { module, name: "sendFiles", input },
        reach: { module, name: "sendPages", input },
      });
      const speed = pairs.reach.map(({ seconds, facts }) => Number(facts["bytes"]) / seconds / 1e6);
      const what = `pages of 1,000 events, ${type}, ${connections} connections`;
      rows.push(speedRow(`${what}; the same bytes from files (floor): speed`, pairs, least));
      rows.push({ what: `${what}: speed`, unit: "MB/s", reach: spreadOf(speed) });
    }
    const long = await session(bench, bench.events(1_000_000));
    const memory: Measurement[] = [];
    for (let round = 0; round < bench.rounds(3); round++) {
      memory.push(await bench.measure({ module, name: "pageToMany", input: long }));
    }
    return [...rows, ...memoryRows(long.events, memory)];
  },
};

function memoryRows(events: number, memory: readonly Measurement[]): Row[] {
  const of = (fact: string): number[] => memory.map(({ facts }) => Number(facts[fact]));
  const what = `${events} events paged to ${clients} clients, as JSON and as CBOR`;
  return [
    {
      what: `${what}: RSS of the server, more than before`,
      unit: "bytes",
      reach: spreadOf(of("grown")),
      goal: { relation: "<=", value: 50 * mebibyte, of: "median" },
    },
    {
      what: `${what}: RSS of the server, most`,
      unit: "bytes",
      reach: spreadOf(of("peak")),
      goal: { relation: "<=", value: 512 * mebibyte, of: "worst" },
    },
  ];
}

function session(bench: Bench, events: number): Promise<Served> {
  return bench.once(`a session of ${events} events to be served`, async () => {
    const root = bench.path(`served-${events}`);
    const input = { root, events };
    const made = await bench.measure({ module: "inputs", name: "makeSession", input });
    return { root, id: String(made.facts["id"]), events };
  });
}

function pageCount({ events }: Served): number {
  return Math.ceil(events / limits.pageEventsMax);
}

/** Saves every page, as it is answered, for the floor. */
export async function savePages(input: Served & { readonly files: string }): Promise<Work> {
  const served = await ServedProcess.start(input.root);
  const agent = new http.Agent({ keepAlive: true });
  mkdirSync(input.files, { recursive: true });
  const work = await measured(async () => {
    for (const type of ["cbor", "json"]) {
      for (let n = 0; n < pageCount(input); n++) {
        const parts: Buffer[] = [];
        const url = `${served.url}/v1/sessions/${input.id}/pages/${n}`;
        const take = (bytes: Buffer): number => parts.push(bytes);
        await fetchSize(agent, url, { accept: `application/${type}` }, take);
        writeFileSync(`${input.files}/${type}-${n}`, Buffer.concat(parts));
      }
    }
    return {};
  });
  agent.destroy();
  await served.stop();
  return work;
}

type Sent = Served & { readonly files: string; readonly type: string };

/** The same bytes from files. */
export function sendFiles(input: Sent): Promise<Work> {
  return sent(input, ({ floor }, n) => `${floor}/${input.type}/${n}`);
}

/** Pages of Reach. */
export function sendPages(input: Sent): Promise<Work> {
  return sent(input, ({ url }, n) => `${url}/v1/sessions/${input.id}/pages/${n}`);
}

async function sent(
  input: Sent,
  urlOf: (served: ServedProcess, n: number) => string,
): Promise<Work> {
  const served = await ServedProcess.start(input.root, input.files);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const headers = { accept: `application/${input.type}` };
  const pass = async (): Promise<number> => {
    const sizes = Array.from({ length: pageCount(input) }, (_, n) =>
      fetchSize(agent, urlOf(served, n), headers),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  // Code is compiled, files are in memory.
  await pass();
  const work = await measured(async () => {
    let bytes = 0;
    for (let i = 0; i < passes; i++) bytes += await pass();
    return { bytes };
  });
  agent.destroy();
  await served.stop();
  return work;
}

/** Every client pages through a share of the events of its own, all at the same time. */
export async function pageToMany(input: Served): Promise<Work> {
  const served = await ServedProcess.start(input.root);
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const share = Math.ceil(pageCount(input) / clients);
  const client = async (number: number, accept: string): Promise<void> => {
    for (let n = number * share; n < Math.min((number + 1) * share, pageCount(input)); n++) {
      await fetchSize(agent, `${served.url}/v1/sessions/${input.id}/pages/${n}`, { accept });
    }
  };
  const everybody = async (accept: string): Promise<void> => {
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number, accept)));
  };
  const work = await measured(async () => {
    await fetchSize(agent, `${served.url}/v1/sessions/${input.id}/pages/0`);
    const before = served.memory().rss;
    await everybody("application/cbor");
    await everybody("application/json");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { rss, peak } = served.memory();
    return { before, grown: rss - before, peak };
  });
  agent.destroy();
  await served.stop();
  return work;
}
