/** The programs that Reach brings along. */
import { transcript } from "./transcript/program.ts";

export { transcript } from "./transcript/program.ts";
export { renderTranscript } from "./transcript/render.ts";
export type { TranscriptState } from "./transcript/state.ts";

/** Every built-in program; each is a `Program` of the replay core. */
export const builtInPrograms = [transcript] as const;

/** One of `builtInPrograms`. */
export type BuiltInProgram = (typeof builtInPrograms)[number];

/** The built-in program of that name. */
export function builtIn(name: string): BuiltInProgram | undefined {
  return builtInPrograms.find((program) => program.name === name);
}
