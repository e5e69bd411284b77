// Sessions of the measured program, each triggered, tailed from its first event to its end, and
// given the approval it waits for. Every event has to come once, in order: else it is dropped.

import { Latencies } from "./latencies.ts";
import type { LoadClient } from "./load-client.ts";

/** What the sessions of a run came to. */
export class SessionFigures {
  /** The trigger leaves, or should have left; the first event is there. */
  readonly firstEvent = new Latencies();
  /** The input leaves; the next event of the session is there that is not the input itself. */
  readonly resume = new Latencies();
  /** Events missed, repeated, out of order, and sessions whose end never came. */
  dropped = 0;
  /** Triggers and inputs that were refused, tails that broke. */
  errors = 0;
  sessions = 0;
  events = 0;
  /** What the first error said. */
  firstError: string | undefined;

  failed(error: unknown): void {
    this.errors += 1;
    this.firstError ??= error instanceof Error ? error.message : String(error);
  }
}

/** What each session is asked to do. */
export interface Task {
  readonly turns: number;
  /** How long the model thinks, each time. */
  readonly modelMs: number;
  /** Whether it waits for a person in the middle. */
  readonly waits: boolean;
  /** Without an event for so long it is given up; two minutes by default. */
  readonly silenceMs?: number;
}

/** Without an event for so long, while nobody holds it, a session is given up: it is dropped. */
const silenceMsMax = 120_000;

/** From the last event before a program waits to its waiting, which is no event. */
const untilWaitingMs = 10;

/** By then the program waits, unless the machine is behind; then that counts as well. */
function untilItWaits(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, untilWaitingMs));
}

/**
 * Runs one session; `from` is when its trigger should leave, on the clock of this process. Before
 * it is told to go on, `hold` is waited for.
 */
export async function runSession(
  client: LoadClient,
  task: Task,
  figures: SessionFigures,
  from = performance.now(),
  hold: () => Promise<void> = untilItWaits,
): Promise<void> {
  let next = 0;
  let location = "";
  let posted: number | undefined;
  let inputSeq: number | undefined;
  let ended = false;
  const approve = (): void => {
    posted = performance.now();
    held = false;
    listen();
    const input = { kind: "input", type: "approval", data: { by: "perf" } };
    client.post(`${location}/events`, input).then(
      ({ status, text }) => {
        if (status >= 400) figures.failed(`an input is answered ${status}: ${text}`);
      },
      (error) => figures.failed(error),
    );
  };
  const wait = waitDetector(task);
  let silence: ReturnType<typeof setTimeout> | undefined;
  /** It waits for a person: nothing has to come. */
  let held = false;
  const listen = (): void => {
    clearTimeout(silence);
    if (held) return;
    silence = setTimeout(() => tail.close(), task.silenceMs ?? silenceMsMax);
    silence.unref();
  };
  const tail = client.tail(
    "/v1/sessions",
    { program: "perf-agent", input: task },
    {
      head: (_, at) => {
        location = at;
      },
      event: ({ seq, kind, at }) => {
        if (seq === 0) figures.firstEvent.add(at - from);
        if (seq !== next) figures.dropped += Math.max(1, seq - next);
        next = seq + 1;
        if (posted !== undefined && inputSeq !== undefined) {
          figures.resume.add(at - posted);
          posted = undefined;
        }
        if (kind === "input") inputSeq = seq;
        if (kind === "end") ended = true;
        if (wait(kind)) {
          held = true;
          void hold().then(approve);
        }
        listen();
      },
    },
  );
  listen();
  await tail.ended.catch((error: unknown) => figures.failed(error));
  clearTimeout(silence);
  figures.sessions += 1;
  figures.events += next;
  if (!ended) figures.dropped += 1;
}

/** Tells from the kinds of events when a session has begun to wait for its approval. */
function waitDetector({ turns, waits }: Task): (kind: string) => boolean {
  let left = waits ? Math.floor(turns / 2) : Number.POSITIVE_INFINITY;
  return (kind) => {
    if (kind !== "emit") return false;
    left -= 1;
    return left === 0;
  };
}

/** `count` sessions, triggered in the same moment; resolves when all of them have ended. */
export async function burst(
  client: LoadClient,
  count: number,
  task: Task,
  figures: SessionFigures,
): Promise<void> {
  const from = performance.now();
  await Promise.all(Array.from({ length: count }, () => runSession(client, task, figures, from)));
}

/**
 * Sessions that arrive at random, `perSecond` on average, whether earlier ones have been answered
 * or not. Resolves when the last one has arrived, with what resolves when all have ended. Latencies
 * count from the moment each should have left.
 */
export async function openLoop(
  client: LoadClient,
  {
    seconds,
    perSecond,
    random,
  }: {
    readonly seconds: number;
    readonly perSecond: number;
    readonly random: () => number;
  },
  task: Task,
  figures: SessionFigures,
): Promise<{ readonly ended: Promise<void> }> {
  const began = performance.now();
  const running: Promise<void>[] = [];
  let at = began;
  for (;;) {
    at += (-Math.log(1 - random()) / perSecond) * 1000;
    if (at > began + seconds * 1000) break;
    const wait = at - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(runSession(client, task, figures, at));
  }
  return { ended: Promise.all(running).then(() => {}) };
}
