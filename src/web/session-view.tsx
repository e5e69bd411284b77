/**
 * One session: what it is, its events a window at a time, and beside them the event that is looked
 * at, the state after it, or the proof that it is in the log.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionId } from "../base/index.ts";
import type { SessionInfo } from "../client/index.ts";
import type { Connection } from "./connection.ts";
import { EventPane } from "./event-pane.tsx";
import { EventTable } from "./event-table.tsx";
import { Failure, useBeat, useLoaded } from "./loading.tsx";
import { ProofPane } from "./proof-pane.tsx";
import { type Pane, panes, type Route, routeHash } from "./route.ts";
import { SessionCheck } from "./session-check.tsx";
import { Status } from "./session-list.tsx";
import { StatePane } from "./state-pane.tsx";
import { TimelineStrip } from "./timeline-strip.tsx";
import { noFilter, useTranscript, windowEvents } from "./transcript.ts";
import { count, timestamp } from "./wording.ts";

type SessionRoute = Extract<Route, { readonly page: "session" }>;

const refreshMs = 2000;
const paneTitles: Readonly<Record<Pane, string>> = {
  event: "Event",
  state: "State after it",
  proof: "Proof",
};

/** A session and the place in it that the route names. */
export function SessionView({ connection, route }: ViewProps) {
  const { client } = connection;
  const { id, seq, pane } = route;
  const [over, setOver] = useState(false);
  const beat = useBeat(over ? undefined : refreshMs);
  const { value: session, error } = useLoaded((signal) => client.session(id, signal), [id, beat]);
  const [filter, setFilter] = useState(noFilter);
  const [following, setFollowing] = useState(false);
  const transcript = useTranscript(client, { id, seq: seq ?? 0, filter, following });
  const { events } = transcript;
  useEffect(() => setOver(session?.status === "ended"), [session]);
  const select = (next: number, shown: Pane = pane): void => {
    setFollowing(false);
    location.hash = routeHash({ page: "session", id, seq: next, pane: shown });
  };
  useKeys(events, seq, select);
  const selected = events.find((event) => event.seq === seq);
  return (
    <main class="session">
      <Failure error={error} />
      {session && <Heading session={session} connection={connection} />}
      {session && session.size > 0 && (
        <Places size={session.size} seq={seq ?? 0} select={select}>
          <label class="toggle">
            <input
              type="checkbox"
              checked={following}
              onChange={({ currentTarget }) => setFollowing(currentTarget.checked)}
            />
            Follow
          </label>
        </Places>
      )}
      <TimelineStrip events={events} selected={seq} select={select} />
      <div class="columns">
        <EventTable
          transcript={transcript}
          filter={filter}
          setFilter={setFilter}
          selected={seq}
          select={select}
          following={following}
        />
        <section class="aside">
          <nav>
            {panes.map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={name === pane}
                onClick={() => select(seq ?? events[0]?.seq ?? 0, name)}
              >
                {paneTitles[name]}
              </button>
            ))}
          </nav>
          {seq === undefined ? (
            <p class="dim">Choose an event; ↑ and ↓ go to the next ones.</p>
          ) : pane === "event" ? (
            <EventPane
              client={client}
              id={id}
              seq={seq}
              known={selected}
              near={events}
              select={select}
            />
          ) : pane === "state" ? (
            <StatePane client={client} id={id} seq={seq} />
          ) : (
            <ProofPane connection={connection} id={id} seq={seq} />
          )}
        </section>
      </div>
    </main>
  );
}

interface ViewProps {
  readonly connection: Connection;
  readonly route: SessionRoute;
}

function Heading({
  session,
  connection,
}: {
  readonly session: SessionInfo;
  readonly connection: Connection;
}) {
  const { id, name, program, format, kind, created, size, signed, root, problem } = session;
  return (
    <header class="about">
      <h1>
        {name || program || format || kind} <Status session={session} />
      </h1>
      <dl>
        <dt>Session</dt>
        <dd>
          <code>{id}</code>
        </dd>
        <dt>Program</dt>
        <dd>{program ?? (format === "" ? "none, recorded" : `none, from ${format}`)}</dd>
        <dt>Begun</dt>
        <dd>{timestamp(created)}</dd>
        <dt>Events</dt>
        <dd>{count(size)}</dd>
        <dt>Signed</dt>
        <dd title={root ?? ""}>
          {signed === null ? "not yet" : `${count(signed)} events`}{" "}
          {root !== null && <code>{root.slice(0, 16)}</code>}
        </dd>
      </dl>
      <SessionCheck connection={connection} id={id as SessionId} />
      {problem !== null && <p class="failure">{problem}</p>}
    </header>
  );
}

/** Going to any event by number, or by sliding over all of them. */
function Places({
  size,
  seq,
  select,
  children,
}: {
  readonly size: number;
  readonly seq: number;
  readonly select: (seq: number) => void;
  readonly children: preact.ComponentChildren;
}) {
  const last = size - 1;
  const go = (value: string): void => {
    const wanted = Number(value);
    if (value !== "" && Number.isSafeInteger(wanted)) select(Math.min(Math.max(wanted, 0), last));
  };
  const back = Math.max(seq - windowEvents, 0);
  const ahead = Math.min(seq + windowEvents, last);
  return (
    <div class="places">
      {size > windowEvents && (
        <button type="button" disabled={seq === 0} onClick={() => select(back)}>
          ‹ {count(windowEvents)}
        </button>
      )}
      <Place type="range" label="Place in the session" last={last} seq={seq} go={go} />
      {size > windowEvents && (
        <button type="button" disabled={seq >= last} onClick={() => select(ahead)}>
          {count(windowEvents)} ›
        </button>
      )}
      <span class="dim">Event</span>
      <Place type="number" label="Event" last={last} seq={seq} go={go} />
      {children}
    </div>
  );
}

/** One control of the place. What somebody is writing or moving is left alone until it is done. */
function Place({
  type,
  label,
  last,
  seq,
  go,
}: {
  readonly type: "range" | "number";
  readonly label: string;
  readonly last: number;
  readonly seq: number;
  readonly go: (value: string) => void;
}) {
  const control = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (control.current) control.current.value = String(seq);
  }, [seq]);
  return (
    <input
      ref={control}
      type={type}
      min="0"
      max={last}
      aria-label={label}
      onChange={({ currentTarget }) => go(currentTarget.value)}
    />
  );
}

/** ↑ and ↓ choose the event before and behind, unless somebody is writing or choosing. */
function useKeys(
  events: readonly { readonly seq: number }[],
  seq: number | undefined,
  select: (seq: number) => void,
): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const { target } = event;
      if (step === 0 || (target instanceof HTMLElement && target.matches("input, select"))) return;
      const at = events.findIndex((shown) => shown.seq === seq);
      const next = events[at < 0 ? 0 : at + step];
      if (!next) return;
      event.preventDefault();
      select(next.seq);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
