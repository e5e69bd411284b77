/**
 * A runner that is no other place: contexts live in this thread. For tests and for single commands;
 * a program that never returns stops the process it is in.
 */
import type { Order } from "../host/orders.ts";
import { type ContextMaker, SessionHost } from "../host/session-host.ts";
import { Lane, type Runner, type RunnerEvents } from "./lane.ts";

/** Runs contexts in this thread. */
export class InlineRunner implements Runner {
  readonly lanes: readonly Lane[];

  constructor(contexts: ContextMaker, events: RunnerEvents) {
    const host = new SessionHost(contexts, (reply) => {
      if (lane.alive) events.onReply(lane, reply);
    });
    const lane: Lane = new Lane({
      // The lane sends in a turn of its own, not in the middle of what the engine is doing.
      send: (orders: readonly Order[]) => run(orders),
      kill: (why) => {
        lane.alive = false;
        events.onLost([lane], why, false);
      },
    });
    const run = (orders: readonly Order[]): void => {
      for (const order of orders) if (lane.alive) host.handle(order);
    };
    this.lanes = [lane];
  }

  async close(): Promise<void> {
    for (const lane of this.lanes) lane.alive = false;
  }
}
