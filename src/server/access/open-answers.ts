/**
 * Answers that go on for long, tails above all, by the token they were asked with: when that does
 * not count any more, they end. An answer that has not begun is left alone: what it acknowledges
 * was taken when the token counted.
 */
import type { ServerResponse } from "node:http";

/** How often tokens of answers under way are looked at: as long as they are believed. */
const lookMs = 1000;

/** Answers under way. */
export class OpenAnswers {
  readonly #counts: (token: string) => boolean;
  readonly #byToken = new Map<string, Set<ServerResponse>>();
  readonly #timer: NodeJS.Timeout;

  /** `counts` says whether a token may still ask; looked at every `everyMs`. */
  constructor(counts: (token: string) => boolean, everyMs: number = lookMs) {
    this.#counts = counts;
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  add(token: string, answer: ServerResponse): void {
    const answers = this.#byToken.get(token) ?? new Set();
    this.#byToken.set(token, answers.add(answer));
    answer.once("close", () => {
      answers.delete(answer);
      if (answers.size === 0) this.#byToken.delete(token);
    });
  }

  #look(): void {
    for (const [token, answers] of this.#byToken) {
      if (this.#mayGoOn(token)) continue;
      for (const answer of answers) if (answer.headersSent) answer.destroy();
    }
  }

  /** What cannot be known, where files cannot be opened, ends nothing that was allowed before. */
  #mayGoOn(token: string): boolean {
    try {
      return this.#counts(token);
    } catch {
      return true;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
