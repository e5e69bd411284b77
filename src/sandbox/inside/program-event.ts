/**
 * An event as `reduce` sees it. Its data is decoded when it is looked at, out of a buffer that the
 * next event overwrites: so it can be looked at while the reducer runs, and not later.
 */
import { decodeValue } from "../../base/index.ts";
import { type EventKind, eventKinds } from "../../event/index.ts";
import { lendText } from "./text-codec.ts";

/** Forms of a payload as numbers: positions in `payloadForms`. */
const forms = { cbor: 0, json: 1, bytes: 2 } as const;

/** A payload on its way in. */
export interface EncodedPayload {
  readonly form: number;
  readonly bytes: Uint8Array;
  /** The JSON; of CBOR its bytes as Latin-1, or nothing. */
  readonly text: string;
}

/** A new value each time. Throws `CORRUPT`, and what `JSON.parse` throws. */
export function decodeFresh({ form, bytes, text }: EncodedPayload): unknown {
  if (form === forms.json) return JSON.parse(text);
  if (form === forms.bytes) return bytes.slice();
  if (text === "") return decodeValue(bytes);
  lendText(bytes.buffer, text);
  try {
    return decodeValue(bytes);
  } finally {
    lendText(undefined, "");
  }
}

/** One event. */
export class ProgramEvent {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
  #payload: EncodedPayload | undefined;
  #data: unknown;
  #decoded = false;

  constructor(
    seq: number,
    time: number,
    kind: number,
    type: string,
    ref: number,
    payload: EncodedPayload,
  ) {
    this.seq = seq;
    this.time = time;
    this.kind = eventKinds[kind] as EventKind;
    this.type = type;
    this.ref = ref < 0 ? null : ref;
    this.#payload = payload;
  }

  get data(): unknown {
    if (!this.#decoded) {
      const payload = this.#payload;
      if (payload === undefined) {
        throw new TypeError(`the data of event ${this.seq} can be read only while it is reduced`);
      }
      this.#data = decodeFresh(payload);
      this.#decoded = true;
    }
    return this.#data;
  }

  /** The payload is about to be overwritten. */
  static expire(event: ProgramEvent): void {
    event.#payload = undefined;
  }
}
