// A thread beside this one: answers in order, and a failure is an error and never silence.

import { afterEach, describe, expect, it } from "vitest";
import { concat, toHex } from "../../src/base/index.ts";
import { leafHash, TreeWriter } from "../../src/merkle/index.ts";
import type { TreeAnswer, TreeOrder } from "../../src/session/tree-thread.ts";
import { SideThread } from "../../src/threads/index.ts";

type TreeThread = SideThread<TreeOrder, TreeAnswer>;

let thread: TreeThread | undefined;
afterEach(() => thread?.close());

function treeThread(onAnswer: (answer: TreeAnswer) => void): TreeThread {
  thread = new SideThread("session/tree-thread.js", "is tried out", onAnswer);
  return thread;
}

const hashes = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(0, i & 255, i >>> 8)));

const done = new Int32Array(new SharedArrayBuffer(4));

function orderOf(bytes: Uint8Array, sizes: readonly number[] = []): TreeOrder {
  return { form: "leaves", bytes, spans: [0, bytes.length], sizes, done };
}
const empty = orderOf(new Uint8Array(0));

describe("a side thread", () => {
  it("answers each order, in their order", async () => {
    const tree = new TreeWriter();
    for (const hash of hashes) tree.append(hash);
    const counts: number[] = [];
    const bytes: Uint8Array[] = [];
    const roots: string[] = [];
    const one = treeThread((answer) => {
      counts.push(answer.stored.length);
      bytes.push(answer.stored);
      roots.push(...answer.roots.map(toHex));
    });
    for (let at = 0; at < 300; at += 30) {
      one.send(orderOf(concat(...hashes.slice(at, at + 30)), at === 270 ? [300] : []));
    }
    await one.answered(3);
    expect(counts.length).toBeGreaterThanOrEqual(7);
    await one.answered();
    expect(counts).toEqual([960, 960, 960, 960, 960, 960, 960, 960, 992, 960]);
    expect(toHex(concat(...bytes))).toBe(toHex(tree.take()));
    expect(roots).toEqual([toHex(tree.root())]);
  });

  it("that dies fails whoever waits, and whoever asks later", async () => {
    const one = treeThread(() => undefined);
    one.send(null as never);
    const failed = { code: "WORKER_FAILED", message: expect.stringContaining("is tried out") };
    await expect(one.answered()).rejects.toMatchObject(failed);
    await expect(one.answered(100)).rejects.toMatchObject(failed);
  });

  it("that is ended fails whoever waits", async () => {
    const one = treeThread(() => undefined);
    one.send(empty);
    const waiting = expect(one.answered()).rejects.toMatchObject({ code: "WORKER_FAILED" });
    await one.close();
    await waiting;
  });

  it("whose answer cannot be taken says why, and no more is taken", async () => {
    let taken = 0;
    const one = treeThread(() => {
      taken += 1;
      throw new Error("not now");
    });
    for (const order of [empty, empty]) one.send(order);
    await expect(one.answered()).rejects.toThrow("not now");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toBe(1);
  });
});
