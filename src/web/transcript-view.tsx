/**
 * The transcript of a session: its events a window at a time, and beside them the event that is
 * looked at, the state after it, or the proof that it is in the log.
 */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { SessionInfo } from "../client/index.ts";
import { EventPane } from "./event-pane.tsx";
import { EventTable } from "./event-table.tsx";
import { Places, useKeys } from "./places.tsx";
import { type Pane, routeHash, type SessionRoute } from "./route.ts";
import type { SessionSource } from "./session-source.ts";
import { StatePane } from "./state-pane.tsx";
import { TimelineStrip } from "./timeline-strip.tsx";
import { noFilter, useTranscript } from "./transcript.ts";

const paneTitles: Readonly<Record<Pane, string>> = {
  event: "Event",
  state: "State after it",
  proof: "Proof",
};

/** The transcript, at the place that the route names. */
export function Transcript({
  source,
  session,
  route,
  panes,
  grows,
  children: proofOf,
}: {
  readonly source: SessionSource;
  readonly session: SessionInfo | undefined;
  readonly route: SessionRoute;
  /** What can be looked at beside the events. */
  readonly panes: readonly Pane[];
  /** Whether it can be followed. */
  readonly grows: boolean;
  /** The proof of an event, where there is a pane for it. */
  readonly children: (seq: number) => ComponentChildren;
}) {
  const { id, seq } = route;
  const pane = panes.includes(route.pane) ? route.pane : "event";
  const [filter, setFilter] = useState(noFilter);
  const [following, setFollowing] = useState(false);
  const transcript = useTranscript(source, {
    ...{ id, filter, following },
    seq: seq ?? 0,
    size: session?.size ?? 0,
  });
  const { events } = transcript;
  const select = (next: number, shown: Pane = pane): void => {
    setFollowing(false);
    location.hash = routeHash({ page: "session", id, seq: next, pane: shown });
  };
  useKeys(events, seq, select);
  const selected = events.find((event) => event.seq === seq);
  return (
    <>
      {session && session.size > 0 && (
        <Places size={session.size} seq={seq ?? 0} select={select}>
          {grows && (
            <label class="toggle">
              <input
                type="checkbox"
                checked={following}
                onChange={({ currentTarget }) => setFollowing(currentTarget.checked)}
              />
              Follow
            </label>
          )}
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
            <p class="dim">Choose an event; ↑ ↓ or j k, Page, Home and End go on from there.</p>
          ) : pane === "event" ? (
            <EventPane
              source={source}
              id={id}
              seq={seq}
              known={selected}
              near={events}
              select={select}
            />
          ) : pane === "state" ? (
            <StatePane source={source} id={id} seq={seq} />
          ) : (
            proofOf(seq)
          )}
        </section>
      </div>
    </>
  );
}
