// A thread beside this one: answers in order, and a failure is an error and never silence.

import { afterEach, describe, expect, it } from "vitest";
import { sha256, toHex } from "../../src/base/index.ts";
import type { HashAnswer, HashOrder } from "../../src/importers/source-hash.ts";
import { SideThread } from "../../src/threads/index.ts";

type HashThread = SideThread<HashOrder, HashAnswer>;

let thread: HashThread | undefined;
afterEach(() => thread?.close());

function hashThread(onAnswer: (answer: HashAnswer) => void): HashThread {
  thread = new SideThread("importers/hash-thread.js", "is tried out", onAnswer);
  return thread;
}

describe("a side thread", () => {
  it("answers each order, in their order", async () => {
    const lengths: number[] = [];
    let digest = "";
    const one = hashThread(({ buffer, isDigest }) => {
      if (isDigest) digest = toHex(buffer);
      else lengths.push(buffer.length);
    });
    const whole = Uint8Array.from({ length: 55 }, (_, i) => i);
    for (let size = 1, at = 0; size <= 10; at += size, size += 1) {
      const buffer = whole.slice(at, at + size);
      one.send({ buffer, length: size }, [buffer]);
      expect(buffer.length).toBe(0);
    }
    await one.answered(3);
    expect(lengths.length).toBeGreaterThanOrEqual(7);
    one.send({ buffer: new Uint8Array(0), length: 0 });
    await one.answered();
    expect(lengths).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(digest).toBe(toHex(sha256(whole)));
  });

  it("that dies fails whoever waits, and whoever asks later", async () => {
    const one = hashThread(() => undefined);
    one.send(null as never);
    const failed = { code: "WORKER_FAILED", message: expect.stringContaining("is tried out") };
    await expect(one.answered()).rejects.toMatchObject(failed);
    await expect(one.answered(100)).rejects.toMatchObject(failed);
  });

  it("that is ended fails whoever waits", async () => {
    const one = hashThread(() => undefined);
    one.send({ buffer: new Uint8Array(1), length: 1 });
    const waiting = expect(one.answered()).rejects.toMatchObject({ code: "WORKER_FAILED" });
    await one.close();
    await waiting;
  });

  it("whose answer cannot be taken says why, and is not asked to take more", async () => {
    let taken = 0;
    const one = hashThread(() => {
      taken += 1;
      throw new Error("not now");
    });
    for (const length of [1, 1]) one.send({ buffer: new Uint8Array(1), length });
    await expect(one.answered()).rejects.toThrow("not now");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toBe(1);
  });
});
