/**
 * A runner of threads in this process. A thread that loops without end can be ended, but a program
 * that eats memory faster than V8 counts it, or sits in a native loop, reaches the whole process:
 * good enough for one's own programs on the command line; servers use processes.
 */
import { MessageChannel } from "node:worker_threads";
import { LaneThreads } from "../host/lane-threads.ts";
import { decodeMessage, encodeMessage } from "../host/messages.ts";
import type { Reply } from "../host/orders.ts";
import { Lane, type Runner, type RunnerEvents } from "./lane.ts";

/** Before a thread that was told to end is given up. */
const killWaitMs = 1000;

/** How a runner of threads is made. */
export interface ThreadRunnerOptions {
  readonly threads: number;
  /** File of the module that makes contexts. */
  readonly contexts: string;
  readonly events: RunnerEvents;
}

/** Runs contexts in threads of this process. */
export class ThreadRunner implements Runner {
  readonly lanes: Lane[] = [];
  readonly #threads: LaneThreads;
  readonly #options: ThreadRunnerOptions;
  readonly #channels = new Set<MessageChannel>();
  #closed = false;

  constructor(options: ThreadRunnerOptions) {
    this.#options = options;
    this.#threads = new LaneThreads(options.threads);
    for (let i = 0; i < options.threads; i++) this.lanes.push(this.#lane());
  }

  #lane(): Lane {
    const { events, contexts } = this.#options;
    const channel = new MessageChannel();
    this.#channels.add(channel);
    const { port1: own, port2: port } = channel;
    const served = this.#threads.serve({ port }, contexts, {
      onWork: (handle, ms) => {
        if (lane.alive) events.onWork(lane, handle, ms);
      },
    });
    const lost = (why: string): void => {
      own.close();
      this.#channels.delete(channel);
      this.#lost(lane, why);
    };
    const lane: Lane = new Lane({
      send: (orders) => {
        const bytes = encodeMessage(orders);
        own.postMessage(bytes, [bytes.buffer]);
      },
      kill: (why) => {
        served.kill(why);
        // One in a native loop goes on for ever; nobody waits for it.
        setTimeout(() => lost(why), killWaitMs).unref();
      },
    });
    own.on("message", (bytes: Uint8Array) => {
      if (!lane.alive) return;
      for (const reply of decodeMessage<Reply[]>(bytes)) events.onReply(lane, reply);
    });
    void served.ended.then((why) => lost(why ?? "its thread ended"));
    return lane;
  }

  #lost(lane: Lane, why: string): void {
    if (this.#closed || !lane.alive) return;
    lane.alive = false;
    this.lanes.splice(this.lanes.indexOf(lane), 1);
    this.#options.events.onLost([lane], why, false);
    const next = this.#lane();
    this.lanes.push(next);
    this.#options.events.onLane(next);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of this.lanes) lane.alive = false;
    for (const { port1 } of this.#channels) port1.close();
    await this.#threads.close();
  }
}
