// Tails: everything from any seq, what is there and what comes, each event once and in order;
// whoever is slow is left behind and not waited for; whoever is cut knows where to go on.

import * as net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { writeSample } from "../session/sample-session.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { type Served, serve } from "./serving.ts";
import { Observer } from "./tailing.ts";

const observers = new Set<Observer>();

afterEach(() => {
  for (const observer of observers) observer.drop();
  observers.clear();
});

function tail(served: Served, id: string, query = "", headers = {}): Observer {
  const observer = new Observer(`${served.url}/v1/sessions/${id}/tail${query}`, headers);
  observers.add(observer);
  return observer;
}

async function append(served: Served, id: string, count: number, bytes = 20): Promise<void> {
  const events = Array.from({ length: count }, () => ({ type: "live", data: "x".repeat(bytes) }));
  expect((await served.post(`/v1/sessions/${id}/events`, events)).status).toBe(201);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe("a tail", () => {
  it("has what is there, then what comes", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const observer = tail(served, id);
    await observer.upToDate();
    expect(observer.seqs).toEqual(range(0, 300));
    await append(served, id, 60);
    await observer.count(360);
    expect(observer.seqs).toEqual(range(0, 360));
    // The same events as a page has.
    const page = await served.get(`/v1/sessions/${id}/events?after=200`);
    expect(observer.events.slice(201)).toEqual(((await page.json()) as { events: [] }).events);
  });

  it("begins behind any seq, and `Last-Event-ID` wins", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const last = { "last-event-id": "197" };
    const all = [
      tail(served, id, "?after=127"),
      tail(served, id, "?after=3", last),
      tail(served, id, "?after=299"),
      tail(served, id, "", { "last-event-id": "" }),
    ];
    await Promise.all(all.map((observer) => observer.upToDate()));
    expect(all.map(({ seqs }) => [seqs[0], seqs.length])).toEqual([
      [128, 172],
      [198, 102],
      [undefined, 0],
      [0, 300],
    ]);
    const beyond = await served.get(`/v1/sessions/${id}/tail?after=300`);
    expect(beyond.status).toBe(400);
    expect(
      (await served.get(`/v1/sessions/${id}/tail`, { headers: { accept: "text/html" } })).status,
    ).toBe(406);
  });

  it("has no gap and no duplicate, whenever it begins while events come", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 1);
    const all: { from: number; observer: Observer }[] = [];
    let size = 1;
    for (let i = 0; i < 40; i++) {
      const from = Math.floor((size * (i % 5)) / 4);
      all.push({ from, observer: tail(served, id, `?after=${from - 1}`) });
      await append(served, id, 1 + (i % 7));
      size += 1 + (i % 7);
    }
    for (const { from, observer } of all) {
      await observer.count(size - from);
      expect(observer.seqs).toEqual(range(from, size));
    }
  });

  it("holds payloads as it was asked to", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 8);
    const [inline, ref, none] = ["", "?payload=ref", "?payload=none"].map((q) =>
      tail(served, id, q),
    );
    await Promise.all([inline?.upToDate(), ref?.upToDate(), none?.upToDate()]);
    expect(inline?.events[3]).toHaveProperty("data");
    expect(ref?.events[3]).toHaveProperty("blob");
    expect(Object.keys(none?.events[3] ?? {})).toEqual(["seq", "time", "kind", "type", "ref"]);
  });

  it("is answered in its turn, behind another answer on the same connection", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 3);
    const socket = net.connect(served.port, "127.0.0.1");
    const host = `Host: 127.0.0.1:${served.port}`;
    for (const path of ["state", "tail"]) {
      socket.write(`GET /v1/sessions/${id}/${path} HTTP/1.1\r\n${host}\r\n\r\n`);
    }
    let said = "";
    socket.on("data", (data) => {
      said += String(data);
    });
    const tails = served.server.context.workspaces.get("default")?.tails;
    await expect.poll(() => said).toContain('"upToDate":true');
    expect(said).toMatch(/^HTTP\/1\.1 200 .*HTTP\/1\.1 200 .*id: 2\n/s);
    expect(tails?.size).toBe(1);
    socket.destroy();
    await expect.poll(() => [tails?.size, tails?.sources]).toEqual([0, 0]);
  });

  it("says something when there is nothing to say", async () => {
    const served = await serve({ config: { heartbeatMs: 30 } });
    const id = await writeSample(served.directory, 2);
    const observer = tail(served, id);
    await observer.until(() => observer.comments >= 3);
    expect(observer.seqs).toEqual([0, 1]);
  });

  it("ends with the server, and says where to go on", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 150);
    const all = range(0, 5).map(() => tail(served, id));
    await Promise.all(all.map((observer) => observer.upToDate()));
    await served.restart();
    await Promise.all(all.map((observer) => observer.until(() => observer.ended)));
    for (const { controls } of all) expect(controls.at(-1)).toEqual({ next: 150, cut: "shutdown" });
    await append(served, id, 3);
    const again = tail(served, id, "", { "last-event-id": "149" });
    await again.count(3);
    expect(again.seqs).toEqual([150, 151, 152]);
  });

  it("that begins while the server stops ends at once, and says where to go on", async () => {
    let engine: MemoryEngine | undefined;
    const served = await serve({
      config: { shutdownMs: 8000 },
      engine: (directory) => {
        engine = new MemoryEngine(directory);
        return engine;
      },
    });
    let begin = (): void => {};
    (engine as unknown as MemoryEngine).gate = new Promise((resolve) => {
      begin = resolve;
    });
    const observer = new Observer(`${served.url}/v1/sessions`, {}, { program: "slow" });
    observers.add(observer);
    const tails = served.server.context.workspaces.get("default")?.tails;
    await expect.poll(() => tails?.sources).toBe(1);
    const began = performance.now();
    const closing = served.server.close();
    begin();
    await closing;
    expect(performance.now() - began).toBeLessThan(4000);
    expect(observer.controls.at(-1)).toMatchObject({ cut: "shutdown" });
    expect([tails?.size, tails?.sources]).toEqual([0, 0]);
  });

  it("of too many is refused, and there is room again when one has gone", async () => {
    const served = await serve({ config: { tailsMax: 2 } });
    const id = await writeSample(served.directory, 2);
    const [first, second] = [tail(served, id), tail(served, id)];
    await Promise.all([first.upToDate(), second.upToDate()]);
    const refused = await served.get(`/v1/sessions/${id}/tail`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    first.drop();
    const third = await retry(() => {
      const observer = tail(served, id);
      return observer.until(() => observer.status !== 0).then(() => observer.status === 200);
    });
    expect(third).toBe(true);
  });
});

async function retry(attempt: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    if (await attempt()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describe("an observer who reads slowly", () => {
  const config = { tailQueueBytesMax: 64 * 1024 };

  it("holds nobody up, and has everything in the end", async () => {
    const served = await serve({ config });
    const id = await writeSample(served.directory, 1);
    const slow = tail(served, id);
    const fast = tail(served, id);
    await Promise.all([slow.upToDate(), fast.upToDate()]);
    slow.pause();
    // More than sockets and queue hold together.
    for (let i = 0; i < 8; i++) await append(served, id, 500, 4000);
    await fast.count(4001);
    expect(fast.seqs).toEqual(range(0, 4001));
    expect(slow.events.length).toBeLessThan(4001);
    const { tails } = served.server.context.workspaces.get("default") ?? {};
    expect(tails?.size).toBe(2);
    slow.resume();
    await slow.count(4001);
    expect(slow.seqs).toEqual(range(0, 4001));
    await append(served, id, 2);
    await slow.count(4003);
    expect(slow.seqs).toEqual(range(0, 4003));
  });

  it("or not at all is cut, and goes on where it was", async () => {
    const served = await serve({ config: { ...config, slowReaderMs: 150 } });
    const id = await writeSample(served.directory, 1);
    const stuck = tail(served, id);
    await stuck.upToDate();
    stuck.pause();
    for (let i = 0; i < 8; i++) await append(served, id, 500, 4000);
    const { tails } = served.server.context.workspaces.get("default") ?? {};
    await retry(async () => tails?.size === 0);
    expect(tails?.size).toBe(0);
    stuck.resume();
    await stuck.until(() => stuck.ended);
    const last = stuck.seqs.length - 1;
    expect(stuck.seqs).toEqual(range(0, last + 1));
    const again = tail(served, id, "", { "last-event-id": String(last) });
    await again.count(4000 - last);
    expect(again.seqs).toEqual(range(last + 1, 4001));
  });
});
