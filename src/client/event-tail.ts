/**
 * Tailing a session from afar: events as they come, each once and in order, over as many
 * connections as it takes. Where one breaks, falls silent or is cut, the next goes on behind the
 * last event that was handed out.
 */
import { createParser } from "eventsource-parser";
import { ReachError, type SessionId } from "../base/index.ts";
import type { EventObject } from "./answers.ts";
import { isPassing, namedBreaks, pause, pauseFor, type Requests } from "./requests.ts";
import { gap } from "./stored-events.ts";

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
  /** Told why a connection broke, or could not be made; then the next one is tried. */
  readonly onLost?: (error: unknown) => void;
}

const silenceMsDefault = 45_000;
/** So often in a row the server may say that it cannot read on: it may pass, as on a busy disk. */
const damagedMax = 3;

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
  const { signal, onUpToDate, onLost } = options;
  let next = (options.after ?? -1) + 1;
  let failures = 0;
  let damaged = 0;
  for (;;) {
    try {
      for await (const said of connection(requests, id, next, options)) {
        if ("seq" in said) {
          failures = 0;
          damaged = 0;
          if (said.seq < next) continue;
          if (said.seq > next) throw gap(id, next, said.seq);
          next += 1;
          yield said;
        } else if (said.closed) return;
        else if (said.upToDate) {
          failures = 0;
          onUpToDate?.();
        } else if (said.cut === "damaged") damaged += 1;
      }
      if (damaged >= damagedMax) throw unreadable(id, next);
    } catch (error) {
      if (signal?.aborted || !isPassing(error)) throw error;
      onLost?.(error);
    }
    if (signal?.aborted) return;
    failures += 1;
    await pause(pauseFor(failures), signal);
  }
}

function unreadable(id: SessionId, next: number): ReachError {
  return new ReachError("CORRUPT", `the server cannot read the session from event ${next} on`, {
    where: `${id}@${next}`,
    hint: "`reach verify` says what is wrong with it",
  });
}

/** What one connection says, until it ends. Throws `UNAVAILABLE` where it breaks or is silent. */
async function* connection(
  requests: Requests,
  id: SessionId,
  next: number,
  { payload, signal, silenceMs = silenceMsDefault }: TailOptions,
): AsyncGenerator<EventObject | Control, void> {
  const answer = await requests.send(`/v1/sessions/${id}/tail`, {
    query: { after: next - 1, payload },
    headers: { accept: "text/event-stream" },
    signal,
    silenceMs,
  });
  if (answer.status === 204) {
    yield { next, closed: true };
    return;
  }
  const { body, headers } = answer;
  if (!body || !headers.get("content-type")?.startsWith("text/event-stream")) {
    await body?.cancel();
    throw noTail();
  }
  const said: (EventObject | Control)[] = [];
  const parser = createParser({ onEvent: ({ data }) => said.push(saidIn(data)) });
  const decoder = new TextDecoder();
  const reader = namedBreaks(requests.url, body, { signal, silenceMs }).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* said;
      said.length = 0;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** An event, or what the tail says of itself. Throws `CORRUPT` for anything else. */
function saidIn(data: string): EventObject | Control {
  let said: unknown;
  try {
    said = JSON.parse(data);
  } catch (cause) {
    throw noTail(cause);
  }
  if (typeof said === "object" && said) {
    const place: unknown = "seq" in said ? said.seq : Reflect.get(said, "next");
    if (Number.isSafeInteger(place) && Number(place) >= 0) return said as EventObject | Control;
  }
  throw noTail();
}

function noTail(cause?: unknown): ReachError {
  return new ReachError("CORRUPT", "the server sent a tail that is none", { cause });
}
