// The work that both engines replay: turn after turn, one effect, then ten at once, with answers of
// a few hundred bytes. Reach runs `perf/programs/fan-out-agent.ts`, Temporal
// `perf/peers/fan-out-workflow.js`; the answers are the same.

import { prose } from "../../generator/prose.ts";
import { Random } from "../../generator/random.ts";

/** Effects that are started together in each turn. */
export const fanOut = 10;
/** Effects of a turn. */
export const turnEffects: number = 1 + fanOut;
const answerChars = 280;
const seed = 42;

/** What both are started with. */
export interface FanOutPlan {
  readonly turns: number;
  readonly width: number;
}

/** What the first effect of a turn is asked; the workflow and the program say the same. */
export interface ThinkInput {
  readonly turn: number;
  readonly prompt: string;
}

/** What each of the others is asked. */
export interface LookInput {
  readonly turn: number;
  readonly part: number;
  readonly query: string;
}

/** What every effect answers. */
export interface Answer {
  readonly text: string;
}

/** The input of the first effect of a turn. */
export function thinkInput(turn: number): ThinkInput {
  return { turn, prompt: `What is to be done in turn ${turn} of this session?` };
}

/** The input of the others. */
export function lookInput(turn: number, part: number): LookInput {
  return { turn, part, query: `sources for part ${part} of turn ${turn}` };
}

/** The answer to an effect; `part` is -1 for the first of a turn. */
export function answerTo(turn: number, part: number): Answer {
  return { text: prose(new Random(seed, `turn ${turn}, part ${part}`), answerChars) };
}
