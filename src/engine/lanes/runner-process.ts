/**
 * One runner process with threads in it, from its start to its end. Each lane is a pipe to one
 * thread. A thread that does not answer is ended, and when that does not help within a second, so
 * is the process; a process that uses more memory than it may is ended at once.
 */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { takeRunnerChild } from "../../threads/index.ts";
import { FrameReader, frame } from "../host/frames.ts";
import type { GrowthLimits } from "../host/growth-watch.ts";
import { decodeMessage, encodeMessage } from "../host/messages.ts";
import type { Order, Reply } from "../host/orders.ts";
import type { ControlMessage, RunnerReport } from "../host/runner-control.ts";
import { Lane, type RunnerEvents } from "./lane.ts";
import { ProcessMemory, seesOtherProcesses } from "./process-memory.ts";

const MiB = 1024 * 1024;
/** The first pipe behind standard input, output, error and the control channel. */
const firstPipe = 4;
/** Threads that may die before the process is replaced: each leaves a used pipe behind. */
const sparePipes = 14;
/** Before a thread that was told to end is ended with its process. */
const killWaitMs = 1000;
/** The same for one that gives back much memory. */
const endingWaitMs = 5000;
/** Between the end of a pipe and the conclusion that only its thread has ended. */
const closeWaitMs = 250;
/** A process that did not start is given up after so long: the next one would not either. */
const refusedWaitMs = 1000;
/** Between two looks at the memory of the process. */
const memoryLookMs = 25;

/** A thread that makes its process grow is ended while the others in it still have room. */
function growthLimits(rssBytesMax: number): GrowthLimits {
  return { rssBytesMax: (rssBytesMax * 3) / 4, addedBytesMin: rssBytesMax / 8 };
}

/** How a runner process is made. */
export interface RunnerProcessOptions {
  readonly threads: number;
  /** File of the module that makes contexts. */
  readonly contexts: string;
  readonly rssBytesMax: number;
  /** Whether a thread that died is replaced. */
  readonly comesBack: boolean;
  /** Whether it may have only what others leave of the processors. */
  readonly isBackground?: boolean;
  readonly events: RunnerEvents;
}

/** How a process came to its end. */
export interface RunnerEnd {
  readonly why: string;
  /** It was killed, and not for what ran in it then. */
  readonly isForeign: boolean;
}

/** One process. */
export class RunnerProcess {
  readonly lanes = new Map<number, Lane>();
  readonly #options: RunnerProcessOptions;
  readonly #child: ChildProcess;
  readonly #look: NodeJS.Timeout;
  readonly #memory: ProcessMemory | undefined;
  /** Threads that the runner ends by itself, by pipe: when they should have ended. */
  readonly #endings = new Map<number, NodeJS.Timeout>();
  #nextPipe = firstPipe;
  #why: string | undefined;
  #isForeign = false;
  #gone: (end: RunnerEnd) => void = () => {};
  /** Resolves when it is gone, with why. */
  readonly ended: Promise<RunnerEnd>;
  /** Whether sessions may be in it: until then nobody hears of its lanes. */
  isUsed = false;

  constructor(options: RunnerProcessOptions) {
    this.#options = options;
    this.#child = takeRunnerChild(this.#pipesMax);
    const { pid } = this.#child;
    this.#memory = pid === undefined ? undefined : new ProcessMemory(pid);
    this.ended = new Promise((resolve) => {
      this.#gone = resolve;
    });
    this.#child.once("error", ({ message }) => {
      // Who waits in its lanes has done nothing.
      this.#isForeign = true;
      const why = `its process did not start: ${message}`;
      setTimeout(() => this.#end(why, false), refusedWaitMs).unref();
    });
    this.#child.once("exit", (code, signal) => {
      // What V8 cannot go on from ends in SIGABRT or worse; a kill comes from outside.
      this.#end(`its process ended: ${signal ?? code}`, signal === "SIGKILL");
    });
    if (options.isBackground && pid !== undefined) this.#stepBack(pid);
    this.#child.on("message", (message: RunnerReport) => this.#onReport(message));
    const growth = options.comesBack ? { growth: growthLimits(options.rssBytesMax) } : {};
    const { threads } = options;
    this.#tell({ kind: "setup", threads, reportsRss: !seesOtherProcesses, ...growth });
    for (let i = 0; i < options.threads; i++) this.#open();
    this.#look = setInterval(() => this.#onRss(this.rssBytes), memoryLookMs);
    this.#look.unref();
  }

  get #pipesMax(): number {
    const { threads, comesBack } = this.#options;
    return comesBack ? threads + sparePipes : threads;
  }

  #stepBack(pid: number): void {
    try {
      setPriority(pid, constants.priority.PRIORITY_LOW);
    } catch {
      // It may be gone by now; and it works without.
    }
  }

  /** Resident memory in bytes, where it can be seen. */
  get rssBytes(): number | undefined {
    return this.#memory?.rssBytes;
  }

  #tell(message: ControlMessage): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** None has a process that did not start for want of them. */
  #pipe(pipe: number): Socket | undefined {
    return this.#child.stdio?.[pipe] as Socket | undefined;
  }

  /** Has a thread serve the next pipe. */
  #open(): Lane {
    const pipe = this.#nextPipe;
    this.#nextPipe += 1;
    const socket = this.#pipe(pipe);
    const { contexts, events } = this.#options;
    const lane = new Lane({
      send: (orders: readonly Order[]) => void socket?.write(frame(encodeMessage(orders))),
      kill: (why) => this.#killThread(pipe, why),
    });
    const reader = new FrameReader();
    socket?.on("data", (chunk) => {
      for (const bytes of reader.push(chunk)) {
        if (!lane.alive) return;
        for (const reply of decodeMessage<Reply[]>(bytes)) events.onReply(lane, reply);
      }
    });
    // What went wrong with a pipe shows in the end of its thread or process.
    socket?.on("error", () => {});
    socket?.once("close", () => {
      // A process that was killed closes its pipes before its exit is known; then it was no thread.
      setTimeout(() => this.#laneEnded(pipe, "its thread ended"), closeWaitMs).unref();
    });
    this.lanes.set(pipe, lane);
    this.#tell({ kind: "serve", pipe, contexts });
    return lane;
  }

  #killThread(pipe: number, why: string): void {
    const isLast = this.lanes.size === 1 && !this.#options.comesBack;
    if (isLast) {
      this.kill(why);
      return;
    }
    this.#tell({ kind: "kill", pipe, why });
    const wait = setTimeout(() => {
      if (this.lanes.has(pipe)) this.kill(`${why}, and could not be ended by itself`);
    }, killWaitMs);
    wait.unref();
  }

  #onReport(message: RunnerReport): void {
    switch (message.kind) {
      case "rss":
        this.#onRss(message.bytes);
        return;
      case "work":
        this.#onWork(message.pipe, message.handle, message.ms);
        return;
      case "ending":
        this.#onEnding(message.pipe, message.why);
        return;
      case "ended":
        clearTimeout(this.#endings.get(message.pipe));
        this.#laneEnded(message.pipe, message.why);
    }
  }

  #onWork(pipe: number, handle: number, ms: number): void {
    const lane = this.lanes.get(pipe);
    if (lane?.alive) this.#options.events.onWork(lane, handle, ms);
  }

  #onRss(bytes: number | undefined): void {
    const { rssBytesMax } = this.#options;
    if (bytes === undefined || bytes <= rssBytesMax) return;
    this.kill(`its process used ${Math.ceil(bytes / MiB)} of ${Math.floor(rssBytesMax / MiB)} MiB`);
  }

  /** Its lane is given up at once; should the thread not end, then neither is the process kept. */
  #onEnding(pipe: number, why: string): void {
    const wait = setTimeout(() => {
      // Who is in it by then is not the cause.
      this.#isForeign = true;
      this.kill(`${why}, and could not be ended by itself`);
    }, endingWaitMs);
    this.#endings.set(pipe, wait.unref());
    this.#laneEnded(pipe, why);
  }

  #laneEnded(pipe: number, why: string): void {
    const lane = this.lanes.get(pipe);
    // After the process was killed its lanes are lost together.
    if (!lane || this.#why !== undefined) return;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.lanes.delete(pipe);
    lane.alive = false;
    this.#pipe(pipe)?.destroy();
    if (this.isUsed) this.#options.events.onLost([lane], why, false);
    if (this.#nextPipe >= firstPipe + this.#pipesMax) {
      // Nobody who is in it now is the cause.
      this.#isForeign = true;
      this.kill("too many of its threads have died");
    } else if (this.#options.comesBack) {
      const next = this.#open();
      if (this.isUsed) this.#options.events.onLane(next);
    }
  }

  /** Ends the process, whatever it is doing. */
  kill(why: string): void {
    this.#why ??= why;
    if (this.#child.pid === undefined) this.#end(why, false);
    else this.#child.kill("SIGKILL");
  }

  #end(why: string, isKilled: boolean): void {
    const isForeign = this.#isForeign || (isKilled && this.#why === undefined);
    this.#why ??= why;
    clearInterval(this.#look);
    this.#memory?.close();
    for (const stream of this.#child.stdio ?? []) stream?.destroy();
    this.#gone({ why: this.#why, isForeign });
  }
}
