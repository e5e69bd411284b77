// Many observers of one session: client and server on the same cores, as two processes. Every
// observer checks that it gets each event once and in order. Time runs from before the append is
// sent, so the way to the server, the fdatasync and the way back are in it; what is left of it when
// one observer is there alone is the floor.

import * as http from "node:http";
import * as net from "node:net";
import { encodeValue } from "../../../src/base/index.ts";
import { Directory } from "../../../src/session/index.ts";
import type { Bench } from "../bench.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import { countRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";
import { ServedProcess } from "../served.ts";
import { quantile, ratioOf, spreadOf } from "../spread.ts";

const module = "scenarios/tails";

interface Load {
  readonly tails: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export const tails: Scenario = {
  name: "tails",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const seconds = bench.options.quick ? 2 : 10;
    const many = bench.options.quick ? 1000 : 10_000;
    const loads: readonly [Load, number | undefined][] = [
      [{ tails: 1000, perSecond: 25, seconds }, 100],
      [{ tails: many, perSecond: 1, seconds }, undefined],
    ];
    const rows: Row[] = [];
    for (const [load, goal] of loads) rows.push(...(await rowsOf(bench, load, goal)));
    return rows;
  },
};

async function rowsOf(bench: Bench, load: Load, goal: number | undefined): Promise<Row[]> {
  const reach: Measurement[] = [];
  const floor: Measurement[] = [];
  for (let round = 0; round < bench.rounds(3); round++) {
    for (const [side, tails] of [
      [floor, 1],
      [reach, load.tails],
    ] as const) {
      const input = { ...load, tails, root: bench.path("tails") };
      side.push(await bench.measure({ module, name: "tailed", input }));
      bench.remove("tails");
    }
    const last = reach.at(-1)?.facts;
    bench.say(`${load.tails} tails: P95 ${last?.["p95"]} ms, ${last?.["wrong"]} wrong`);
  }
  const all = (side: readonly Measurement[], fact: string): number[] =>
    side.map(({ facts }) => Number(facts[fact]));
  const what = `${load.tails} tails of a session with ${load.perSecond} events/s`;
  const p95 = all(reach, "p95");
  const alone = all(floor, "p95");
  return [
    {
      what: `${what}: append sent to event there, P95; one tail alone (floor)`,
      unit: "ms",
      reach: spreadOf(p95),
      floor: spreadOf(alone),
      ratio: ratioOf(p95, alone),
      ...(goal === undefined ? {} : { goal: { relation: "<=", value: goal, of: "median" } }),
    },
    {
      what: `${what}: until the last one has it, P95`,
      unit: "ms",
      reach: spreadOf(all(reach, "lastP95")),
      floor: spreadOf(all(floor, "lastP95")),
    },
    countRow(`${what}: events missed, repeated or out of order`, reach, "wrong", 0),
    {
      what: `${what}: RSS of the server, most`,
      unit: "bytes",
      reach: spreadOf(all(reach, "peak")),
      floor: spreadOf(all(floor, "peak")),
      goal: { relation: "<=", value: 512 * 1024 * 1024, of: "worst" },
    },
  ];
}

/** One observer: a socket, the seq that it expects next, what was wrong so far. */
class Observer {
  next = 0;
  wrong = 0;
  upToDate = false;
  readonly #socket: net.Socket;
  #rest = "";

  constructor(url: URL, path: string, arrived: (seq: number) => void) {
    this.#socket = net.connect(Number(url.port), url.hostname);
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    this.#socket.setEncoding("latin1");
    this.#socket.on("error", () => {
      this.wrong += 1;
    });
    this.#socket.on("data", (data: unknown) => {
      const text = this.#rest + String(data);
      const end = text.lastIndexOf("\n") + 1;
      this.#rest = text.slice(end);
      for (const [, seq] of text.slice(0, end).matchAll(/^id: (\d+)$/gm)) {
        if (Number(seq) !== this.next) this.wrong += 1;
        this.next = Number(seq) + 1;
        arrived(Number(seq));
      }
      this.upToDate ||= text.includes('"upToDate":true');
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

const seconds = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => boolean, ms: number): Promise<void> {
  for (const began = performance.now(); !what() && performance.now() - began < ms; ) {
    await seconds(20);
  }
}

async function emptySession(root: string): Promise<string> {
  const directory = await Directory.open({ path: `${root}/default`, mode: "write" });
  const writer = directory.createSession();
  const event = { kind: "emit", type: "first", time: 0, ref: null, form: "cbor" } as const;
  await writer.append({ ...event, bytes: encodeValue(0) }).durable;
  await directory.close();
  return writer.id;
}

/** Tails a session while it is appended to, and checks and times every event. */
export async function tailed(input: Load & { readonly root: string }): Promise<Work> {
  const id = await emptySession(input.root);
  const served = await ServedProcess.start(input.root);
  const count = input.perSecond * input.seconds;
  const sent: number[] = [];
  const last: number[] = [];
  const times: number[] = [];
  const arrived = (seq: number): void => {
    const began = sent[seq];
    if (began === undefined) return;
    const time = performance.now() - began;
    times.push(time);
    last[seq] = Math.max(last[seq] ?? 0, time);
  };
  const observers: Observer[] = [];
  const work = await measured(async () => {
    const url = new URL(served.url);
    for (let i = 0; i < input.tails; i++) {
      observers.push(new Observer(url, `/v1/sessions/${id}/tail`, arrived));
      if (i % 100 === 99) await until(() => observers.every((one) => one.upToDate), 10_000);
    }
    await until(() => observers.every((one) => one.upToDate), 30_000);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const began = performance.now();
    const appends: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      await seconds(began + (i * 1000) / input.perSecond - performance.now());
      sent[i + 1] = performance.now();
      appends.push(append(agent, `${served.url}/v1/sessions/${id}/events`, i));
    }
    await Promise.all(appends);
    await until(() => observers.every(({ next }) => next > count), 20_000);
    agent.destroy();
    const wrong = observers.reduce((sum, one) => sum + one.wrong + (count + 1 - one.next), 0);
    const { rss, peak } = served.memory();
    const lastP95 = quantile(last.slice(1), 0.95);
    return { p95: quantile(times, 0.95), lastP95, wrong, rss, peak };
  });
  for (const observer of observers) observer.close();
  await served.stop();
  return work;
}

function append(agent: http.Agent, url: string, n: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const request = http.request(url, { agent, method: "POST", headers }, (response) => {
      response.resume().on("end", () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`an append is answered with ${response.statusCode}`));
      });
    });
    request.on("error", reject);
    request.end(JSON.stringify({ type: "tick", data: { n, text: "x".repeat(100) } }));
  });
}
