// What a scenario removes is its own: the inputs of the run stay for the others.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Bench } from "../../tools/bench/bench.ts";

let work: string;
let bench: Bench;
beforeEach(() => {
  work = mkdtempSync(path.join(tmpdir(), "reach-bench-test-"));
  const plain = { rounds: 1, quick: true, log: undefined, profiles: undefined };
  bench = new Bench({ ...plain, work });
});
afterEach(() => {
  bench.close();
  rmSync(work, { recursive: true, force: true });
});

it("removes what it is told to, and nothing when nothing is named", () => {
  const files = ["input", "output"].map((name) => bench.path(name));
  for (const file of files) writeFileSync(file, "");
  bench.remove("output");
  for (const nothing of ["", ".", "..", "../other"]) {
    expect(() => bench.remove(nothing)).toThrow("is not in the run's folder");
  }
  expect(files.map((file) => existsSync(file))).toEqual([true, false]);
});
