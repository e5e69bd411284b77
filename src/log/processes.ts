/**
 * Which process is which, also after its pid has been given to another one: pid, boot id, start
 * time and host together; and whether it lives, also where its pid says nothing, since every
 * container counts its processes on its own.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import { isSignOfLife, type SignOfLife, showSignOfLife } from "./sign-of-life.ts";

/** A process, told apart from an earlier one with the same pid by boot id and start time. */
export interface Holder {
  readonly pid: number;
  /** Boot id of the machine, empty where the system has none. */
  readonly boot: string;
  /** Start time in clock ticks since boot, empty where the system does not tell. */
  readonly started: string;
  readonly host: string;
  /** The pid namespace in which `pid` counts; missing where there are none, and in old locks. */
  readonly namespace?: string | undefined;
  /** Name of a socket in the folder that it writes: it listens there as long as it lives. */
  readonly socket?: string | undefined;
}

/** What the lock needs to know about processes; tests bring their own. */
export interface Processes {
  self(): Holder;
  /**
   * Whether this very process, which writes `folder`, still runs. One that cannot be judged from
   * here, because it is on another machine, counts as alive.
   */
  isAlive(holder: Holder, folder: string): boolean | Promise<boolean>;
  /** Shows at `path`, where others can see it, that this process lives; `undefined`: cannot be. */
  showLife?(path: string): Promise<SignOfLife | undefined>;
  /** Waits, for another process to finish what it is doing. */
  pause(milliseconds: number): Promise<void>;
}

/** Whether two holders are the same process. */
export function sameHolder(a: Holder, b: Holder): boolean {
  const sameKernel = a.boot === b.boot && a.host === b.host && a.namespace === b.namespace;
  return sameKernel && a.pid === b.pid && a.started === b.started;
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

/** The pid namespace of this process (pid_namespaces(7)), where the system has them. */
function pidNamespace(): string | undefined {
  try {
    return fs.readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}

/** Whether a process of this pid namespace runs. */
function runs(holder: Holder): boolean {
  if (!pidExists(holder.pid)) return false;
  const { state, started } = statOf(holder.pid);
  // What has died keeps its pid until its parent asks for it, and writes nothing any more.
  return state !== "Z" && holder.started === started;
}

/** The processes of this machine. */
export const systemProcesses: Processes = {
  self() {
    const { pid } = process;
    const namespace = pidNamespace();
    return { pid, boot: bootId(), started: statOf(pid).started, host: os.hostname(), namespace };
  },

  isAlive(holder, folder) {
    const { boot, host, namespace, socket } = holder;
    const sameKernel = boot !== "" && boot === bootId();
    if (sameKernel && namespace !== undefined) {
      if (namespace === pidNamespace()) {
        // Of this process it may have been a thread, and that may have ended: its socket is gone.
        const isOwn = socket !== undefined && sameHolder(holder, this.self());
        return isOwn ? isSignOfLife(`${folder}/${socket}`) : runs(holder);
      }
      // Another container, whatever its host is called: here its pid is somebody else's.
      if (socket !== undefined) return isSignOfLife(`${folder}/${socket}`);
    }
    if (host !== os.hostname()) return true;
    return boot === bootId() && runs(holder);
  },

  showLife: async (path) => (pidNamespace() === undefined ? undefined : showSignOfLife(path)),

  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
