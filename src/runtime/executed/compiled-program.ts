/**
 * The program of a text, compiled for contexts of its own. What has no code is built in, and only
 * folds.
 */
import { ReachError } from "../../base/index.ts";
import { type CompiledProgram, compileProgram } from "../../sandbox/index.ts";
import type { ProgramText } from "../protocol.ts";
import { enterProgram, leaveProgram } from "../whereabouts.ts";

/** Compiles a program, or returns the one compiled before. Throws `PROGRAM_INVALID`. */
export function compiledProgram({ hash, where, code, map }: ProgramText): CompiledProgram {
  if (code === null) throw new ReachError("USAGE", `${where} is built in and has no steps to run`);
  enterProgram("load", 0);
  try {
    return compileProgram({ hash, where, code, map });
  } finally {
    leaveProgram();
  }
}
