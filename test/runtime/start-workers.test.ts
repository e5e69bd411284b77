// Threads that are started ahead: they take tasks like others, and nobody has to wait for them.

import { afterEach, describe, expect, it } from "vitest";
import { closeWorkers, startWorkers } from "../../src/runtime/index.ts";
import { workerPool } from "../../src/runtime/pool.ts";

afterEach(closeWorkers);

describe("threads that are started ahead", () => {
  it("are those of the pool that tasks go to", async () => {
    startWorkers(3);
    const pool = workerPool(3);
    expect(pool.threads).toBeGreaterThanOrEqual(3);
    expect(await pool.run<"start">({ kind: "start" })).toBeNull();
    expect(workerPool(1)).toBe(pool);
  });

  it("can be ended before they have begun", async () => {
    startWorkers(2);
    await closeWorkers();
    startWorkers(1);
    expect(await workerPool().run<"start">({ kind: "start" })).toBeNull();
  });

  it("are those that the first tasks wait for: no further ones are started", async () => {
    let threads = 0;
    const count = (): void => {
      threads += 1;
    };
    process.on("worker", count);
    try {
      startWorkers(1);
      const pool = workerPool();
      expect(await pool.run<"start">({ kind: "start" })).toBeNull();
      expect(await pool.run<"start">({ kind: "start" })).toBeNull();
      expect(threads).toBe(1);
    } finally {
      process.off("worker", count);
    }
  });

  it("fail what waits for them when they are ended", async () => {
    startWorkers(1);
    const waiting = workerPool().run<"start">({ kind: "start" });
    const ended = expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await closeWorkers();
    await ended;
  });

  it("do what waits for them when a larger pool takes their place", async () => {
    startWorkers(1);
    const pool = workerPool();
    const waiting = pool.run<"start">({ kind: "start" });
    expect(workerPool(pool.threads + 1)).not.toBe(pool);
    expect(await waiting).toBeNull();
  });
});
