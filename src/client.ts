/**
 * The public entry "reach-replay/client": a server from afar. It uses `fetch` and nothing of Node,
 * so it runs in a browser as well.
 *
 *   import { ReachClient } from "reach-replay/client";
 *   const client = new ReachClient({ url: "http://127.0.0.1:4320", token });
 *   for await (const event of client.tail(id)) console.log(event.seq, event.type);
 */
export { codeOf, type ErrorCode, ReachError, type SessionId } from "./base/index.ts";
export {
  type AppendConditions,
  type AppendedInfo,
  type ClientOptions,
  type EventObject,
  type EventsOptions,
  type ImportableSource,
  type ImportedBundle,
  type ImportedTranscript,
  type ImportRequest,
  type InclusionInfo,
  type JobInfo,
  type ListOptions,
  type NewEventObject,
  type NewRecording,
  type ProblemInfo,
  ReachClient,
  type RecorderOptions,
  RemoteRecording,
  type ReplayRequest,
  type ServerInfo,
  type SessionInfo,
  type StateInfo,
  type StoredBytes,
  type StoredOptions,
  type TailOptions,
} from "./client/index.ts";
export {
  EffectFailure,
  type EventInput,
  type OpenCall,
  type RecordedCall,
  type SessionRecorder,
} from "./recording/index.ts";
