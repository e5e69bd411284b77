/**
 * The events of a window as a table, one line each, and what chooses among them: a kind, a type.
 * The event that is looked at is kept in sight, and so is the last one of a session being followed.
 */
import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { EventObject } from "../client/index.ts";
import { eventKinds } from "../event/index.ts";
import { eventSummary } from "./event-summary.ts";
import { Failure } from "./loading.tsx";
import { useSeqClicks } from "./seq-clicks.ts";
import type { EventFilter, Transcript } from "./transcript.ts";
import { span, timestamp } from "./wording.ts";

/** As near to its end a list counts as being at it. */
const nearEndPixels = 40;

/** The table. */
export function EventTable({
  transcript: { events, loading, error, upToDate },
  filter,
  setFilter,
  selected,
  select,
  following,
}: {
  readonly transcript: Transcript;
  readonly filter: EventFilter;
  readonly setFilter: (filter: EventFilter) => void;
  readonly selected: number | undefined;
  readonly select: (seq: number) => void;
  readonly following: boolean;
}) {
  const table = useRef<HTMLDivElement>(null);
  const last = events.at(-1)?.seq;
  useSeqClicks(table, select);
  const [atEnd, setAtEnd] = useState(true);
  const toEnd = (): void => table.current?.scrollTo({ top: table.current.scrollHeight });
  useEffect(() => {
    if (following) setAtEnd(true);
  }, [following]);
  // Whoever has scrolled away is reading: new events do not take that from them.
  useEffect(() => {
    if (following && atEnd) toEnd();
  }, [following, atEnd, last]);
  useEffect(() => {
    table.current?.querySelector("tr.selected")?.scrollIntoView({ block: "nearest" });
  }, [selected, events]);
  return (
    <section class="events">
      <Filter filter={filter} setFilter={setFilter} />
      <Failure error={error} />
      <div
        class="scroll"
        ref={table}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          setAtEnd(scrollHeight - scrollTop - clientHeight < nearEndPixels);
        }}
      >
        <table>
          <tbody>
            {events.map((event, index) => (
              <EventRow
                key={event.seq}
                event={event}
                timeBefore={events[index - 1]?.time}
                selected={event.seq === selected}
              />
            ))}
          </tbody>
        </table>
        {!loading && events.length === 0 && error === undefined && (
          <p class="dim">No event from here on is like that.</p>
        )}
      </div>
      <p class="dim" role="status">
        {loading ? "loading …" : following ? (upToDate ? "up to date" : "connecting …") : ""}{" "}
        {following && !atEnd && (
          <button type="button" onClick={toEnd}>
            ↓ latest
          </button>
        )}
      </p>
    </section>
  );
}

function Filter({
  filter,
  setFilter,
}: {
  readonly filter: EventFilter;
  readonly setFilter: (filter: EventFilter) => void;
}) {
  return (
    <form class="choices" onSubmit={(event) => event.preventDefault()}>
      <label>
        Kind{" "}
        <select
          value={filter.kind}
          onChange={({ currentTarget }) => setFilter({ ...filter, kind: currentTarget.value })}
        >
          <option value="">any</option>
          {eventKinds.map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </select>
      </label>
      <label>
        Type{" "}
        <input
          defaultValue={filter.type}
          placeholder="any; * stands for anything"
          onChange={({ currentTarget }) => {
            setFilter({ ...filter, type: currentTarget.value.trim() });
          }}
        />
      </label>
    </form>
  );
}

interface RowProps {
  readonly event: EventObject;
  /** When the event before happened; `undefined` for the first. */
  readonly timeBefore: number | undefined;
  readonly selected: boolean;
}

/** One event. Drawn anew only where it has become another one: there are a thousand of them. */
class EventRow extends Component<RowProps> {
  override shouldComponentUpdate({ event, timeBefore, selected }: RowProps): boolean {
    const { props } = this;
    return event !== props.event || timeBefore !== props.timeBefore || selected !== props.selected;
  }

  override render({ event, timeBefore = 0, selected }: RowProps) {
    const { seq, time, kind, type, ref } = event;
    const { text, failed } = eventSummary(event);
    // 0 stands for a record without a time.
    const passed = timeBefore > 0 && time > 0 ? time - timeBefore : 0;
    return (
      <tr class={selected ? "selected" : undefined} aria-selected={selected} data-seq={seq}>
        <td class="right dim">{seq}</td>
        <td class="right dim" title={timestamp(time)}>
          {passed === 0 ? "" : `${passed > 0 ? "+" : ""}${span(passed)}`}
        </td>
        <td>
          <span class={`kind kind-${kind}`}>{kind}</span>
        </td>
        <td class="type">{type}</td>
        <td class="right dim">{ref === null ? "" : `↩ ${ref}`}</td>
        <td class={failed ? "said failed" : "said"}>{text}</td>
      </tr>
    );
  }
}
