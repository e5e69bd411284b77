// Sessions come all at once to whoever takes over from a lane that is lost or set aside: every lane
// is told beforehand how many that may be, and so is the spare process.

import { afterEach, expect, it } from "vitest";
import { ContextRoom } from "../../src/engine/context-room.ts";
import { engineLimits } from "../../src/engine/engine-limits.ts";
import type { Order } from "../../src/engine/host/orders.ts";
import { Lane } from "../../src/engine/lanes/lane.ts";
import { Scheduler } from "../../src/engine/scheduler.ts";
import { until } from "./running.ts";

let scheduler: Scheduler | undefined;

afterEach(() => scheduler?.close());

/** A scheduler over lanes that do nothing; what each lane and the spares were told, latest last. */
function withLanes(count: number, laneContextsMax: number) {
  const told: number[][] = Array.from({ length: count }, () => []);
  const toldSpares: number[] = [];
  const lanes = told.map((list) => {
    const send = (orders: readonly Order[]): void => {
      for (const order of orders) if (order.kind === "expect") list.push(order.sessions);
    };
    return new Lane({ send, kill: () => {} });
  });
  const expect = (sessions: number): void => void toldSpares.push(sessions);
  const runner = { lanes, expect, close: async () => {} };
  const source = { start: () => [runner], startAlone: () => runner };
  const now = (): number => performance.now();
  const limits = { ...engineLimits, stuckMs: 100, laneContextsMax };
  const nothing = (): void => {};
  const services = { now, delay: () => nothing, isFull: () => false, onRoom: nothing };
  scheduler = new Scheduler(source, limits, new ContextRoom(services), now, {
    onReply: nothing,
    onLost: nothing,
    onAside: nothing,
  });
  scheduler.start();
  return { lanes: lanes as [Lane, Lane], told, toldSpares };
}

it("every lane expects the sessions of the fullest, and so do the spares", async () => {
  const { lanes, told, toldSpares } = withLanes(2, 150);
  lanes[0].sessions = 30;
  await until(() => toldSpares.at(-1) === 30);
  await until(() => told.every((list) => list.at(-1) === 30));
  lanes[0].sessions = 3;
  lanes[1].sessions = 1000;
  await until(() => toldSpares.at(-1) === 48);
  await until(() => told[0]?.at(-1) === 48);
});

it("no lane expects more than it has room for, nor hears the same twice", async () => {
  const { lanes, told, toldSpares } = withLanes(2, 20);
  lanes[0].sessions = 20;
  lanes[1].sessions = 12;
  await until(() => toldSpares.length > 5);
  await until(() => told[1]?.length === 1);
  expect(told).toEqual([[], [8]]);
});
