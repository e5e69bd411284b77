/**
 * Contexts as they are in earnest: each program compiled once a thread, each session in a `vm`
 * context of its own. A runner loads this file in the thread that it gives to sessions.
 */
import {
  type CompiledProgram,
  compileProgram,
  expectSessions,
  keptRealms,
  ProgramContext,
  prepareRealms,
} from "../../sandbox/index.ts";
import type { ContextMaker } from "./session-host.ts";

/** Makes contexts with `src/sandbox`. */
export const contexts: ContextMaker = {
  prepare: prepareRealms,
  kept: keptRealms,
  expect: expectSessions,
  compile({ hash, where, code, map }) {
    const program: CompiledProgram = compileProgram({ hash, where, code, map });
    return () => ProgramContext.create(program);
  },
};
