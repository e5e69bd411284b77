/**
 * Programs by name or by file. What a file holds is looked at in a worker, never in the main
 * thread: it is somebody's code, and it may take its time.
 */
import { toHex } from "../base/index.ts";
import { builtIn, builtInPrograms } from "../programs/index.ts";
import { bundleProgram } from "./bundle.ts";
import { workerPool } from "./pool.ts";
import type { ProgramText } from "./protocol.ts";

/** A program that can be run: checked, with the code that its hash was taken of. */
export interface LoadedProgram extends ProgramText {
  readonly name: string;
  readonly version: string;
  /** Whether it can be executed, and not only folded. */
  readonly hasStep?: boolean;
}

/** What a report says about the program it is about; `hash` in hexadecimal. */
export interface ProgramName {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}

/**
 * The program that `spec` names: a built-in one (`transcript`, also when nothing is given), or the
 * path of a TypeScript or JavaScript file. Throws `NOT_FOUND`, `PROGRAM_INVALID` with the place.
 */
export async function loadProgram(spec?: string, signal?: AbortSignal): Promise<LoadedProgram> {
  const own = spec === undefined ? builtInPrograms[0] : builtIn(spec);
  if (own) {
    const { name, version, hash } = own;
    return { name, version, hash, where: name, code: null, map: null };
  }
  const text = await bundleProgram(spec as string);
  const named = await workerPool().run<"inspect">({ kind: "inspect", program: text }, { signal });
  return { ...text, ...named };
}

/** The program as a report names it. */
export function programName({ name, version, hash }: LoadedProgram): ProgramName {
  return { name, version, hash: toHex(hash) };
}
