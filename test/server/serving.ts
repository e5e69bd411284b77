/**
 * Servers for tests: over a data directory of their own, on a free port of this machine, gone with
 * everything they made when the test ends.
 */
import type { FastifyBaseLogger } from "fastify";
import { afterEach, expect } from "vitest";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import {
  createServer,
  type ReachServer,
  type Scope,
  type ServerConfig,
  type SessionEngine,
  TokenStore,
} from "../../src/server/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";
import { Contract } from "./contract.ts";

/** A server under test. */
export interface Served {
  readonly server: ReachServer;
  readonly directory: Directory;
  readonly tokens: TokenStore;
  readonly scratch: Scratch;
  readonly url: string;
  readonly port: number;
  /** Fetches a path of the server. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Posts a value as JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Serves the same data anew, after a clean end or as after the death of the process. */
  restart(how?: "close" | "crash"): Promise<void>;
  /** A token of the workspace `default`, or another one. */
  token(scopes: readonly Scope[], workspace?: string): Promise<string>;
}

/** How a server under test is made. */
export interface ServeOptions {
  readonly config?: Partial<ServerConfig>;
  readonly engine?: (directory: Directory) => SessionEngine;
  readonly logger?: FastifyBaseLogger;
  /** Names of more workspaces. */
  readonly workspaces?: readonly string[];
  /** Default: that of this machine. */
  readonly disk?: Disk;
}

const open = new Set<() => Promise<void>>();

afterEach(async () => {
  for (const close of open) await close();
  open.clear();
});

/** Serves a new data directory until the end of the test. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const scratch = new Scratch();
  const served = new ServedDirectory(scratch, options);
  open.add(async () => {
    await served.stop();
    scratch.remove();
  });
  await served.start();
  return served;
}

class ServedDirectory implements Served {
  readonly scratch: Scratch;
  readonly tokens: TokenStore;
  readonly #options: ServeOptions;
  readonly #data: string;
  #directories: Directory[] = [];
  #server: ReachServer | undefined;
  #contract: Contract | undefined;
  url = "";
  port = 0;

  constructor(scratch: Scratch, options: ServeOptions) {
    this.scratch = scratch;
    this.#options = options;
    this.#data = scratch.at("data");
    this.tokens = new TokenStore(nodeDisk, this.#data);
  }

  get server(): ReachServer {
    return this.#server as ReachServer;
  }

  get directory(): Directory {
    return this.#directories[0] as Directory;
  }

  async start(): Promise<void> {
    const { workspaces = [], engine, config = {}, disk = nodeDisk } = this.#options;
    this.#directories = [];
    for (const name of ["default", ...workspaces]) {
      const path = `${this.#data}/${name}`;
      const directory = await Directory.open({ path, mode: "write", takeOver: true, disk });
      this.#directories.push(directory);
    }
    this.#server = await createServer({
      workspaces: this.#directories.map((directory, i) => ({
        directory,
        engine: i === 0 ? engine?.(directory) : undefined,
      })),
      tokens: this.tokens,
      config,
      logger: this.#options.logger,
      version: "0.0.0-test",
    });
    ({ url: this.url, port: this.port } = await this.#server.listen());
    const document = await (await fetch(`${this.url}/openapi.json`)).json();
    this.#contract = new Contract(document as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async restart(how: "close" | "crash" = "close"): Promise<void> {
    if (how === "crash") {
      // The process dies: nothing is flushed, the lock stays.
      for (const directory of this.#directories) directory.crash();
      await this.#server?.app.close();
    } else await this.stop();
    await this.start();
  }

  async get(path: string, init: RequestInit = {}): Promise<Response> {
    const url = this.url + path;
    const answer = await fetch(url, init);
    expect(await this.#contract?.fault(init.method ?? "GET", url, answer)).toBeUndefined();
    return answer;
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.get(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  async token(scopes: readonly Scope[], workspace = "default"): Promise<string> {
    return (await this.tokens.create({ workspace, name: "test", scopes })).token;
  }
}
