// What it costs to run programs in contexts of their own: folding, activations, contexts,
// snapshots, each beside the same work in the realm of the process, without any sandbox.

import { decodeValue, encodeValue, sha256, utf8 } from "../../../src/base/index.ts";
import {
  type CompiledProgram,
  compileProgram,
  ProgramContext,
  type SandboxEvent,
} from "../../../src/sandbox/index.ts";
import type { Bench } from "../bench.ts";
import { measured, type Work } from "../measurement.ts";
import { timesRow } from "../rows.ts";
import type { Goal, Row, Scenario } from "../scenario.ts";
import { spreadOf } from "../spread.ts";

const module = "scenarios/sandbox";
const stepCalls = 1000;
/** Done before the clock starts. */
const warmUp = 2_000;

/** Microseconds that one of them may take, where there is a goal. */
interface Part {
  readonly name: string;
  readonly what: string;
  readonly count: number;
  readonly most?: number;
}

const parts: readonly Part[] = [
  { name: "folding", what: "events folded", count: 200_000, most: 1.5 },
  { name: "foldingTexts", what: "events with 2 KB of text folded", count: 50_000 },
  { name: "activating", what: "activations, a result and a call each", count: 100_000, most: 8 },
  { name: "using", what: "contexts, used again", count: 10_000 },
  { name: "making", what: "contexts, made anew", count: 200 },
  { name: "keeping", what: "snapshots of 64 KB, taken and restored", count: 500 },
];

export const sandbox: Scenario = {
  name: "sandbox",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const { name, what, count, most } of parts) {
      const times = bench.events(count);
      if (name === "using" || name === "making") {
        const input = { times, inside: true };
        const seconds: number[] = [];
        for (let round = 0; round < bench.rounds(3); round++) {
          seconds.push((await bench.measure({ module, name, input })).seconds);
        }
        rows.push({ what: `${times} ${what}`, unit: "s", reach: spreadOf(seconds) });
        continue;
      }
      const pairs = await bench.pairs(bench.rounds(3), {
        floor: { module, name, input: { times, inside: false } },
        reach: { module, name, input: { times, inside: true } },
      });
      const goal: Goal | undefined =
        most === undefined
          ? undefined
          : { relation: "<=", value: (most * times) / 1e6, of: "median" };
      const row = timesRow(`${times} ${what}; without a sandbox (floor)`, pairs);
      rows.push(goal ? { ...row, goal } : row);
    }
    return rows;
  },
};

interface Input {
  readonly times: number;
  readonly inside: boolean;
}

const reducer = `init: () => ({ n: 0, total: 0, last: "" }),
  reduce(state, event) {
    state.n += 1;
    if (event.kind === "result") {
      const { value } = event.data;
      if (typeof value === "number") state.total += value;
      else state.last = value.content;
    }
    return state;
  }`;

function compiled(members: string, before = ""): CompiledProgram {
  const code = `${before}var program={default:{name:"bench",version:"1",${members}}};`;
  return compileProgram({ hash: sha256(utf8(code)), where: "bench.js", code, map: null });
}

function event(seq: number, kind: "trigger" | "result", data: Uint8Array): SandboxEvent {
  const ref = kind === "result" ? 1 : null;
  return { seq, time: 1_000, kind, type: "work", ref, form: "cbor", payload: data };
}

const trigger = event(0, "trigger", encodeValue(null));
const number = encodeValue({ value: 3 });
const content = "What the model says, word by word. ".repeat(58);
const text = encodeValue({ value: { role: "assistant", content, usage: { in: 900, out: 500 } } });

interface State {
  n: number;
  total: number;
  last: string;
}

/** The same reducer in this realm. */
function reduceHere(state: State, payload: Uint8Array): State {
  const { value } = decodeValue(payload) as { value: number | { content: string } };
  state.n += 1;
  if (typeof value === "number") state.total += value;
  else state.last = value.content;
  return state;
}

function foldingOf({ times, inside }: Input, payload: Uint8Array): Promise<Work> {
  const context = ProgramContext.create(compiled(reducer));
  context.init(trigger);
  let state: State = { n: 0, total: 0, last: "" };
  let seq = 0;
  const fold = (count: number): void => {
    for (let i = 0; i < count; i++) {
      seq += 1;
      if (inside) context.fold(event(seq, "result", payload));
      else state = reduceHere(state, payload);
    }
  };
  fold(warmUp);
  return measured(() => {
    fold(times);
    return { folded: inside ? seq : state.n };
  });
}

/** Folds events with a number each. */
export function folding(input: Input): Promise<Work> {
  return foldingOf(input, number);
}

/** Folds events with a text each, as models answer. */
export function foldingTexts(input: Input): Promise<Work> {
  return foldingOf(input, text);
}

const stepping = `${reducer},
  async step(ctx) {
    for (let i = 0; i < ${stepCalls}; i++) await ctx.call("work", { i });
    return "continue";
  }`;

/** Delivers a result and takes the next call over. */
export function activating({ times, inside }: Input): Promise<Work> {
  return inside ? activatingInside(times) : activatingHere(times);
}

async function activatingInside(times: number): Promise<Work> {
  const context = ProgramContext.create(compiled(stepping));
  const key = new Uint8Array(32);
  context.init(trigger);
  context.setInbox([], 1_000);
  let activation = context.beginStep(1, key);
  let seq = 2;
  let bytes = 0;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      activation = context.deliver({ ...event(seq, "result", number), ref: seq - 1 });
      seq += 1;
      if (activation.ended) {
        context.setInbox([], 1_000);
        activation = context.beginStep(++seq, key);
      }
      for (const { data } of activation.operations) bytes += data.length;
      seq += activation.operations.length;
    }
  };
  run(warmUp);
  return measured(() => {
    run(times);
    return { bytes };
  });
}

/** The least there is to do: encode the input, decode the result twice, reduce both, await. */
async function activatingHere(times: number): Promise<Work> {
  let state: State = { n: 0, total: 0, last: "" };
  let bytes = 0;
  const call = async (i: number): Promise<unknown> => {
    bytes += encodeValue({ input: { i } }).length;
    state.n += 1;
    const result = await Promise.resolve(number);
    state = reduceHere(state, result);
    return (decodeValue(result) as { value: unknown }).value;
  };
  for (let i = 0; i < warmUp; i++) await call(i);
  return measured(async () => {
    for (let i = 0; i < times; i++) await call(i);
    return { bytes };
  });
}

/** Makes contexts and gives them up. */
function contexts(times: number, program: CompiledProgram): Promise<Work> {
  const make = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const context = ProgramContext.create(program);
      context.init(trigger);
      context.dispose();
    }
  };
  make(10);
  return measured(() => {
    make(times);
    return { made: times };
  });
}

/** Contexts of one program, one after the other. */
export function using({ times }: Input): Promise<Work> {
  return contexts(times, compiled(reducer));
}

/** Contexts that cannot be used again: the program leaves something on the global object. */
export function making({ times }: Input): Promise<Work> {
  return contexts(times, compiled(reducer, "globalThis.mark = 1;"));
}

/** Takes snapshots of a state and goes on from them in another context. */
export function keeping({ times, inside }: Input): Promise<Work> {
  const items = Array.from({ length: 200 }, (_, i) => ({
    id: `item-${i}`,
    done: i % 2 === 0,
    at: 1_700_000_000_000 + i,
    note: content.slice(0, 250),
  }));
  const program = compiled(`init: () => ({ items: [] }), reduce: (s) => s`);
  let bytes = encodeValue({ items });
  const keep = (count: number): void => {
    for (let i = 0; i < count; i++) {
      if (inside) {
        const context = ProgramContext.create(program);
        context.restore(bytes);
        bytes = context.snapshot();
        context.dispose();
      } else bytes = new Uint8Array(encodeValue(decodeValue(bytes), "refuse"));
    }
  };
  keep(20);
  return measured(() => {
    keep(times);
    return { bytes: bytes.length };
  });
}
