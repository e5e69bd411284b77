// A burst of connections while the server is busy with something else: the system keeps them until
// it looks. Those beyond its backlog would be tried again by their senders, seconds later.

import { readFileSync } from "node:fs";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { serve } from "./serving.ts";

const connections = 1000;
/** By then a first connection that was passed over has not been tried again. */
const waitMs = 900;

/** Opens connections and counts those that stand, while the thread that listens is held up. */
const client = `
  const { connect } = require("node:net");
  const { workerData } = require("node:worker_threads");
  const { port, connections, standing } = workerData;
  for (let i = 0; i < connections; i++) {
    const socket = connect(port, "127.0.0.1", () => {
      if (Atomics.add(standing, 0, 1) + 1 === connections) Atomics.notify(standing, 0);
    });
    socket.on("error", () => {});
  }
`;

/** The most connections that this system keeps for anybody. */
function systemBacklog(): number {
  if (process.platform !== "linux") return 0;
  return Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
}

it.skipIf(systemBacklog() < connections)("a burst of connections is kept", async () => {
  const { port } = await serve();
  const standing = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(client, { eval: true, workerData: { port, connections, standing } });
  await new Promise((resolve) => worker.once("online", resolve));
  const until = performance.now() + waitMs;
  while (Atomics.load(standing, 0) < connections && performance.now() < until) {
    Atomics.wait(standing, 0, Atomics.load(standing, 0), 10);
  }
  const stood = Atomics.load(standing, 0);
  await worker.terminate();
  expect(stood).toBe(connections);
});
