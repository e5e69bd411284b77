import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { expect, it } from "vitest";
import { ProcessMemory, seesOtherProcesses } from "../../src/engine/lanes/process-memory.ts";

const seen = it.skipIf(!seesOtherProcesses);

seen("the memory of a process is seen while it lives, and not afterwards", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log('here')"]);
  await once(child.stdout, "data");
  const { pid = 0 } = child;
  const memory = new ProcessMemory(pid);
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const expected = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  // The system counts lazily, and the process is still settling.
  expect(memory.rssBytes).toBeGreaterThan(0.8 * expected);
  expect(memory.rssBytes).toBeLessThan(1.25 * expected);
  child.stdin.end();
  await once(child, "exit");
  expect(memory.rssBytes).toBeUndefined();
  memory.close();
  expect(memory.rssBytes).toBeUndefined();
});

seen("a process that never was is not seen", () => {
  expect(new ProcessMemory(2 ** 30).rssBytes).toBeUndefined();
});
