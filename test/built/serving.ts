/**
 * `reach serve` as it is installed, and a host that programs may ask: both for as long as the tests
 * of one file take, since a process takes its time to start.
 */
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { ReachClient } from "../../src/client.ts";
import { Contract } from "../server/contract.ts";
import { freePort, ServerProcess } from "../server/killing.ts";
import { Scratch } from "../session/sample-session.ts";

/** A server process over a folder of its own. */
export class BuiltServer {
  readonly scratch = new Scratch();
  /** The data directory. */
  readonly data = this.scratch.at("data");
  #process: ServerProcess | undefined;
  #contract: Contract | undefined;

  get url(): string {
    return this.#process?.url ?? "";
  }

  /** What the process wrote to its log. */
  get log(): string {
    return this.#process?.stderr ?? "";
  }

  get client(): ReachClient {
    return new ReachClient({ url: this.url });
  }

  /** Writes a file into the folder; returns its path. */
  write(name: string, text: string): string {
    fs.writeFileSync(this.scratch.at(name), text);
    return this.scratch.at(name);
  }

  /** Starts it, with more of the command line. */
  async start(args: readonly string[] = []): Promise<void> {
    this.#process = new ServerProcess(this.data, await freePort(), args);
    await this.#process.start();
    const document = await (await fetch(`${this.url}/openapi.json`)).json();
    this.#contract = new Contract(document as Record<string, unknown>);
  }

  /** Ends it in order; its folder goes. */
  async stop(): Promise<void> {
    const code = await this.#process?.end("SIGTERM");
    this.scratch.remove();
    expect(code, this.log).toBe(0);
  }

  /** Fetches a path; the answer is one that its own document allows. */
  async get(path: string, init: RequestInit = {}): Promise<Response> {
    const url = this.url + path;
    const answer = await fetch(url, init);
    expect(await this.#contract?.fault(init.method ?? "GET", url, answer)).toBeUndefined();
    return answer;
  }

  /** Fetches JSON, with a body by `POST`. */
  async json<Shape = Record<string, unknown>>(path: string, body?: unknown): Promise<Shape> {
    const headers = { "content-type": "application/json" };
    const posted = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await this.get(path, body === undefined ? {} : posted);
    return (await answer.json()) as Shape;
  }
}

/** A host on this machine, as programs find others in the world. */
export class Upstream {
  readonly #server: http.Server;
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>();

  constructor() {
    this.#server = http.createServer((request, answer) => {
      const { url = "" } = request;
      const times = (this.asked.get(url) ?? 0) + 1;
      this.asked.set(url, times);
      if (url === "/led") answer.writeHead(302, { location: "/page" }).end();
      else if (url === "/page") answer.setHeader("content-type", "text/plain").end("a page");
      else if (url === "/busy") answer.writeHead(times < 3 ? 503 : 200).end("at last");
      else if (url === "/packed") {
        const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
        answer.writeHead(200, headers).end(gzipSync("packed"));
      }
      // `/never` is not answered.
    });
  }

  /** `host:port`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
