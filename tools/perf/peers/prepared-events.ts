// The events that every store gets: generated once per run, kept as a file, and read by each
// process before its clock starts. The bytes of an event are its JSON text, as an agent would
// record it.

import { readFileSync, writeFileSync } from "node:fs";
import type { EventKind } from "../../../src/event/index.ts";
import { agentEvents, eventText } from "../../generator/index.ts";

const seed = 42;

/** What Reach keeps beside the bytes; the others keep the bytes alone. */
export interface EventHeader {
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
}

/** Writes `count` generated events to `file`. */
export function prepareEvents(file: string, count: number): { readonly bytes: number } {
  const parts: Buffer[] = [];
  const headers: EventHeader[] = [];
  const ends: number[] = [0];
  let end = 0;
  for (const event of agentEvents({ events: count, seed })) {
    const { time, kind, type, ref } = event;
    const bytes = Buffer.from(eventText(event, headers.length));
    headers.push({ time, kind, type, ref });
    parts.push(bytes);
    end += bytes.length;
    ends.push(end);
  }
  writeFileSync(file, Buffer.concat(parts));
  writeFileSync(`${file}.json`, JSON.stringify({ headers, ends }));
  return { bytes: end };
}

/** Prepared events, in one piece of memory. */
export class PreparedEvents {
  readonly headers: readonly EventHeader[];
  readonly #ends: readonly number[];
  readonly #bytes: Buffer;

  constructor(file: string) {
    const { headers, ends } = JSON.parse(readFileSync(`${file}.json`, "utf8")) as {
      headers: EventHeader[];
      ends: number[];
    };
    this.headers = headers;
    this.#ends = ends;
    this.#bytes = readFileSync(file);
  }

  get count(): number {
    return this.headers.length;
  }

  /** The bytes of the event at a position; a view. */
  at(position: number): Buffer {
    return this.#bytes.subarray(this.#ends[position], this.#ends[position + 1]);
  }

  /** The bytes from one event to before another; a view. */
  between(from: number, to: number): Buffer {
    return this.#bytes.subarray(this.#ends[from], this.#ends[to]);
  }
}

/** Compares what comes back with what went in, byte for byte and in order. */
export class ByteCheck {
  readonly #expected: readonly Buffer[];
  #next = 0;

  /** `spelling`: how a store that does not keep the bytes writes them; the bytes by default. */
  constructor(events: PreparedEvents, spelling = (bytes: Buffer): Buffer => bytes) {
    this.#expected = Array.from({ length: events.count }, (_, i) => spelling(events.at(i)));
  }

  /** The next event as it was read. */
  take(bytes: Uint8Array): void {
    if (this.#expected[this.#next]?.compare(bytes) !== 0) {
      throw new Error(`event ${this.#next} did not come back as it went in`);
    }
    this.#next += 1;
  }

  /** Everything must be back. */
  finish(): number {
    const { length } = this.#expected;
    if (this.#next === length) return length;
    throw new Error(`only ${this.#next} of ${length} events came back`);
  }
}
