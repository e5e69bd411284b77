/**
 * What is not compared between a session and its fork, since it is meant to differ: the event that
 * says where the fork comes from, and what was settled or set there, on both sides.
 */
import type { EventView } from "../event/index.ts";
import { readForkData } from "./fork-data.ts";
import type { SessionReader } from "./session-reader.ts";

/** Where one session left another one. */
export interface ForkParting {
  /** Which of the two is the fork. */
  readonly fork: "a" | "b";
  /** Events that it has of the other one. */
  readonly at: number;
  /** Results, inputs and other events that were settled or set there. */
  readonly settled: number;
}

/** Whether an event of `a`, or of `b`, is one of those; asked of each event once, in order. */
export interface ForkPassing {
  readonly parting: ForkParting | null;
  passes(side: "a" | "b", event: EventView): boolean;
}

/** How two sessions are related, if one is a fork of the other. */
export function forkPassing(a: SessionReader, b: SessionReader): ForkPassing {
  const fork = isForkOf(b, a) ? "b" : "a";
  const reader = fork === "a" ? a : b;
  const from = reader.manifest.fork;
  if (!from || (fork === "a" && !isForkOf(a, b))) return { parting: null, passes: () => false };
  const { at } = from;
  const data = readForkData(reader, from);
  const isRecorded = reader.manifest.kind === "recorded";
  const overrides = new Set(data.overrides);
  const settled = new Set(data.settled.map(({ ref }) => ref));
  let inputs = data.inputs.length;
  const inSource = ({ seq }: EventView): boolean => overrides.has(seq);
  const inFork = ({ seq, kind }: EventView): boolean => {
    if (seq === at || (isRecorded && overrides.has(seq - 1))) return true;
    if (kind !== "input" || inputs === 0) return false;
    inputs -= 1;
    return true;
  };
  const passes = (side: "a" | "b", event: EventView): boolean => {
    if (event.seq < at) return false;
    if (event.kind === "result" && settled.has(event.ref as number)) return true;
    return side === fork ? inFork(event) : inSource(event);
  };
  const count = isRecorded ? overrides.size : settled.size + inputs;
  return { parting: { fork, at, settled: count }, passes };
}

function isForkOf({ manifest }: SessionReader, source: SessionReader): boolean {
  return manifest.fork?.source === source.id;
}
