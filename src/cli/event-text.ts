/**
 * Events for people, as lines of a table, and for programs, as JSON objects. The objects are those
 * of `reach export --format ndjson`.
 */
import { toHex } from "../base/index.ts";
import { decodePayload, type EventView, type PayloadForm } from "../event/index.ts";
import { byteSize, timestamp } from "./quantity.ts";
import { type Column, tableLine } from "./table.ts";
import { clipped, oneLine } from "./terminal-text.ts";
import { jsonable, onOneLine } from "./value-json.ts";

/**
 * How much of payloads is shown: all of them, blobs as references, or none.
 */
export const payloadChoices = ["inline", "ref", "none"] as const;

/** One of `payloadChoices`. */
export type PayloadChoice = (typeof payloadChoices)[number];

const columns: readonly Column[] = [
  { heading: "SEQ", align: "right" },
  { heading: "TIME" },
  { heading: "KIND" },
  { heading: "TYPE" },
  { heading: "REF", align: "right" },
  { heading: "PAYLOAD" },
];
const typeColumns = 28;
const previewBytes = 4096;

/** A table of events whose columns are wide enough for every one before `end`. */
export class EventTable {
  readonly #widths: readonly number[];
  readonly #payload: PayloadChoice;
  readonly #payloadColumns: number;

  constructor(end: number, payload: PayloadChoice, terminalColumns: number) {
    const digits = Math.max(3, String(Math.max(end - 1, 0)).length);
    this.#widths = [
      digits,
      "2026-01-05 12:17:36.583".length,
      "trigger".length,
      typeColumns,
      digits,
    ];
    this.#payload = payload;
    const used = this.#widths.reduce((sum, width) => sum + width + 2, 0);
    this.#payloadColumns = Math.max(24, terminalColumns - used);
  }

  /** The headings. */
  heading(): string {
    const shown = this.#payload === "none" ? columns.slice(0, -1) : columns;
    return tableLine(
      shown,
      this.#widths,
      shown.map(({ heading }) => heading),
    );
  }

  /** One event on one line. */
  line(event: EventView): string {
    return tableLine(columns, this.#widths, [
      String(event.seq),
      timestamp(event.time),
      event.kind,
      clipped(oneLine(event.type), typeColumns),
      event.ref === null ? "" : String(event.ref),
      this.#preview(event),
    ]);
  }

  #preview(event: EventView): string {
    if (this.#payload === "none") return "";
    const { payload } = event;
    if (payload.form !== "blob") {
      return clipped(beginningOf(payload.form, payload.bytes), this.#payloadColumns);
    }
    const { ref } = payload;
    if (this.#payload === "ref") {
      return `blob ${toHex(ref.sha256).slice(0, 12)} (${byteSize(ref.size)} of ${ref.form})`;
    }
    return clipped(beginningOf(ref.form, event.payloadBytes), this.#payloadColumns);
  }
}

/** The beginning of payload bytes as text on one line; more than a line holds is not decoded. */
function beginningOf(form: PayloadForm, bytes: Uint8Array): string {
  if (form === "cbor") return oneLine(JSON.stringify(jsonable(decodePayload(form, bytes))));
  const head = bytes.subarray(0, previewBytes);
  return oneLine(Buffer.from(head.buffer, head.byteOffset, head.length).toString("utf8"));
}

/**
 * One event as a JSON object on one line: `seq`, `time`, `kind`, `type`, `ref`, then `form` and
 * `data`, or `form` and `blob` for a reference, or neither with `none`.
 */
export function eventJson(event: EventView, choice: PayloadChoice): string {
  const { seq, time, kind, type, ref } = event;
  const header = JSON.stringify({ seq, time, kind, type, ref });
  if (choice === "none") return header;
  const { payload } = event;
  if (payload.form === "blob" && choice === "ref") {
    const { sha256, size, form } = payload.ref;
    return `${header.slice(0, -1)},"form":"${form}","blob":${JSON.stringify({
      sha256: toHex(sha256),
      size,
    })}}`;
  }
  const form = payload.form === "blob" ? payload.ref.form : payload.form;
  const bytes = event.payloadBytes;
  return `${header.slice(0, -1)},"form":"${form}","data":${dataJson(form, bytes)}}`;
}

function dataJson(form: PayloadForm, bytes: Uint8Array): string {
  if (form !== "json") return JSON.stringify(jsonable(decodePayload(form, bytes)));
  return onOneLine(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
}
