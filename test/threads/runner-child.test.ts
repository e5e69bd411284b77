/** What is promised of a runner process that is started ahead: it is used, or it is gone. */
import { type ChildProcess, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { builtFile } from "../../src/disk/index.ts";
import { endRunnerAhead, startRunnerAhead, takeRunnerChild } from "../../src/threads/index.ts";
import { helperThreads } from "../../src/threads/runner-child.ts";
import { until } from "../engine/running.ts";

const canTell = fs.existsSync("/proc/self/task") && availableParallelism() > 1;
const usualPipes = 16;

const taken: ChildProcess[] = [];
function take(pipes: number): number | undefined {
  const child = takeRunnerChild(pipes);
  taken.push(child);
  return child.pid;
}
afterEach(() => {
  endRunnerAhead();
  for (const child of taken.splice(0)) child.kill("SIGKILL");
});

/** Children of this process. */
function children(): number[] {
  return fs.readdirSync("/proc/self/task").flatMap((task) => {
    const text = fs.readFileSync(`/proc/self/task/${task}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  });
}

/** Starts one ahead; its process id. */
function started(): number {
  const before = children();
  startRunnerAhead();
  const [pid] = children().filter((one) => !before.includes(one));
  return pid as number;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!canTell)("a runner process that is started ahead", () => {
  test("is given to the first who needs one, and the next gets another", () => {
    const pid = started();
    expect(take(usualPipes)).toBe(pid);
    expect(take(usualPipes)).not.toBe(pid);
  });

  test("is not given to who needs more of it, and ends", async () => {
    const pid = started();
    expect(take(usualPipes + 1)).not.toBe(pid);
    await until(() => !isThere(pid));
  });

  test("is not given to anybody when it has died", async () => {
    const pid = started();
    process.kill(pid, "SIGKILL");
    await until(() => !isThere(pid));
    const other = take(usualPipes);
    expect(other).not.toBe(pid);
    expect(isThere(other as number)).toBe(true);
  });

  test("ends when it is not wanted, and then another can be started", async () => {
    const pid = started();
    endRunnerAhead();
    await until(() => !isThere(pid));
    expect(take(usualPipes)).not.toBe(pid);
  });

  test("keeps no process alive that does not take it, and ends with it", async () => {
    const threads = pathToFileURL(builtFile("threads/index.js")).href;
    const code = `
      import * as fs from "node:fs";
      import { startRunnerAhead } from ${JSON.stringify(threads)};
      startRunnerAhead();
      console.log(fs.readFileSync("/proc/self/task/" + process.pid + "/children", "utf8"));`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(status).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(0);
    await until(() => !isThere(Number(stdout)));
  });
});

test("a runner has no more threads that help it than there are processors beside its own", () => {
  expect([1, 2, 3, 5, 64].map(helperThreads)).toEqual([1, 1, 2, 4, 4]);
  const child = takeRunnerChild(usualPipes);
  taken.push(child);
  expect(child.spawnargs[1]).toBe(`--v8-pool-size=${helperThreads(availableParallelism())}`);
});
