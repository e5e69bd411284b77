/**
 * What an effect notes while it runs: events beside its call, for those who watch. They are told in
 * the order in which they came, and the effect waits for them at its end, so that none is missing
 * from a log that has its result.
 */
import { encodeValue, systemClock } from "../base/index.ts";
import { checkEventHeader } from "../event/index.ts";
import type { EncodedEvent } from "./encoded-event.ts";
import type { RecordedCall } from "./session-recorder.ts";

/** The notes of one call. */
export class Notes {
  /** What the function of the effect is given; it may be taken apart. */
  readonly ofCall: RecordedCall;
  #durable: Promise<unknown> = Promise.resolve();

  /**
   * `append` resolves when the note is durable; what it refuses at once, it throws, and `note` as
   * well.
   */
  constructor(call: number, append: (note: EncodedEvent) => Promise<number>) {
    const note = (type: string, data: unknown): void => {
      const header = { kind: "note", type, time: systemClock(), ref: call } as const;
      checkEventHeader({ ...header, seq: call + 1 });
      const noted = append({ ...header, form: "cbor", bytes: encodeValue(data) });
      this.#durable = Promise.all([this.#durable, noted]);
      // The effect hears of it; one that is over does not.
      this.#durable.catch(() => {});
    };
    this.ofCall = { note };
  }

  /** Resolves when everything that was noted so far is durable. */
  get durable(): Promise<unknown> {
    return this.#durable;
  }
}
