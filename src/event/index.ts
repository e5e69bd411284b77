/** The event, its payload, and the batch that frames events in a log. */
export {
  type Batch,
  BatchBuilder,
  type BatchProblem,
  BatchWalk,
  batchHeaderBytes,
  batchProducer,
  batchSize,
  eventFramingBytes,
  type Producer,
  positionCrc,
  readBatch,
  sealBatch,
} from "./batch.ts";
export {
  checkEventBytes,
  checkEventHeader,
  checkEventRange,
  checkEventType,
  type EventHeader,
  type EventKind,
  EventView,
  encodeEvent,
  eventBytesBound,
  eventKinds,
  SaltSource,
  writeEvent,
} from "./event.ts";
export {
  type BlobRef,
  decodePayload,
  encodeBlobRef,
  encodeInline,
  inlineOverhead,
  type Payload,
  type PayloadForm,
  type PayloadSource,
  payloadForms,
  payloadOf,
  valueOf,
} from "./payload.ts";
export { typeFilter } from "./type-filter.ts";
