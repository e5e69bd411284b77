/**
 * Checks one event after the other as they come by: that the bytes are the event of their place,
 * that its salt is the one that the session's secret gives (so that no event can come from another
 * session), and which blob it names.
 */
import { limits, messageOf } from "../base/index.ts";
import { type BlobRef, checkEventBytes, EventView, payloadOf, SaltSource } from "../event/index.ts";
import { dataShape, saltOffset } from "./event-shape.ts";
import type { ForkSecret } from "./manifest.ts";

const foreignEvent = "its salt is not of this session: it is an event of another one";

/** Checks the events of one session. */
export class EventCheck {
  /** By the seq from which they count. */
  readonly #salts: readonly { readonly from: number; readonly source: SaltSource }[];
  readonly #strict: boolean;
  /** The blob that the event checked last names, if it names one. */
  blob: BlobRef | undefined;

  /**
   * `secrets` give the salts; without them those are not compared. `strict` is for bytes of
   * strangers: each event must be exactly what Reach writes, down to the last byte of its data.
   */
  constructor(secrets: readonly ForkSecret[], strict: boolean) {
    this.#salts = secrets.map(({ from, secret }) => ({ from, source: new SaltSource(secret) }));
    this.#strict = strict;
  }

  /**
   * What is wrong with event `seq`, whose bytes lie from `start` to `end` in a valid batch, which
   * has seen to its seq; `undefined` when nothing is. The salt is compared when `withSalt` says so.
   */
  fault(
    bytes: Uint8Array,
    start: number,
    end: number,
    seq: number,
    withSalt = true,
  ): string | undefined {
    this.blob = undefined;
    const salt = saltOffset(bytes, start, end);
    if (salt < 0) return "bytes that should be an event are none";
    if (withSalt && !this.#isSalt(bytes, salt, seq)) return foreignEvent;
    const data = salt + limits.eventSaltBytes;
    const shape = dataShape(bytes, data, end);
    if (shape === "damaged") return "its data is damaged";
    if (shape === "inline" && !this.#strict) return undefined;
    return this.#closerFault(bytes.subarray(start, end), bytes.subarray(data, end), seq);
  }

  /** What is wrong with the salt of an event that has been looked at otherwise. */
  saltFault(bytes: Uint8Array, start: number, end: number, seq: number): string | undefined {
    const salt = saltOffset(bytes, start, end);
    return salt < 0 || this.#isSalt(bytes, salt, seq) ? undefined : foreignEvent;
  }

  #isSalt(bytes: Uint8Array, at: number, seq: number): boolean {
    const own = this.#salts.findLast(({ from }) => from <= seq);
    const expected = own?.source.at(seq);
    if (!expected) return true;
    for (let i = 0; i < expected.length; i++) {
      if (bytes[at + i] !== expected[i]) return false;
    }
    return true;
  }

  #closerFault(event: Uint8Array, data: Uint8Array, seq: number): string | undefined {
    try {
      const payload = payloadOf(data);
      if (payload.form === "blob") this.blob = payload.ref;
      if (!this.#strict) return undefined;
      if (new EventView(event).seq !== seq) return "it is the event of another place";
      return checkEventBytes(event);
    } catch (error) {
      return messageOf(error);
    }
  }
}
