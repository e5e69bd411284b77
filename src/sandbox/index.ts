/** Programs in contexts of their own: compiled, given events, and asked what they made of them. */
export type {
  Activation,
  Failure,
  Operation,
  SandboxEvent,
  StepEnd,
  Waiting,
} from "./activation.ts";
export { codeFault } from "./code-faults.ts";
export { type CompiledProgram, compileProgram, type SandboxText } from "./compiled-program.ts";
export { sameFailure } from "./failure-match.ts";
export { type ContextOptions, ProgramContext } from "./program-context.ts";
export { expectSessions, keptRealms, prepareRealms } from "./realms.ts";
export {
  entryName,
  type SourcePlace,
  sourceName,
  sourcePlace,
  stackPlace,
} from "./source-place.ts";
