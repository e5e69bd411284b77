// Clients that ask for much and take nothing of it: what is kept for them is given up in the end.

import * as net from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

/** Asks for a path and reads nothing of the answer. */
function unread(served: Served, path: string): net.Socket {
  const socket = net.connect(served.port, "127.0.0.1").pause();
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return socket;
}

it("an answer that nobody takes is given up", async () => {
  const served = await serve({ config: { stalledMs: 300 } });
  const id = await writeSample(served.directory, 700, { largeBytes: 200_000 });
  const readers = served.server.context.workspaces.get("default")?.readers;
  unread(served, `/v1/sessions/${id}/bundle`);
  // More than the system keeps for a connection, so that the server has to wait.
  for (let i = 0; i < 3; i++) unread(served, `/v1/sessions/${id}/pages/0`);
  await expect.poll(() => readers?.lent).toBeGreaterThan(0);
  const open = (): Promise<number> => {
    return new Promise((resolve) => {
      served.server.app.server.getConnections((_, count) => resolve(count));
    });
  };
  // The test keeps one that it may use again.
  await expect.poll(open, { timeout: 5000 }).toBeLessThanOrEqual(1);
  expect(readers?.lent).toBe(0);
});

it("an answer that is taken, and a tail that has nothing to say, are not", async () => {
  const served = await serve({ config: { stalledMs: 400, heartbeatMs: 60 } });
  const id = await writeSample(served.directory, 10);
  const socket = unread(served, `/v1/sessions/${id}/tail`).resume();
  let closed = false;
  socket.once("close", () => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(closed).toBe(false);
});
