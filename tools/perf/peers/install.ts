// Installs the peers into `perf/peers`, as their lock file says. What is there already is left as
// it is: one of them is compiled, which takes minutes.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { peersFolder } from "./peer-modules.ts";

interface LockFile {
  readonly packages: Readonly<Record<string, { version?: string; optional?: boolean }>>;
}

function lockAt(...parts: readonly string[]): LockFile {
  return JSON.parse(readFileSync(path.join(peersFolder, ...parts), "utf8")) as LockFile;
}

/** Whether every package that is not optional is there in the version of the lock file. */
function isInstalled(): boolean {
  if (!existsSync(path.join(peersFolder, "node_modules", ".package-lock.json"))) return false;
  const there = lockAt("node_modules", ".package-lock.json").packages;
  return Object.entries(lockAt("package-lock.json").packages).every(([name, wanted]) => {
    return name === "" || wanted.optional || there[name]?.version === wanted.version;
  });
}

/** Runs `npm ci` in `perf/peers` unless that would change nothing. Throws when it fails. */
export function installPeers(): void {
  if (isInstalled()) return;
  process.stderr.write("npm ci in perf/peers: some minutes, since one of them is compiled\n");
  const stdio = ["ignore", process.stderr, process.stderr] as const;
  const done = spawnSync("npm", ["ci"], { cwd: peersFolder, stdio: [...stdio] });
  if (done.status !== 0) throw new Error("npm ci in perf/peers failed");
}
