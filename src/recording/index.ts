/** What code that records itself leaves in a log, and works with, wherever the log lies. */

export { EffectFailure, type RecordedFailure } from "./effect-failure.ts";
export { type EncodedEvent, eventNow } from "./encoded-event.ts";
export { checkRun, EventRecorder, type EventSink, outcomeOf } from "./event-recorder.ts";
export {
  interruptedResult,
  isOwnRecording,
  isResumedNote,
  notRecorded,
  type OpenCall,
  OpenCallSearch,
  resumedNote,
} from "./resumption.ts";
export type { EventInput, RecordedCall, SessionRecorder } from "./session-recorder.ts";
