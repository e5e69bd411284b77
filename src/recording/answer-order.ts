/**
 * The order in which code that records itself gets its answers: that of the log, one at a time, and
 * whatever one of them sets free has run before the next one comes. A rerun keeps the same order,
 * so that parts of the code that run beside each other come out the same way again.
 */
import { nextTurn } from "../base/index.ts";

/** Answers to what has been appended, in the order in which it was. */
export class AnswerOrder {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `durable` does, behind all those before it. Call it in the order of the log. */
  behind<Value>(durable: Promise<Value>): Promise<Value> {
    const before = this.#last;
    const answer = Promise.all([durable, before]).then(async ([value]) => {
      await nextTurn();
      return value;
    });
    this.#last = Promise.allSettled([answer, before]);
    return answer;
  }

  /** Resolves when everything is answered, also what the answers have led to. */
  async idle(): Promise<void> {
    for (let seen: unknown; seen !== this.#last; ) {
      seen = this.#last;
      await seen;
      await nextTurn();
    }
  }
}
