/**
 * Checks one event after the other as they come by: that the bytes are the event of their place,
 * that its salt is the one that the session's secret gives (so that no event can come from another
 * session), and which blob it names.
 */
import { equalBytes, messageOf } from "../base/index.ts";
import { type BlobRef, checkEventBytes, EventView, payloadOf, SaltSource } from "../event/index.ts";

/** Checks the events of one session. */
export class EventCheck {
  readonly #salts: SaltSource | undefined;
  readonly #strict: boolean;
  /** The blob that the event checked last names, if it names one. */
  blob: BlobRef | undefined;

  /**
   * `secret` gives the salts; without it they are not compared. `strict` is for bytes of strangers:
   * each event must be exactly what Reach writes, down to the last byte of its data.
   */
  constructor(secret: Uint8Array | undefined, strict: boolean) {
    this.#salts = secret && new SaltSource(secret);
    this.#strict = strict;
  }

  /** What is wrong with the event in place `seq`; `undefined` when nothing is. */
  fault(bytes: Uint8Array, seq: number): string | undefined {
    this.blob = undefined;
    try {
      const view = new EventView(bytes);
      if (view.seq !== seq) return `it says that it is event ${view.seq}`;
      if (this.#salts && !equalBytes(view.salt, this.#salts.at(seq))) {
        return "its salt is not of this session: it is an event of another one";
      }
      const payload = payloadOf(view.dataBytes);
      if (payload.form === "blob") this.blob = payload.ref;
      return this.#strict ? checkEventBytes(bytes) : undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}
