/**
 * An observer for tests: tails a session over a socket of its own, reads or does not read, is cut
 * and comes back.
 */
import * as http from "node:http";
import { createParser } from "eventsource-parser";

/** An event of the session as the tail has it. */
export interface TailedEvent {
  readonly seq: number;
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What the tail says of itself. */
export interface TailedControl {
  readonly next: number;
  readonly upToDate?: boolean;
  readonly closed?: boolean;
  readonly cut?: string;
}

/** A tail that is open. */
export class Observer {
  readonly events: TailedEvent[] = [];
  readonly controls: TailedControl[] = [];
  comments = 0;
  status = 0;
  headers: http.IncomingHttpHeaders = {};
  ended = false;
  #request: http.ClientRequest;
  #response: http.IncomingMessage | undefined;
  #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  /** Tails `url`, with more headers if need be; with a body, what it begins by posting it. */
  constructor(url: string, headers: Record<string, string> = {}, body?: unknown) {
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        const value: unknown = JSON.parse(data);
        if (event === "control") this.controls.push(value as TailedControl);
        else {
          const read = value as TailedEvent;
          if (String(read.seq) !== id) throw new Error(`event ${read.seq} has the id ${id}`);
          this.events.push(read);
        }
      },
      onComment: () => {
        this.comments += 1;
      },
    });
    const agent = new http.Agent({ keepAlive: false });
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const options = {
      agent,
      method: body === undefined ? "GET" : "POST",
      headers: { accept: "text/event-stream", ...json, ...headers },
    };
    this.#request = http.request(url, options, (response) => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        parser.feed(text);
        this.#check();
      });
      response.on("close", () => {
        this.ended = true;
        this.#check();
      });
      this.#check();
    });
    this.#request.on("error", () => {
      this.ended = true;
      this.#check();
    });
    this.#request.end(body === undefined ? undefined : JSON.stringify(body));
  }

  /** Seqs in the order in which they came. */
  get seqs(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  /** Resolves when `condition` holds. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }));
  }

  /** Resolves when so many events have come. */
  count(events: number): Promise<void> {
    return this.until(() => this.events.length >= events || this.ended);
  }

  /** Resolves when everything that is durable has come. */
  upToDate(): Promise<void> {
    return this.until(() => this.controls.some(({ upToDate }) => upToDate === true));
  }

  /** Reads nothing more, until `resume`. */
  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  /** Is gone, without a word. */
  drop(): void {
    this.#request.destroy();
  }

  #check(): void {
    const still = this.#waiting.filter(({ until, resolve }) => {
      if (!until()) return true;
      resolve();
      return false;
    });
    this.#waiting = still;
  }
}
