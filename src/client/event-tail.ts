/**
 * Tailing a session from afar: events as they come, each once and in order, over as many
 * connections as it takes. Where one breaks, falls silent or is cut, the next goes on behind the
 * last event that was handed out.
 */
import { createParser } from "eventsource-parser";
import { codeOf, ReachError, type SessionId } from "../base/index.ts";
import type { EventObject } from "./answers.ts";
import { isPassing, pause, pauseFor, type Requests } from "./requests.ts";

/** How a session is tailed. */
export interface TailOptions {
  /** Begin behind this seq; default -1, from the beginning. */
  readonly after?: number;
  readonly payload?: "inline" | "ref" | "none";
  readonly signal?: AbortSignal;
  /** A connection that says nothing for so long is given up; default 45 s, three heartbeats. */
  readonly silenceMs?: number;
  /** Told that everything durable has been handed out. */
  readonly onUpToDate?: () => void;
}

const silenceMsDefault = 45_000;

interface Control {
  readonly next: number;
  readonly upToDate?: true;
  readonly closed?: true;
  readonly cut?: string;
}

/** The events of a session, until it ends or the caller has enough. */
export async function* tailEvents(
  requests: Requests,
  id: SessionId,
  options: TailOptions,
): AsyncGenerator<EventObject, void> {
  const { signal, onUpToDate } = options;
  let next = (options.after ?? -1) + 1;
  let failures = 0;
  for (;;) {
    try {
      for await (const said of connection(requests, id, next, options)) {
        failures = 0;
        if ("seq" in said) {
          if (said.seq < next) continue;
          if (said.seq > next) throw gap(id, next, said.seq);
          next += 1;
          yield said;
        } else if (said.closed) return;
        else if (said.upToDate) onUpToDate?.();
      }
    } catch (error) {
      if (signal?.aborted || !(isPassing(error) || isBroken(error))) throw error;
    }
    if (signal?.aborted) return;
    failures += 1;
    await pause(pauseFor(failures), signal);
  }
}

/** A connection that broke in the middle, as `fetch` tells it. */
function isBroken(error: unknown): boolean {
  return codeOf(error) === undefined && error instanceof Error && error.name !== "SyntaxError";
}

function gap(id: SessionId, expected: number, found: number): ReachError {
  return new ReachError("CORRUPT", `the server goes on with event ${found}, not ${expected}`, {
    where: `${id}@${expected}`,
  });
}

/** What one connection says, until it ends. */
async function* connection(
  requests: Requests,
  id: SessionId,
  next: number,
  { payload, signal, silenceMs = silenceMsDefault }: TailOptions,
): AsyncGenerator<EventObject | Control, void> {
  const silence = new AbortController();
  const stop = (): void => silence.abort();
  signal?.addEventListener("abort", stop);
  // One that is aborted already says nothing any more.
  if (signal?.aborted) stop();
  let timer = setTimeout(stop, silenceMs);
  try {
    const answer = await requests.send(`/v1/sessions/${id}/tail`, {
      query: { after: next - 1, payload },
      headers: { accept: "text/event-stream" },
      signal: silence.signal,
    });
    if (answer.status === 204 || !answer.body) {
      yield { next, closed: true };
      return;
    }
    const said: (EventObject | Control)[] = [];
    const parser = createParser({ onEvent: ({ data }) => said.push(JSON.parse(data) as Control) });
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(stop, silenceMs);
        parser.feed(decoder.decode(value, { stream: true }));
        yield* said;
        said.length = 0;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  } catch (error) {
    // Silence is as good as a connection that broke.
    if (silence.signal.aborted && !signal?.aborted) return;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
