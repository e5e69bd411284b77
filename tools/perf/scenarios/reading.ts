// Observers: pages of a transcript over kept connections, and many tails of one session.

import autocannon from "autocannon";
import { fanOut } from "../fan-out.ts";
import { Latencies } from "../latencies.ts";
import { LoadClient } from "../load-client.ts";
import type { TestBed } from "../processes.ts";
import {
  type Level,
  latencyLevel,
  numberLevel,
  type Scenario,
  type ScenarioOptions,
} from "../scenario.ts";
import { storedSession } from "../stored-session.ts";
import { together } from "./burst.ts";

const pageEvents = 1000;
const connections = 8;

async function pages(
  bed: TestBed,
  { profile, rounds, note }: ScenarioOptions,
): Promise<readonly Level[]> {
  const client = new LoadClient(bed.url);
  try {
    const events = profile === "fast" ? 10_000 : 100_000;
    note(`${events} events are appended`);
    const id = await storedSession(client, events);
    const levels: Level[] = [];
    for (const accept of ["application/cbor", "application/json"]) {
      const paths = Array.from({ length: events / pageEvents }, (_, n) => {
        return `/v1/sessions/${id}/pages/${n}`;
      });
      const all: Latencies[] = [];
      const rates: number[] = [];
      let errors = 0;
      for (let round = 0; round <= rounds; round++) {
        note(`${accept}, round ${round} of ${rounds}`);
        const figures = await ask(bed.url, paths, accept, profile === "fast" ? 2 : 5);
        // The first one warms up.
        if (round === 0) continue;
        all.push(figures.latencies);
        rates.push(figures.perSecond);
        errors += figures.errors;
      }
      const name = accept.slice(accept.indexOf("/") + 1);
      levels.push(
        latencyLevel(`page_${name}`, all, together(all)),
        numberLevel(`pages_${name}_per_second`, "per s", rates),
        numberLevel(`errors_${name}_total`, "count", [errors]),
      );
    }
    return levels;
  } finally {
    await client.close();
  }
}

interface Asked {
  readonly latencies: Latencies;
  readonly perSecond: number;
  readonly errors: number;
}

/** Asks for pages, one after the other on each connection, for so many seconds. */
async function ask(
  url: string,
  paths: readonly string[],
  accept: string,
  duration: number,
): Promise<Asked> {
  const latencies = new Latencies();
  const requests = paths.map((path) => ({ method: "GET" as const, path, headers: { accept } }));
  const run = autocannon({ url, connections, duration, requests });
  run.on("response", (_client, _status, _bytes, ms) => latencies.add(ms));
  const { errors, non2xx, timeouts, requests: answered } = await run;
  return { latencies, perSecond: answered.average, errors: errors + non2xx + timeouts };
}

/** Pages. */
export const paging: Scenario = {
  name: "paging",
  about: "pages of 1,000 events, 8 connections, as CBOR and as JSON",
  fast: true,
  run: pages,
};

/** Tails. */
export const tails1000: Scenario = {
  name: "tails-1000",
  about: "1,000 observers tail one session that gets 25 events a second",
  fast: false,
  async run(bed, { rounds, note }) {
    const client = new LoadClient(bed.url);
    try {
      const all: Latencies[] = [];
      let dropped = 0;
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}`);
        const figures = await fanOut(client, 1000, 100);
        all.push(figures.latencies);
        dropped += figures.dropped;
      }
      return [
        latencyLevel("fanout_latency", all, together(all)),
        numberLevel("events_dropped_total", "count", [dropped]),
      ];
    } finally {
      await client.close();
    }
  },
};
