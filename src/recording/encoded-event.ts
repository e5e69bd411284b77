/**
 * An event on its way into a session, before it has a place there: its data is encoded when it is
 * made, so that what changes afterwards changes nothing of it.
 */
import { encodeValue, systemClock } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";

/** An event whose data is encoded. */
export interface EncodedEvent {
  readonly kind: EventKind;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The seq that it answers. */
  readonly ref: number | null;
  readonly form: "cbor";
  /** The data, as `encodeValue` writes it. */
  readonly bytes: Uint8Array;
}

/** An event that happens now. Throws `DATA_UNSUPPORTED` for data that is not plain. */
export function eventNow(
  kind: EventKind,
  type: string,
  ref: number | null,
  data: unknown,
): EncodedEvent {
  return { kind, type, time: systemClock(), ref, form: "cbor", bytes: encodeValue(data) };
}
