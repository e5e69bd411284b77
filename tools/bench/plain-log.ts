// The log of the floor: the very same events as Reach keeps, every payload in its event, one behind
// the other in one file, and nothing else. No check sums, no tree, no index, no durability.
//
//   u32 length, 0x00, the event's CBOR: [seq, time, kind, type, ref, salt, data]
//
// The zero makes each event the preimage of its RFC 6962 leaf in place. Beside it `FILE.states`:
// where every 1,000th event begins, and the encoded state of the payload reader there.

import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { Decoder } from "cbor-x";
import { encodeValue } from "../../src/base/index.ts";
import { encodeEvent, eventKinds } from "../../src/event/index.ts";
import { agentEvents, type SessionPlan } from "../generator/index.ts";
import { init, type ReaderEvent, reduce } from "./payload-reader.ts";
import { readWindows } from "./windows.ts";

const framingBytes = 5;
const salt = new Uint8Array(16).fill(0x5a);
/** As fast as cbor-x can be on data that it did not write itself (its native reader is used). */
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** Where a snapshot of the floor stands: events in it, its place in the log, its CBOR. */
export interface PlainState {
  readonly at: number;
  readonly offset: number;
  readonly state: Uint8Array;
}

type StoredEvent = [number, number, number, string, number | null, Uint8Array, unknown];

/** A value out of its CBOR, with cbor-x. */
export function decodePlain(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/** The event out of the bytes of one, as the reducer sees it. */
export function decodePlainEvent(bytes: Uint8Array): ReaderEvent {
  const [seq, time, kind, type, ref, , data] = decoder.decode(bytes) as StoredEvent;
  return { seq, time, kind: eventKinds[kind] ?? "note", type, ref, data };
}

/** Calls `visit` with each event: its leaf preimage is what lies from `start` to `end`. */
export function forEachPlain(
  file: string,
  visit: (bytes: Buffer, start: number, end: number) => void,
): void {
  readWindows(file, (bytes, filled) => {
    let at = 0;
    while (at + framingBytes <= filled) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end > filled) break;
      visit(bytes, at + 4, end);
      at = end;
    }
    return at;
  });
}

/** Writes the log of a generated session, and its states. Returns what the reader makes of it. */
export function writePlainLog(file: string, plan: SessionPlan, every: number): unknown {
  const descriptor = openSync(file, "w");
  const states: PlainState[] = [];
  let state = init();
  let seq = 0;
  let offset = 0;
  let parts: Uint8Array[] = [];
  for (const { kind, type, time, ref, data } of agentEvents(plan)) {
    if (seq % every === 0) states.push({ at: seq, offset, state: encodeValue(state) });
    const bytes = encodeEvent({ seq, time, kind, type, ref }, salt, encodeValue(data));
    const framing = Buffer.alloc(framingBytes);
    framing.writeUInt32LE(bytes.length + 1);
    parts.push(framing, bytes);
    offset += framingBytes + bytes.length;
    state = reduce(state, { seq, time, kind, type, ref, data });
    seq += 1;
    if (parts.length < 2000) continue;
    writeSync(descriptor, Buffer.concat(parts));
    parts = [];
  }
  writeSync(descriptor, Buffer.concat(parts));
  closeSync(descriptor);
  writeFileSync(`${file}.states`, encodeValue(states));
  return state;
}

/** The states beside a log. */
export function readPlainStates(file: string): readonly PlainState[] {
  return decodePlain(readFileSync(`${file}.states`)) as readonly PlainState[];
}
