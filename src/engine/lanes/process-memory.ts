/**
 * How much memory another process has resident. Read from `/proc` where there is one; elsewhere the
 * other process has to say it.
 */
import { existsSync, readFileSync } from "node:fs";

/** Whether `residentBytes` can tell. Where it cannot, runners report by themselves. */
export const seesOtherProcesses = existsSync("/proc/self/status");

/** Resident memory of a process in bytes; `undefined` when it is gone. See proc(5), `VmRSS`. */
export function residentBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
    return found ? Number(found[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}
