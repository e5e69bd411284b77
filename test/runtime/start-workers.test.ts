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
});
