/**
 * The world behind the effects of a session, as an HTTP server: it answers every call with what its
 * input alone decides, and keeps a book of who asked for what, with which key, how often. Whoever
 * watches sessions tells it which results are durable; a call that comes again then is wrong.
 */
import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** The input of a call. */
export interface Work {
  readonly n: number;
  readonly turn: number;
  readonly part: number;
}

/** What a call comes to: a pure function of its input. */
export function answerTo({ n, turn, part }: Work): number {
  return (n * 7919 + turn * 104_729 + part * 1299) % 1009;
}

/** A book of calls. */
export class Ledger {
  /** Requests by key. */
  readonly asked = new Map<string, number>();
  readonly #inputs = new Map<string, string>();
  readonly #durable = new Set<string>();
  /** What should never have happened. */
  readonly wrongs: string[] = [];
  readonly #server: http.Server;

  constructor() {
    this.#server = http.createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        const key = String(request.headers["idempotency-key"]);
        this.#take(key, body);
        const work = JSON.parse(body) as Work;
        const answer = JSON.stringify({ value: answerTo(work) });
        setTimeout(() => response.end(answer), (work.n + work.part) % 5);
      });
      // Whoever asked may be killed before the answer comes.
      request.on("error", () => {});
      response.on("error", () => {});
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(key: string, body: string): void {
    this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
    if (this.#durable.has(key)) this.wrongs.push(`${key} came again after its result`);
    const before = this.#inputs.get(key);
    if (before !== undefined && before !== body)
      this.wrongs.push(`${key}: ${before}, then ${body}`);
    this.#inputs.set(key, body);
  }

  /** The result of the call with this key is in the log for good. */
  isDurable(key: string): void {
    this.#durable.add(key);
  }

  /** Requests that were made again. */
  get repeated(): number {
    return [...this.asked.values()].reduce((sum, times) => sum + times - 1, 0);
  }
}

/** The text of a configuration whose effect asks a ledger. */
export function ledgerConfig(origin: string, runners: number): string {
  return `
import { defineConfig } from "reach-replay/config";
async function work(input, { key, signal }) {
  const headers = { "idempotency-key": key, "content-type": "application/json" };
  const body = JSON.stringify(input);
  for (let tries = 1; ; tries++) {
    try {
      const answer = await fetch("${origin}", { method: "POST", headers, body, signal });
      return (await answer.json()).value;
    } catch (error) {
      // A machine that is far behind may not even connect; that is nothing a session should hear.
      if (signal.aborted || tries === 5) throw error;
    }
  }
}
export default defineConfig({
  effects: { work },
  server: { runners: { processes: ${runners}, threads: 1 } },
});
`;
}
