/**
 * A server is loaded when one is made: its framework is more code than the rest of Reach, which
 * those do without who only need tokens. Sessions go on meanwhile in processes of their own.
 */
import type { ReachServer } from "./reach-server.ts";
import type { ServerOptions } from "./server-options.ts";

/** Puts a server together over open directories, which it closes when it is closed. */
export async function createServer(options: ServerOptions): Promise<ReachServer> {
  const { assembleServer } = await import("./reach-server.ts");
  return assembleServer(options);
}
