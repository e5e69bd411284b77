// Every naughty string in every parameter, and thousands of connections at once.

import * as net from "node:net";
import { describe, expect, it } from "vitest";
import { writeSample } from "../session/sample-session.ts";
import { askEverywhere, keepAndRead, naughtyStrings } from "./naughty-strings.ts";
import { serve } from "./serving.ts";

describe("text that bites", () => {
  it("in every parameter is a wrong parameter, or text", async () => {
    await askEverywhere(await serve(), naughtyStrings());
  });

  it("as type, data, name or key comes out as it went in, or is refused", async () => {
    await keepAndRead(await serve(), naughtyStrings());
  });
});

describe("ten thousand connections that say nothing", () => {
  it("are borne, and given up; others are answered meanwhile", async () => {
    const served = await serve({ config: { headersTimeoutMs: 3000, requestTimeoutMs: 4000 } });
    const id = await writeSample(served.directory, 100);
    const sockets: net.Socket[] = [];
    for (let i = 0; i < 10_000; i++) {
      const socket = net.connect(served.port, "127.0.0.1");
      socket.on("error", () => {}).resume();
      socket.write("GET /healthz HTTP/1.1\r\n");
      sockets.push(socket);
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const page = await served.get(`/v1/sessions/${id}/events`);
    expect(((await page.json()) as { events: unknown[] }).events.length).toBe(100);
    const closed = (): number => sockets.filter((socket) => socket.closed).length;
    for (let i = 0; i < 600 && closed() < 10_000; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(closed()).toBe(10_000);
  });
});
