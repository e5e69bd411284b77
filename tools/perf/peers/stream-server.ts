// A server of Durable Streams in a process of its own, so that client and server are apart:
//
//   node stream-server.js reach|durable-streams FOLDER
//
// Prints the address of a stream as its first line; ends when its standard input does.

import path from "node:path";
import process from "node:process";
import { createServer } from "../../../src/server/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { type DurableStreams, peerModule } from "./peer-modules.ts";

const stopMs = 2000;

async function startReach(folder: string): Promise<string> {
  const directory = await Directory.open({ path: path.join(folder, "default"), mode: "write" });
  const server = await createServer({ workspaces: [{ directory }] });
  const { url } = await server.listen();
  stopAtEnd(async () => {
    await server.close();
    await directory.close();
  });
  return new URL("/v1/stream/peers", url).href;
}

async function startDurableStreams(folder: string): Promise<string> {
  const { DurableStreamTestServer } = peerModule<DurableStreams>("@durable-streams/server");
  const options = { port: 0, host: "127.0.0.1", dataDir: folder };
  const server = new DurableStreamTestServer(options);
  const url = await server.start();
  stopAtEnd(() => server.stop());
  return new URL("/peers", url).href;
}

/** What was acknowledged is durable: a server that does not stop by itself is ended. */
function stopAtEnd(stop: () => Promise<void>): void {
  process.stdin.resume().once("end", () => {
    setTimeout(() => process.exit(0), stopMs);
    void stop().finally(() => process.exit(0));
  });
}

// The first line of the output is the address; the peer's own log would be in front of it.
console.info = () => {};

const [name, folder = ""] = process.argv.slice(2);
const start = name === "reach" ? startReach : startDurableStreams;
process.stdout.write(`${await start(folder)}\n`);
