/**
 * Servers for tests: over a data directory of their own, on a free port of this machine, gone with
 * everything they made when the test ends.
 */
import { afterEach } from "vitest";
import { nodeDisk } from "../../src/disk/index.ts";
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
  /** A token of the workspace `default`, or another one. */
  token(scopes: readonly Scope[], workspace?: string): Promise<string>;
}

/** How a server under test is made. */
export interface ServeOptions {
  readonly config?: Partial<ServerConfig>;
  readonly engine?: (directory: Directory) => SessionEngine;
  /** Names of more workspaces. */
  readonly workspaces?: readonly string[];
}

const open = new Set<() => Promise<void>>();

afterEach(async () => {
  for (const close of open) await close();
  open.clear();
});

/** Serves a new data directory until the end of the test. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const scratch = new Scratch();
  const data = scratch.at("data");
  const directory = await openWorkspace(data, "default");
  const others: Directory[] = [];
  for (const name of options.workspaces ?? []) others.push(await openWorkspace(data, name));
  const tokens = new TokenStore(nodeDisk, data);
  const server = await createServer({
    workspaces: [
      { directory, engine: options.engine?.(directory) },
      ...others.map((other) => ({ directory: other })),
    ],
    tokens,
    config: options.config ?? {},
    version: "0.0.0-test",
  });
  const { url, port } = await server.listen();
  open.add(async () => {
    await server.close();
    scratch.remove();
  });
  const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url + path, init);
  return {
    server,
    directory,
    tokens,
    scratch,
    url,
    port,
    get,
    post: (path, body, headers = {}) =>
      get(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    token: async (scopes, workspace = "default") =>
      (await tokens.create({ workspace, name: "test", scopes })).token,
  };
}

async function openWorkspace(data: string, name: string): Promise<Directory> {
  return Directory.open({ path: `${data}/${name}`, mode: "write" });
}
