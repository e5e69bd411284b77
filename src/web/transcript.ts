/**
 * A window of a session's events: the thousand around the event that is looked at, those from it
 * on that match a filter, or the last thousand of a session that is followed. Never more, however
 * long the session is.
 */
import { useEffect, useState } from "preact/hooks";
import type { SessionId } from "../base/index.ts";
import type { EventObject } from "../client/index.ts";
import { typeFilter } from "../event/index.ts";
import type { SessionSource } from "./session-source.ts";

/** Events in a window: those of a page. */
export const windowEvents = 1000;

/** Which events are shown; empty texts choose none out. */
export interface EventFilter {
  /** One kind. */
  readonly kind: string;
  /** A type; `*` stands for anything. */
  readonly type: string;
}

/** Every event. */
export const noFilter: EventFilter = { kind: "", type: "" };

/** What is shown of a session. */
export interface Transcript {
  readonly events: readonly EventObject[];
  readonly loading: boolean;
  readonly error: unknown;
  /** Followed, and everything there is has arrived. */
  readonly upToDate: boolean;
}

interface Asked {
  readonly id: SessionId;
  readonly seq: number;
  /** Events of the session, as far as is known. */
  readonly size: number;
  readonly filter: EventFilter;
  readonly following: boolean;
}

/** Between two looks of a session that is followed. */
const drawMs = 100;

const empty: Transcript = { events: [], loading: true, error: undefined, upToDate: false };

/** The window, loaded when it is another one than before. */
export function useTranscript(
  source: SessionSource,
  { id, seq, size, filter, following }: Asked,
): Transcript {
  const [shown, setShown] = useState(empty);
  const { kind, type } = filter;
  const from = windowStart(seq, filter, shown.events);
  // A window that is not full is read again when there is more for it.
  const end = kind === "" && type === "" ? Math.min(from + windowEvents, size) : undefined;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const show = (change: Partial<Transcript>): void => {
      if (!signal.aborted) setShown((before) => ({ ...before, error: undefined, ...change }));
    };
    const fail = (error: unknown): void => show({ error, loading: false, upToDate: false });
    if (following) {
      follow(source, { id, kind, type, signal }, show).catch(fail);
    } else {
      show({ loading: true, upToDate: false });
      read(source, { id, from, kind, type, signal }).then((events) => {
        show({ events, loading: false });
      }, fail);
    }
    return () => controller.abort();
  }, [source, id, from, following ? undefined : end, kind, type, following]);
  return shown;
}

/**
 * The first seq of the window that holds `seq`. With a filter a window begins where it was asked
 * for, and stays as long as what is looked at is in it.
 */
export function windowStart(
  seq: number,
  { kind, type }: EventFilter,
  shown: readonly { readonly seq: number }[],
): number {
  const first = shown[0]?.seq ?? 0;
  const last = shown.at(-1)?.seq ?? -1;
  if (kind === "" && type === "") return seq - (seq % windowEvents);
  return seq >= first && seq <= last ? first : seq;
}

interface Wanted extends EventFilter {
  readonly id: SessionId;
  readonly signal: AbortSignal;
}

async function read(
  source: SessionSource,
  asked: Wanted & { readonly from: number },
): Promise<EventObject[]> {
  const { id, from, kind, type, signal } = asked;
  const events: EventObject[] = [];
  const options = {
    after: from - 1,
    limit: windowEvents,
    payload: "ref",
    ...(kind && { kind }),
    ...(type && { type }),
    signal,
  } as const;
  for await (const event of source.events(id, options)) events.push(event);
  return events;
}

/**
 * Shows those of the last thousand events that match, and those that come, ten times a second at
 * most.
 */
async function follow(
  source: SessionSource,
  { id, kind, type, signal }: Wanted,
  show: (change: Partial<Transcript>) => void,
): Promise<void> {
  const { size } = await source.session(id, signal);
  const typeMatches = type === "" ? () => true : typeFilter(type);
  let events: EventObject[] = [];
  let due = false;
  const draw = (): void => {
    due = false;
    events = events.slice(-windowEvents);
    show({ events });
  };
  show({ events, loading: true, upToDate: false });
  const options = {
    after: Math.max(size - windowEvents, 0) - 1,
    payload: "ref",
    signal,
    onUpToDate: () => show({ loading: false, upToDate: true }),
    onLost: () => show({ upToDate: false }),
  } as const;
  for await (const event of source.tail(id, options)) {
    if ((kind !== "" && event.kind !== kind) || !typeMatches(event.type)) continue;
    events.push(event);
    // Nobody looks at a page in the background: there it is drawn once a minute.
    if (events.length > 2 * windowEvents) events = events.slice(-windowEvents);
    if (!due) setTimeout(draw, drawMs);
    due = true;
  }
  show({ loading: false, upToDate: true });
}
