/**
 * The task that a thread of a runner works on as long as it lives: it takes orders from its
 * channel, carries them out, and answers. The channel is a port to the engine's thread, or a pipe
 * to the engine's process that only this thread reads and writes, so that no other thread stands
 * between the engine and a session.
 */
import { Socket } from "node:net";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { getHeapStatistics } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import { FrameReader, frame } from "./frames.ts";
import { decodeMessage, encodeMessage } from "./messages.ts";
import type { Order, Reply } from "./orders.ts";
import { type ContextMaker, SessionHost } from "./session-host.ts";
import { WorkMark } from "./work-mark.ts";

/** Where orders come from: a port, or the number of an open pipe. */
export type LaneChannel = { readonly port: MessagePort } | { readonly pipe: number };

/** What a thread is given ahead. */
export interface WarmTask {
  /** File of a module that exports `contexts`, a `ContextMaker`. */
  readonly contexts: string;
}

/** What a thread is given. */
export type LaneTask = LaneChannel &
  WarmTask & {
    /** Where the thread says what it is doing. */
    readonly mark: SharedArrayBuffer;
  };

/** Answers are held together for so long while there is more to do, in milliseconds. */
const repliesHeldMs = 1;

/** Serves one lane; called by piscina. Resolves when the engine has closed the channel. */
export async function serveLane(task: LaneTask): Promise<void> {
  const contexts = await loadContexts(task);
  const mark = new WorkMark(task.mark);
  if ("port" in task) await servePort(task.port, contexts, mark);
  else await servePipe(task.pipe, contexts, mark);
}

/** Loads what a lane will need; called by piscina. */
export async function warmLane(task: WarmTask): Promise<void> {
  await loadContexts(task);
}

async function loadContexts({ contexts }: WarmTask): Promise<ContextMaker> {
  const module = (await import(pathToFileURL(contexts).href)) as { contexts: ContextMaker };
  module.contexts.prepare?.();
  return module.contexts;
}

/** Says how much memory is in use whenever all garbage has been collected. */
function tellMemory(host: SessionHost, answer: (replies: readonly Reply[]) => void): void {
  const observer = new PerformanceObserver((list) => {
    const collections = list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[];
    const isMajor = collections.some(({ detail }) => {
      return detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
    });
    if (!isMajor) return;
    const { used_heap_size, external_memory, heap_size_limit } = getHeapStatistics();
    const share = (used_heap_size + external_memory) / heap_size_limit;
    answer([{ kind: "memory", share, ...host.contexts }]);
  });
  observer.observe({ entryTypes: ["gc"] });
}

/** Carries orders out and hands the answers over in few pieces. */
function laneOf(
  contexts: ContextMaker,
  mark: WorkMark,
  answer: (replies: readonly Reply[]) => void,
): (orders: readonly Order[]) => void {
  let replies: Reply[] = [];
  const host = new SessionHost(contexts, (reply) => replies.push(reply));
  tellMemory(host, answer);
  const flush = (): void => {
    if (replies.length === 0) return;
    answer(replies);
    replies = [];
  };
  return (orders) => {
    let since = performance.now();
    for (const order of orders) {
      mark.begin("handle" in order ? order.handle : 0);
      host.handle(order);
      mark.end();
      const now = performance.now();
      if (now - since < repliesHeldMs) continue;
      since = now;
      flush();
    }
    flush();
  };
}

function servePort(port: MessagePort, contexts: ContextMaker, mark: WorkMark): Promise<void> {
  return new Promise((resolve) => {
    const work = laneOf(contexts, mark, (replies) => {
      const bytes = encodeMessage(replies);
      port.postMessage(bytes, [bytes.buffer]);
    });
    port.on("message", (bytes: Uint8Array) => work(decodeMessage<Order[]>(bytes)));
    port.once("close", resolve);
  });
}

function servePipe(fd: number, contexts: ContextMaker, mark: WorkMark): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ fd, readable: true, writable: true });
    const answer = (replies: readonly Reply[]): void => {
      socket.write(frame(encodeMessage(replies)));
    };
    const work = laneOf(contexts, mark, answer);
    const reader = new FrameReader();
    socket.on("data", (chunk) => {
      for (const bytes of reader.push(chunk)) work(decodeMessage<Order[]>(bytes));
    });
    socket.once("end", resolve);
    socket.once("error", reject);
  });
}
