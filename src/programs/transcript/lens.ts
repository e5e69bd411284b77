/**
 * The lenses, and which of them reads a session. The format is what the first records look like,
 * not what a file is called; once it is known, it stays.
 */
import { bounds } from "./bounds.ts";
import type { Lens, TranscriptEvent } from "./facts.ts";
import { asciicast } from "./lenses/asciicast.ts";
import { claudeCode } from "./lenses/claude-code.ts";
import { codex } from "./lenses/codex.ts";
import { openHands } from "./lenses/openhands.ts";
import { records } from "./lenses/records.ts";
import { sweAgent } from "./lenses/swe-agent.ts";
import { temporal } from "./lenses/temporal.ts";
import type { TranscriptState } from "./state.ts";

/** Every lens; the last one reads what no other knows. */
export const lenses: readonly Lens[] = [
  claudeCode,
  codex,
  sweAgent,
  openHands,
  temporal,
  asciicast,
  records,
];

const byFormat: ReadonlyMap<string, Lens> = new Map(lenses.map((lens) => [lens.format, lens]));

/** The lens for an event; looks at its data only while the format is not known. */
export function lensFor(state: TranscriptState, event: TranscriptEvent): Lens {
  if (state.format !== null) return byFormat.get(state.format) ?? records;
  const lens = lenses.find((candidate) => candidate.fits(event.type, event.data)) ?? records;
  if (lens !== records) state.format = lens.format;
  else {
    state.tried += 1;
    if (state.tried >= bounds.recordsTriedMax) state.format = records.format;
  }
  return lens;
}
