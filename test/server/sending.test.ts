// Writing an answer piece by piece: at the pace of whoever reads it, and not without a pause.

import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { writingTo } from "../../src/server/sending.ts";
import { turnsOfOthers } from "../turns-of-others.ts";

/** Does what takes so many milliseconds. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

it("what is taken at once leaves the thread to others from time to time", async () => {
  const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
  const write = writingTo(stream);
  const turns = turnsOfOthers();
  for (let i = 0; i < 40; i++) {
    work(1);
    await write(new Uint8Array(10));
  }
  expect(turns()).toBeGreaterThan(3);
});

it("what has to wait leaves nothing behind", async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const before = stream.listenerCount("close");
  const write = writingTo(stream);
  for (let i = 0; i < 20; i++) {
    const written = write(new Uint8Array(100));
    setImmediate(() => stream.read());
    await written;
  }
  expect(stream.listenerCount("close")).toBe(before);
  expect(stream.listenerCount("drain")).toBe(0);
});

it("ends when nobody reads any more", async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  stream.on("error", () => {});
  const write = writingTo(stream);
  const waiting = write(new Uint8Array(100));
  stream.destroy();
  await waiting;
  await new Promise((resolve) => setImmediate(resolve));
  const late = new Promise((resolve) => setTimeout(resolve, 500, "waits"));
  expect(await Promise.race([write(new Uint8Array(100)), late])).toBeUndefined();
});
