/**
 * Reach as a library: open a data directory, record, import, read, replay, verify.
 * `import { open } from "reach-replay"`.
 */
export {
  codeOf,
  type ErrorCode,
  type ErrorDetails,
  ReachError,
  type SessionId,
} from "./base/index.ts";
export { type EventKind, EventView, eventKinds } from "./event/index.ts";
export type { ImportOptions, ImportReport } from "./importers/index.ts";
export { type EventRange, type OpenOptions, open, Reach } from "./reach.ts";
export { Recording, Rerun, type RerunOptions, type RerunReport } from "./recorder/index.ts";
export {
  EffectFailure,
  type EventInput,
  type OpenCall,
  type RecordedCall,
  type SessionRecorder,
} from "./recording/index.ts";
export {
  type Divergence,
  type OperationDivergence,
  renderDivergence,
  renderOperationDivergence,
} from "./replay/index.ts";
export type { ReplayReport, StateReport } from "./runtime/index.ts";
export type { ByteSink, Directory, VerifyReport } from "./session/index.ts";
