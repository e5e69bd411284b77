/** The recorder: for code that runs outside of Reach, and wants to be run again. */
export { EffectFailure, type RecordedFailure } from "./effect-failure.ts";
export { Recording } from "./recording.ts";
export { Rerun, type RerunOptions, type RerunReport } from "./rerun.ts";
export type { EventInput, RecordedCall, SessionRecorder } from "./session-recorder.ts";
