/**
 * Reach as a library: open a data directory, record, import, read, replay, verify.
 * `import { open } from "reach-replay"`.
 */
export { codeOf, type ErrorCode, ReachError } from "./base/index.ts";
export { type EventKind, EventView, eventKinds } from "./event/index.ts";
export {
  type EventInput,
  type EventRange,
  type OpenOptions,
  open,
  Reach,
  Recording,
} from "./reach.ts";
