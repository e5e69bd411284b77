// Fan-out: one session, many observers, events appended one by one. An event has arrived when the
// last observer has it.

import { Latencies } from "./latencies.ts";
import type { LoadClient } from "./load-client.ts";

const pauseMs = 40;

/** What a fan-out came to. */
export interface FanOutFigures {
  /** From the acknowledgement of an event to its arrival at the last observer. */
  readonly latencies: Latencies;
  /** Events that an observer missed, had twice or out of order. */
  readonly dropped: number;
}

/** Has `observers` tail a recorded session to which `events` are appended, at most 25 a second. */
export async function fanOut(
  client: LoadClient,
  observers: number,
  events = 25,
): Promise<FanOutFigures> {
  const event = (n: number): object => ({ kind: "emit", type: "tick", data: { n } });
  const begun = await client.post("/v1/sessions", { name: "fan-out", events: [event(0)] });
  const { id } = JSON.parse(begun.text) as { id: string };
  const lastAt: number[] = [];
  const next = new Array<number>(observers).fill(0);
  let dropped = 0;
  const tails = Array.from({ length: observers }, (_, observer) =>
    client.tail(`/v1/sessions/${id}/tail`, undefined, {
      event: ({ seq, at }) => {
        if (seq !== next[observer]) dropped += 1;
        next[observer] = seq + 1;
        lastAt[seq] = at;
      },
    }),
  );
  await waitFor(() => next.every((seq) => seq === 1));
  const latencies = new Latencies();
  for (let n = 1; n <= events; n++) {
    const { status, text } = await client.post(`/v1/sessions/${id}/events`, event(n));
    const acknowledged = performance.now();
    if (status >= 400) throw new Error(`an append is answered ${status}: ${text}`);
    await waitFor(() => next.every((seq) => seq > n));
    // An observer may have it before the one who appended is told.
    latencies.add(Math.max(0, (lastAt[n] ?? acknowledged) - acknowledged));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  dropped += next.filter((seq) => seq !== events + 1).length;
  for (const tail of tails) tail.close();
  await Promise.all(tails.map(({ ended }) => ended));
  return { latencies, dropped };
}

const waitMsMax = 2000;

/** Looks again in every turn of the event loop; gives up after two seconds: it was dropped. */
async function waitFor(condition: () => boolean): Promise<void> {
  const until = performance.now() + waitMsMax;
  while (!condition() && performance.now() < until) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
