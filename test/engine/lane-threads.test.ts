// A thread that runs out of memory in the moment in which it is ended is one thread that has ended,
// and not the end of the process that it is in.

import { fileURLToPath } from "node:url";
import { MessageChannel, type Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import { afterEach, expect, it, vi } from "vitest";
import { LaneThreads } from "../../src/engine/host/lane-threads.ts";

const contexts = fileURLToPath(new URL("plain-contexts.mjs", import.meta.url));

afterEach(() => {
  vi.restoreAllMocks();
});

it("a thread that fails while it is being ended has left its lane when it has ended", async () => {
  const pool = vi.spyOn(Piscina.prototype, "threads", "get");
  const threads = new LaneThreads(1);
  const { port1, port2 } = new MessageChannel();
  const lane = threads.serve({ port: port2 }, contexts, { onWork: () => {} });
  lane.kill("a test");
  const worker = (pool.mock.results[0]?.value as Worker[] | undefined)?.[0];
  let exited = false;
  worker?.once("exit", () => {
    exited = true;
  });
  // What Node says of a thread whose heap is full; it says so before the thread has ended.
  const outOfMemory = new Error("Worker terminated due to reaching memory limit");
  worker?.emit("error", Object.assign(outOfMemory, { code: "ERR_WORKER_OUT_OF_MEMORY" }));
  expect(await lane.ended).toBe("a test");
  expect(exited).toBe(true);
  port1.close();
  await threads.close();
});
