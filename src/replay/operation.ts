/**
 * Operations: what a program makes when it is run (calls, emits, timers, ends of steps, the end of
 * the session), compared with what the log says it made. Compared are bytes, in place: nothing is
 * decoded as long as everything is the same.
 */
import { decodeValue, equalBytes, limits, sha256, toHex } from "../base/index.ts";
import type { EventKind, EventView, PayloadSource } from "../event/index.ts";
import { displayed, visible } from "./display.ts";

/** Something that a program, or its host for it, made: it becomes an event without a `ref`. */
export interface MadeOperation {
  readonly kind: EventKind;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The exact payload, CBOR. */
  readonly data: Uint8Array;
}

/** An operation, made or recorded, by what a reader needs to recognise it; plain data. */
export interface OperationMark {
  readonly seq: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly time: number;
  /** SHA-256 of the payload, hexadecimal: two operations with the same input have the same. */
  readonly inputHash: string;
  /** Bytes of the payload. */
  readonly bytes: number;
  /** The payload, shortened; of the end of a session that failed, what was thrown. */
  readonly shown: string;
}

/** Whether an event is one that its session made; the others come from outside. */
export function isMade({ kind, type }: { readonly kind: EventKind; readonly type: string }) {
  switch (kind) {
    case "call":
    case "emit":
    case "step":
    case "end":
      return true;
    case "timer":
      return type === "set";
    default:
      return false;
  }
}

/** Whether an `end` is of the host's own making: no program makes it again. */
export function isHostEnd(event: EventView): boolean {
  if (event.kind !== "end") return false;
  if (event.type === "infrastructure") return true;
  if (event.type !== "cancelled") return false;
  return (event.data as { readonly forced?: unknown } | null)?.forced === true;
}

/** Whether a recorded event holds exactly these bytes, inline or by the name of its blob. */
export function holdsPayload(recorded: EventView, data: Uint8Array): boolean {
  if (data.length <= limits.payloadInlineBytesMax) return equalBytes(recorded.dataBytes, data);
  const { payload } = recorded;
  if (payload.form !== "blob") return false;
  const { size, form, sha256: name } = payload.ref;
  return form === "cbor" && size === data.length && equalBytes(name, sha256(data));
}

/** Whether a recorded event is what was made now: kind, type, time, no `ref`, and the payload. */
export function isSameOperation(recorded: EventView, made: MadeOperation): boolean {
  return (
    recorded.kind === made.kind &&
    recorded.time === made.time &&
    recorded.ref === null &&
    recorded.type === made.type &&
    holdsPayload(recorded, made.data)
  );
}

/** The mark of an operation that was made in place `seq`. */
export function markOfMade(made: MadeOperation, seq: number): OperationMark {
  const { kind, type, time, data } = made;
  return { seq, kind, type, time, ...aboutPayload(data, "cbor", kind) };
}

/** The mark of a recorded event; its payload is fetched where it is a blob that can be read. */
export function markOfRecorded(recorded: EventView, source?: PayloadSource): OperationMark {
  const { seq, kind, type, time, payload } = recorded;
  const header = { seq, kind, type, time };
  if (payload.form !== "blob") {
    return { ...header, ...aboutPayload(payload.bytes, payload.form, kind) };
  }
  const { sha256: name, size, form } = payload.ref;
  try {
    if (source) return { ...header, ...aboutPayload(source.get(name), form, kind) };
  } catch {
    // The report says what is known without it.
  }
  return { ...header, inputHash: toHex(name), bytes: size, shown: `(${size} bytes in a blob)` };
}

function aboutPayload(bytes: Uint8Array, form: "cbor" | "json" | "bytes", kind: EventKind) {
  const about = { inputHash: toHex(sha256(bytes)), bytes: bytes.length };
  if (form !== "cbor") return { ...about, shown: `(${bytes.length} bytes of ${form})` };
  try {
    const value = decodeValue(bytes);
    return { ...about, shown: (kind === "end" && failureText(value)) || displayed(value) };
  } catch {
    return { ...about, shown: "(no value)" };
  }
}

const failureCharsMax = 300;

/** `TypeError: …`, or the code in place of the name; nothing for an end that is no failure. */
function failureText(end: unknown): string | undefined {
  const { error } = end as { readonly error?: Readonly<Record<string, unknown>> };
  if (typeof error?.["message"] !== "string") return undefined;
  const text = `${error["code"] ?? error["name"]}: ${error["message"]}`;
  return visible(text.length > failureCharsMax ? `${text.slice(0, failureCharsMax)}…` : text);
}
