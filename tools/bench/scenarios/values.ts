// Encoding and decoding the data of generated events, beside cbor-x, which is fast and was measured
// to lose some values; Reach's own codec exists because its bytes are hashed. Without goals.

import { Decoder, Encoder } from "cbor-x";
import { decodeValue, encodeValue } from "../../../src/base/index.ts";
import { agentEvents } from "../../generator/index.ts";
import type { Bench } from "../bench.ts";
import { measured, type Work } from "../measurement.ts";
import { timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

const seed = 42;
/** Encoded or decoded before the clock starts. */
const share = 0.1;

export const values: Scenario = {
  name: "values",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const rows: Row[] = [];
    for (const name of ["encoding", "decoding"]) {
      const module = "scenarios/values";
      const pairs = await bench.pairs(bench.rounds(5), {
        floor: { module, name, input: { events, codec: "cbor-x" } },
        reach: { module, name, input: { events, codec: "reach" } },
      });
      rows.push(timesRow(`${name} the data of ${events} events; cbor-x (floor)`, pairs));
    }
    return rows;
  },
};

interface Input {
  readonly events: number;
  readonly codec: "reach" | "cbor-x";
}

const encoder = new Encoder({ useRecords: false, variableMapSize: true });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** Encodes the data of generated events. */
export function encoding({ events, codec }: Input): Promise<Work> {
  const data = [...agentEvents({ events, seed })].map((event) => event.data);
  return eachOf(data, codec === "reach" ? (value) => encodeValue(value) : encodeWithCborX);
}

/** Decodes the data of generated events. */
export function decoding({ events, codec }: Input): Promise<Work> {
  const data = [...agentEvents({ events, seed })].map((event) => encodeValue(event.data));
  return eachOf(data, codec === "reach" ? decodeValue : (bytes) => decoder.decode(bytes));
}

function encodeWithCborX(value: unknown): unknown {
  return encoder.encode(value);
}

function eachOf<T>(items: readonly T[], work: (item: T) => unknown): Promise<Work> {
  for (const item of items.slice(0, Math.ceil(share * items.length))) work(item);
  return measured(() => {
    let done = 0;
    for (const item of items) if (work(item) !== undefined) done += 1;
    return { done };
  });
}
