/**
 * Which process is which, also after its pid has been given to another one: pid, boot id, start
 * time and host together.
 */
import * as fs from "node:fs";
import * as os from "node:os";

/** A process, told apart from an earlier one with the same pid by boot id and start time. */
export interface Holder {
  readonly pid: number;
  /** Boot id of the machine, empty where the system has none. */
  readonly boot: string;
  /** Start time in clock ticks since boot, empty where the system does not tell. */
  readonly started: string;
  readonly host: string;
}

/** What the lock needs to know about processes; tests bring their own. */
export interface Processes {
  self(): Holder;
  /** Whether this very process still runs on this machine; one on another host counts as alive. */
  isAlive(holder: Holder): boolean;
  /** Waits, for another process to finish what it is doing. */
  pause(milliseconds: number): Promise<void>;
}

/** Whether two holders are the same process. */
export function sameHolder(a: Holder, b: Holder): boolean {
  return a.pid === b.pid && a.boot === b.boot && a.started === b.started && a.host === b.host;
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Of /proc/<pid>/stat (proc(5)); the name in field 2 may hold spaces and brackets. */
function statOf(pid: number): { readonly state: string; readonly started: string } {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
}

/** The processes of this machine. */
export const systemProcesses: Processes = {
  self() {
    const { pid } = process;
    return { pid, boot: bootId(), started: statOf(pid).started, host: os.hostname() };
  },

  isAlive(holder) {
    if (holder.host !== os.hostname()) return true;
    if (holder.boot !== bootId()) return false;
    if (!pidExists(holder.pid)) return false;
    const { state, started } = statOf(holder.pid);
    // What has died keeps its pid until its parent asks for it, and writes nothing any more.
    return state !== "Z" && holder.started === started;
  },

  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
