/** Replay: a program folded over events, and the explanation when the result is another one. */
export { type Difference, differences, missing } from "./difference.ts";
export { visible } from "./display.ts";
export {
  type CauseKind,
  type DivergedStretch,
  type Divergence,
  explain,
  type ProgramMark,
  programMark,
} from "./divergence.ts";
export { renderDivergence } from "./divergence-text.ts";
export { type Boundary, Fold, type FoldStart, foldFrom } from "./fold.ts";
export { type EventMark, type Location, locate, markOf } from "./locate.ts";
export {
  holdsPayload,
  isHostEnd,
  isMade,
  isSameOperation,
  type MadeOperation,
  markOfMade,
  markOfRecorded,
  type OperationMark,
} from "./operation.ts";
export {
  type ChangeKind,
  type ComparedOperations,
  changeOf,
  type OperationChange,
  operationText,
} from "./operation-change.ts";
export { type DigestedOperations, OperationDigest } from "./operation-digest.ts";
export type {
  OperationCause,
  OperationCauseKind,
  OperationDivergence,
  PendingMarks,
  StateMarks,
} from "./operation-divergence.ts";
export { renderOperationDivergence } from "./operation-divergence-text.ts";
export {
  type Program,
  type ProgramDefinition,
  programOf,
  type ReducerEvent,
} from "./program.ts";
export type {
  Duration,
  EffectFailure,
  EffectsOf,
  EventsOf,
  InputsOf,
  ProgramEventOf,
  ProgramTypes,
  ReadOnly,
  ReceivedInput,
  ResultOf,
  StateOf,
  StepContext,
  StepOutcome,
  TypedProgram,
} from "./program-types.ts";
