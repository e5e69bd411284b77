/**
 * A proxy between the client of the perf harness and a server, which makes it slow, or loses events
 * of its tails: for the proof that the gate goes red.
 */
import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** What it does to what passes. */
export interface Fault {
  /** Before anything is answered, in milliseconds. */
  readonly delayMs?: number;
  /** One event in so many never arrives. */
  readonly dropsOneIn?: number;
}

/** A proxy that is listening. */
export class FaultProxy {
  readonly url: string;
  readonly #server: http.Server;

  private constructor(server: http.Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(target: string, fault: Fault): Promise<FaultProxy> {
    let seen = 0;
    const keeps = (): boolean => {
      seen += 1;
      return fault.dropsOneIn === undefined || seen % fault.dropsOneIn !== 0;
    };
    const agent = new http.Agent({ keepAlive: true });
    const server = http.createServer((request, response) => {
      const { method, headers, url = "/" } = request;
      const asked = http.request(`${target}${url}`, { method, headers, agent }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        if (answer.headers["content-type"] !== "text/event-stream") answer.pipe(response);
        else pass(answer, response, keeps);
      });
      asked.on("error", () => response.destroy());
      response.on("close", () => asked.destroy());
      setTimeout(() => request.pipe(asked), fault.delayMs ?? 0);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return new FaultProxy(server, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Passes Server-Sent Events on, one by one, those that are kept. */
function pass(answer: http.IncomingMessage, response: http.ServerResponse, keeps: () => boolean) {
  let left = "";
  answer.setEncoding("latin1");
  answer.on("data", (text: string) => {
    const events = (left + text).split("\n\n");
    left = events.pop() ?? "";
    const kept = events.filter((event) => !event.startsWith("id: ") || keeps());
    if (kept.length > 0) response.write(`${kept.join("\n\n")}\n\n`, "latin1");
  });
  answer.on("end", () => response.end());
}
