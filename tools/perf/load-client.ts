// The client: triggers, inputs and tails over undici, as many connections as there are tails. It
// does as little as it can with what arrives, because it shares the machine with what it measures.

import { Agent, type Dispatcher } from "undici";

/** An event as it arrived on a tail. */
export interface Arrival {
  readonly seq: number;
  readonly kind: string;
  readonly type: string;
  /** On the clock of this process, in milliseconds. */
  readonly at: number;
}

/** A tail that is open. */
export interface OpenTail {
  /** Resolves with the number of events when the server or `close` ended it. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Speaks to one server. */
export class LoadClient {
  readonly #origin: string;
  readonly #agent = new Agent({
    connections: null,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Posts JSON; resolves with the status and the body. */
  post(path: string, body: unknown): Promise<{ status: number; text: string }> {
    return this.postText(path, JSON.stringify(body));
  }

  /** Posts text that is JSON. */
  async postText(path: string, body: string): Promise<{ status: number; text: string }> {
    const answer = await this.#agent.request({
      origin: this.#origin,
      path,
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** Gets text. */
  async get(path: string): Promise<string> {
    const answer = await this.#agent.request({ origin: this.#origin, path, method: "GET" });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path} answers ${answer.statusCode}: ${text}`);
    return text;
  }

  /** Opens a tail: of what a trigger begins, when there is a body to post. */
  tail(
    path: string,
    body: unknown,
    on: {
      readonly head?: (status: number, location: string) => void;
      readonly event: (arrival: Arrival) => void;
    },
  ): OpenTail {
    const { promise, resolve, reject } = withResolvers();
    let controller: Dispatcher.DispatchController | undefined;
    let closed = false;
    const reader = new EventReader(on.event);
    const json = body === undefined ? {} : { "content-type": "application/json" };
    this.#agent.dispatch(
      {
        origin: this.#origin,
        path,
        method: body === undefined ? "GET" : "POST",
        headers: { accept: "text/event-stream", ...json },
        body: body === undefined ? null : JSON.stringify(body),
      },
      {
        onRequestStart: (started) => {
          controller = started;
        },
        onResponseStart: (_, status, headers) => {
          const location = headers["location"];
          on.head?.(status, typeof location === "string" ? location : "");
          if (status >= 400) reject(new Error(`${path} answers ${status}`));
        },
        onResponseData: (_, chunk) => reader.push(chunk),
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => (closed ? resolve() : reject(error)),
      },
    );
    return {
      ended: promise,
      close: () => {
        closed = true;
        controller?.abort(new Error("the observer has seen enough"));
      },
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/**
 * Server-Sent Events as Reach writes them, told apart without looking at their data: of each only
 * the seq, the kind and the type are read. Tests check the format; this must cost little.
 */
class EventReader {
  readonly #event: (arrival: Arrival) => void;
  #left = "";

  constructor(event: (arrival: Arrival) => void) {
    this.#event = event;
  }

  push(chunk: Buffer): void {
    const at = performance.now();
    const text = this.#left + chunk.toString("latin1");
    let from = 0;
    for (;;) {
      const end = text.indexOf("\n\n", from);
      if (end < 0) break;
      if (text.startsWith("id: ", from)) this.#read(text, from, at);
      from = end + 2;
    }
    this.#left = text.slice(from);
  }

  #read(text: string, from: number, at: number): void {
    const line = text.indexOf("\n", from);
    const head = text.slice(line, line + 300);
    const kind = /"kind":"(\w+)"/.exec(head)?.[1] ?? "";
    const type = /"type":"([^"]*)"/.exec(head)?.[1] ?? "";
    this.#event({ seq: Number(text.slice(from + 4, line)), kind, type, at });
  }
}

function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
} {
  let resolve = (): void => {};
  let reject = (_: unknown): void => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever opens a tail looks at its end later, if at all.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
