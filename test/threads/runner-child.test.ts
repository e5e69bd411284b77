// The process of a runner: what it is started with.

import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { helperThreads, takeRunnerChild } from "../../src/threads/runner-child.ts";

it("has no more threads that help it than there are processors beside its own", () => {
  expect([1, 2, 3, 5, 64].map(helperThreads)).toEqual([1, 1, 2, 4, 4]);
  const child = takeRunnerChild(16);
  try {
    expect(child.spawnargs[1]).toBe(`--v8-pool-size=${helperThreads(availableParallelism())}`);
  } finally {
    child.kill("SIGKILL");
  }
});
