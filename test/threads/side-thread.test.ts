// A thread beside this one: answers in order, and a failure is an error and never silence.

import { afterEach, describe, expect, it, vi } from "vitest";
import { concat, toHex } from "../../src/base/index.ts";
import { leafHash, TreeWriter } from "../../src/merkle/index.ts";
import { type TreeAnswer, type TreeOrder, treeGrower } from "../../src/session/tree-orders.ts";
import { SideThread, type SideThreadOptions } from "../../src/threads/index.ts";
import { type Fate, fate } from "./mortal-worker.ts";

vi.mock("node:worker_threads", async (actual) => {
  const { mortalThreads } = await import("./mortal-worker.ts");
  return mortalThreads(await actual());
});

type TreeThread = SideThread<TreeOrder, TreeAnswer>;

let thread: TreeThread | undefined;
afterEach(async () => {
  fate.of = "lives";
  await thread?.close();
});

function treeThread(
  onAnswer: (answer: TreeAnswer) => void,
  more: Partial<SideThreadOptions<TreeOrder, TreeAnswer>> = {},
): TreeThread {
  const plain = { file: "entries/tree-thread.js", what: "is tried out" };
  thread = new SideThread({ ...plain, memory: { bytes: 1000, pieces: 3 }, onAnswer, ...more });
  return thread;
}

const hashes = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(0, i & 255, i >>> 8)));

function orderOf(bytes: Uint8Array, sizes: readonly number[] = []): TreeOrder {
  return { form: "leaves", bytes, spans: [0, bytes.length], sizes };
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

/** A tree and what it gets from its thread. */
class Grown {
  readonly stored: Uint8Array[] = [];
  #range: Uint8Array | undefined;
  readonly take = ({ stored, range }: TreeAnswer): void => {
    this.stored.push(stored);
    this.#range = range;
  };
  readonly goOn = () => treeGrower(this.#range);
}

function storedOf(count: number): string {
  const tree = new TreeWriter();
  for (const hash of hashes.slice(0, count)) tree.append(hash);
  return toHex(tree.take());
}

describe("a side thread that others can stand in for", () => {
  const fates: Fate[] = ["is refused", "does not start", { killedAfter: 1 }, { killedAfter: 5 }];
  it.each(fates)("whose fate is %o leaves orders that are answered here", async (of) => {
    Object.assign(fate, { of, deaths: 0 });
    const grown = new Grown();
    const one = treeThread(grown.take, { goOn: grown.goOn });
    for (let i = 0; i < 10; i++) {
      one.send(orderOf(concat(...hashes.slice(30 * i, 30 * i + 30))));
      if (i % 4 === 3) await Promise.all([one.answered(3), one.answered(2)]);
    }
    await one.answered();
    expect(toHex(concat(...grown.stored))).toBe(storedOf(300));
    expect(fate.deaths).toBe(1);
  });

  it("says what whoever stands in for it throws", async () => {
    fate.of = "does not start";
    const goOn = () => Promise.reject(new Error("neither can I"));
    const one = treeThread(() => undefined, { goOn });
    one.send(empty);
    for (let i = 0; i < 2; i++) await expect(one.answered()).rejects.toThrow("neither can I");
  });

  it("is not stood in for when it is closed", async () => {
    const one = treeThread(() => undefined, { goOn: () => treeGrower() });
    one.send(empty);
    const waiting = expect(one.answered()).rejects.toMatchObject({ code: "WORKER_FAILED" });
    await one.close();
    await waiting;
  });
});

describe("memory that is lent to a side thread", () => {
  it("is given out again when its order is done, and not before", async () => {
    const one = treeThread(() => undefined);
    const first = [0, 1, 2].map(() => one.take());
    expect(new Set(first).size).toBe(3);
    expect(one.take()).toBeDefined();
    for (const bytes of first) if (bytes) one.send(orderOf(bytes.subarray(0, 32)), bytes);
    await one.answered();
    for (let i = 0; i < 3; i++) expect(first).toContain(one.take());
    expect(first).not.toContain(one.take());
  });

  it("that is read again when the answer comes is not given out before", async () => {
    const memory = { bytes: 1000, pieces: 3, readBack: true };
    const one = treeThread(() => undefined, { memory });
    const lent = [0, 1, 2].map(() => one.take() as Uint8Array);
    for (const bytes of lent) one.send(orderOf(bytes.subarray(0, 32)), bytes);
    // The thread is done, and its answers have come, but nobody here has heard of them.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    expect(one.take()).toBeUndefined();
    await one.answered();
    expect(lent).toContain(one.take());
  });

  it("that none is left of is waited for", async () => {
    fate.of = "does not start";
    const one = treeThread(() => undefined, { goOn: () => treeGrower() });
    for (let bytes = one.take(); bytes; bytes = one.take()) one.send(empty, bytes);
    expect(one.waiting).toBe(3);
    await one.answered(2);
    expect(one.take()).toBeDefined();
    expect(one.take()).toBeUndefined();
  });
});
