/** Single events: a view never claims more than its bytes, and a checked event has one form. */
import { encodeValue, equalBytes, fromUtf8, utf8 } from "../../../src/base/index.ts";
import {
  checkEventBytes,
  type EventHeader,
  EventView,
  encodeBlobRef,
  encodeEvent,
  encodeInline,
  eventKinds,
} from "../../../src/event/index.ts";
import type { Random } from "../../sim/random.ts";
import { attempt, type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf, valueOf } from "./values.ts";

const seqs = [0, 1, 23, 24, 255, 65_536, 2 ** 32, 2 ** 53 - 1];

/** The data of an event, encoded, in any of its forms. */
export function dataOf(random: Random): Uint8Array {
  switch (random.int(4)) {
    case 0:
      return encodeInline("json", utf8(`{"a":[1,"${"x".repeat(random.int(300))}"]}`));
    case 1:
      return encodeInline("bytes", random.bytes(random.int(300)));
    case 2: {
      const size = random.pick([0, 4097, 2 ** 40]);
      return encodeBlobRef({ sha256: hashOf("blob"), size, form: "json" });
    }
    default:
      return encodeValue(valueOf(random));
  }
}

/** The header of event `seq`. */
export function headerOf(random: Random, seq: number): EventHeader {
  const ref = seq > 0 && random.chance(0.5) ? random.int(Math.min(seq, 2 ** 31)) : null;
  const type = random.pick(["", "a", "user/text", "reach.import", "ä".repeat(128)]);
  return { seq, time: random.pick(seqs), kind: random.pick(eventKinds), type, ref };
}

/** Looks at everything that a view tells; what it tells has to fit its bytes. */
export function lookAt(view: EventView): void {
  const { seq, time, kind, ref, salt, dataBytes, bytes } = view;
  for (const number of [seq, time, ref ?? 0]) {
    promise(Number.isSafeInteger(number) && number >= 0, "numbers of an event are counts");
  }
  promise(eventKinds.includes(kind), "the kind of an event is one of those that there are");
  promise(salt.length === 16, "a salt has 16 bytes");
  promise(dataBytes.length > 0 && dataBytes.length < bytes.length, "data lies inside the event");
  promise(view.type.length <= bytes.length, "a type lies inside the event");
  const payload = attempt("payload", ["CORRUPT"], () => view.payload);
  if (payload && payload.form !== "blob") {
    promise(payload.bytes.length <= dataBytes.length, "a payload lies inside the data");
  }
  attempt("payloadBytes", ["CORRUPT", "BLOB_MISSING"], () => view.payloadBytes);
  attempt("data", ["CORRUPT", "BLOB_MISSING"], () => view.data);
}

/** Events. */
export const event: FuzzTarget = {
  name: "event",
  weight: 18,
  words: [
    Uint8Array.of(0xf6),
    Uint8Array.of(0xd9, 0x01, 0x06, 0x43, 0x7b, 0x7d, 0x20),
    Uint8Array.of(0xda, 0x52, 0x45, 0x41, 0x00, 0x83),
    Uint8Array.of(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x7b, 0, 0, 0, 1, 0, 0, 0, 0),
  ],
  seeds(random) {
    return Array.from({ length: 60 }, () => {
      const header = headerOf(random, random.pick(seqs));
      return encodeEvent(header, random.bytes(16), dataOf(random));
    });
  },
  check(input) {
    const view = attempt("an event", ["CORRUPT"], () => new EventView(input));
    if (view) lookAt(view);
    const fault = checkEventBytes(input);
    if (fault !== undefined) {
      promise(!/assertion|undefined|TypeError/.test(fault), `a fault has words: ${fault}`);
      return;
    }
    promise(view, "a checked event can be read");
    promise(view.ref === null || view.ref < view.seq, "a checked event refers back");
    const type = fromUtf8(utf8(view.type));
    promise(type === view.type && utf8(type).length <= 256, "a checked type is proper text");
    const again = encodeEvent(view, view.salt, view.dataBytes);
    promise(equalBytes(again, input), "a checked event has one form");
    promise(view.payload.form === "blob" || view.data !== Symbol.iterator, "its data is readable");
  },
};
