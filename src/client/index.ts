/** A server from afar: requests, stored events, tails that resume. */
export type {
  AppendedInfo,
  EventObject,
  ImportedBundle,
  ImportedTranscript,
  InclusionInfo,
  JobInfo,
  NewEventObject,
  ProblemInfo,
  ServerInfo,
  SessionInfo,
  StateInfo,
} from "./answers.ts";
export {
  type AppendConditions,
  type EventsOptions,
  type ListOptions,
  ReachClient,
  type ReplayRequest,
} from "./client.ts";
export type { TailOptions } from "./event-tail.ts";
export type { ImportableSource, ImportRequest, StoredBytes } from "./import-source.ts";
export { type NewRecording, type RecorderOptions, RemoteRecording } from "./remote-recording.ts";
export type { ClientOptions } from "./requests.ts";
export type { StoredOptions } from "./stored-events.ts";
