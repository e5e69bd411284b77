/** Running programs over sessions: loading them, replay, the state at any event, worker threads. */
export { ownProgram, programFor, runtimeName, storedProgram } from "./executed/session-program.ts";
export { failedAt } from "./failed-at.ts";
export { type LoadedProgram, loadProgram, type ProgramName, programName } from "./load-program.ts";
export { closeWorkers, startWorkers } from "./pool.ts";
export type { ReplayedOperations, ReplayReport, Verdict } from "./replay-report.ts";
export { type ReplayOptions, replaySession } from "./replay-session.ts";
export { encodedStateAt, type StateReport, stateAt } from "./state-at.ts";
