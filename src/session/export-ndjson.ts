/**
 * A session as newline-delimited JSON, one object per event:
 *
 *   {"seq":3,"time":1700000000000,"kind":"emit","type":"x","ref":null,"form":"json","data":…}
 *
 * `form` says how `data` is to be read. `json`: a record as it was imported, in its own spelling
 * (line breaks between its tokens become spaces). `cbor` and `bytes`: a value; what JSON does not
 * have is an object with one member: bytes `{"$bytes":"AAE="}` (base64, RFC 4648), big integers
 * `{"$bigint":"9007199254740993"}`, -0, NaN and infinities `{"$number":"-0"}`, undefined
 * `{"$undefined":true}`; an object of the value's own that looks like one of these is
 * `{"$object":[["$bytes",…]]}`. Lone surrogates are `\udXXX` escapes, which every JSON parser turns
 * into themselves. Salts are left out.
 */
import { messageOf, parseJson, ReachError, utf8 } from "../base/index.ts";
import { type EventView, type PayloadForm, payloadOf } from "../event/index.ts";
import type { ByteSink } from "./export-original.ts";
import type { SessionReader } from "./session-reader.ts";

/** Which events are exported. */
export interface NdjsonOptions {
  /** First seq; 0. */
  readonly from?: number;
  /** Seq behind the last one; the end of the session. */
  readonly to?: number;
}

const writeBytes = 256 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const escapes: ReadonlySet<string> = new Set([
  "$bytes",
  "$bigint",
  "$number",
  "$undefined",
  "$object",
]);

/**
 * Writes the events of a session as lines of JSON. Memory is bounded by the largest payload.
 * Throws `CORRUPT` at an event whose data is not what it says; the lines before are whole.
 */
export async function exportNdjson(
  reader: SessionReader,
  out: ByteSink,
  { from = 0, to = Number.POSITIVE_INFINITY }: NdjsonOptions = {},
): Promise<{ events: number; bytes: number }> {
  let events = 0;
  let bytes = 0;
  let collected: Uint8Array[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const whole = Buffer.concat(collected, size);
    collected = [];
    bytes += size;
    size = 0;
    if (whole.length > 0) await out(whole);
  };
  for (const event of reader.events(from, to)) {
    for (const part of lineOf(event, reader)) {
      collected.push(part);
      size += part.length;
    }
    events += 1;
    if (size >= writeBytes) await flush();
  }
  await flush();
  return { events, bytes };
}

const lineEnd = utf8("}\n");

/** The line of one event, in parts. */
function lineOf(event: EventView, reader: SessionReader): Uint8Array[] {
  const payload = payloadOf(event.dataBytes);
  const form = payload.form === "blob" ? payload.ref.form : payload.form;
  const bytes = payload.form === "blob" ? reader.blobs.get(payload.ref.sha256) : payload.bytes;
  const { seq, time, kind, type, ref } = event;
  const header = JSON.stringify({ seq, time, kind, type, ref, form }).slice(0, -1);
  return [utf8(`${header},"data":`), dataOf(event, form, bytes), lineEnd];
}

function dataOf(event: EventView, form: PayloadForm, bytes: Uint8Array): Uint8Array {
  if (form === "json") return onOneLine(bytes, event.seq);
  if (form === "cbor") return utf8(jsonText(event.data));
  return utf8(bytesText(bytes));
}

/** A JSON text without line breaks; inside of strings there are none. */
function onOneLine(bytes: Uint8Array, seq: number): Uint8Array {
  try {
    parseJson(bytes);
  } catch (cause) {
    throw new ReachError("CORRUPT", `event ${seq} holds no valid JSON: ${messageOf(cause)}`, {
      cause,
      where: `event ${seq}`,
    });
  }
  // A copy also because the buffer that an event was read into is not ours to keep.
  return bytes.map((byte) => (byte === lineFeed || byte === carriageReturn ? space : byte));
}

/**
 * The JSON text of a plain value as it is described above. Values are at most 512 deep, so this may
 * call itself.
 */
export function jsonText(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return `{"$bigint":"${value}"}`;
    case "number":
      if (Object.is(value, -0)) return '{"$number":"-0"}';
      return Number.isFinite(value) ? String(value) : `{"$number":"${value}"}`;
    case "undefined":
      return '{"$undefined":true}';
    case "object":
      return value === null ? "null" : objectText(value);
    default:
      return JSON.stringify(value) as string;
  }
}

function objectText(value: object): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  const members = Object.entries(value);
  const [first] = members;
  if (members.length === 1 && first && escapes.has(first[0])) {
    return `{"$object":[[${JSON.stringify(first[0])},${jsonText(first[1])}]]}`;
  }
  const texts = members.map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`);
  return `{${texts.join(",")}}`;
}

function bytesText({ buffer, byteOffset, length }: Uint8Array): string {
  return `{"$bytes":"${Buffer.from(buffer, byteOffset, length).toString("base64")}"}`;
}
