// What a client sends to be imported: bytes, Blobs, streams; again where the connection breaks, and
// given up where nobody answers.

import * as net from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { ReachClient } from "../../src/client.ts";
import { ndjson } from "../cli/transcripts.ts";
import { serve } from "../server/serving.ts";
import { hashOf, listed, originalHash } from "../server/uploading.ts";

const text = ndjson(9000);
const bytes = new TextEncoder().encode(text);

function pieces(content: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(stream) {
      if (at >= content.length) return stream.close();
      stream.enqueue(content.subarray(at, at + 30_000));
      at += 30_000;
    },
  });
}

/** A way to a server that breaks its first connections after some bytes of what is sent. */
async function brittle(port: number, breaks: number): Promise<{ url: string; cuts: number }> {
  const way = { url: "", cuts: 0 };
  const proxy = net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    let sent = 0;
    for (const socket of [client, server]) socket.on("error", () => {});
    server.pipe(client);
    client.on("data", (data) => {
      sent += data.length;
      server.write(data);
      if (way.cuts >= breaks || sent < 400_000) return;
      way.cuts += 1;
      client.destroy();
      server.destroy();
    });
    client.on("end", () => server.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void proxy.close());
  way.url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
  return way;
}

it("takes bytes, a Blob, a stream and what can be read again, and says how far it is", async () => {
  const served = await serve();
  const client = new ReachClient({ url: served.url });
  const first = await client.import(bytes, { name: "a.jsonl" });
  expect(first).toMatchObject({ format: "ndjson", records: 9000, continuedFrom: null });
  const { id } = first;
  expect(await originalHash(served, id)).toBe(hashOf(text));
  const sent: number[] = [];
  const onProgress = (count: number): void => void sent.push(count);
  const same = { id, unchanged: true };
  expect(await client.import(new Blob([bytes]))).toMatchObject(same);
  expect(await client.import(pieces(bytes), { onProgress })).toMatchObject(same);
  expect(sent.at(-1)).toBe(bytes.length);
  const stored = { size: bytes.length, stream: () => pieces(bytes) };
  expect(await client.import(stored, { onProgress })).toMatchObject(same);
  const fresh = await client.import(stored, { fresh: true });
  expect(fresh).toMatchObject({ unchanged: false, continuedFrom: null });
  await expect(client.import(bytes, { format: "cobol" })).rejects.toMatchObject({
    code: "REQUEST_INVALID",
  });
  expect(() => client.import({} as never)).toThrow(expect.objectContaining({ code: "USAGE" }));
  expect(await listed(served)).toHaveLength(2);
});

it("sends again what broke off, and comes to one whole session", async () => {
  const served = await serve();
  const way = await brittle(served.port, 2);
  const client = new ReachClient({ url: way.url });
  const stored = { size: bytes.length, stream: () => pieces(bytes) };
  const { id, events } = await client.import(stored, { name: "a.jsonl" });
  expect(way.cuts).toBe(2);
  expect(events).toBeGreaterThan(9000);
  expect(await originalHash(served, id)).toBe(hashOf(text));
  expect(await listed(served)).toEqual([id]);
});

it("does not send again what can be read once, nor what makes a session each time", async () => {
  const served = await serve();
  for (const [source, options] of [
    [pieces(bytes), {}],
    [{ size: bytes.length, stream: () => pieces(bytes) }, { fresh: true }],
  ] as const) {
    const way = await brittle(served.port, 1);
    const client = new ReachClient({ url: way.url });
    await expect(client.import(source, options)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(way.cuts).toBe(1);
  }
});

it("is told what reading the source has thrown, and not that the network failed", async () => {
  const served = await serve();
  const client = new ReachClient({ url: served.url });
  const broken = new ReadableStream<Uint8Array>({
    pull(stream) {
      stream.error(new Error("the disk has gone"));
    },
  });
  await expect(client.import(broken)).rejects.toThrow("the disk has gone");
});

it("goes on for longer than a server may be silent, as long as it moves", async () => {
  const served = await serve();
  const client = new ReachClient({ url: served.url, silenceMs: 60 });
  let at = 0;
  // 300 ms of silence are allowed.
  const slow = new ReadableStream<Uint8Array>({
    async pull(stream) {
      if (at >= bytes.length) return stream.close();
      await new Promise((resolve) => setTimeout(resolve, 60));
      stream.enqueue(bytes.subarray(at, at + 80_000));
      at += 80_000;
    },
  });
  expect(await client.import(slow)).toMatchObject({ records: 9000 });
  const still = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
  await expect(client.import(still)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

it("stops when it is called off", async () => {
  const served = await serve();
  const client = new ReachClient({ url: served.url });
  const controller = new AbortController();
  const still = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
  const importing = client.import(still, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(importing).rejects.toMatchObject({ code: "INTERRUPTED" });
});
