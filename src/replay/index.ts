/** Replay: a program folded over events, and the explanation when the result is another one. */
export { type Difference, differences, missing } from "./difference.ts";
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
export { type EventMark, type Location, locate } from "./locate.ts";
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
