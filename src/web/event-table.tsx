/**
 * The events of a window as a table, one line each, and what chooses among them: a kind, a type.
 * The event that is looked at is kept in sight, and so is the last one of a session being followed.
 */
import { useEffect, useRef } from "preact/hooks";
import type { EventObject } from "../client/index.ts";
import { eventKinds } from "../event/index.ts";
import { eventSummary } from "./event-summary.ts";
import { Failure } from "./loading.tsx";
import type { EventFilter, Transcript } from "./transcript.ts";
import { span, timestamp } from "./wording.ts";

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
  useEffect(() => {
    if (following) table.current?.scrollTo({ top: table.current.scrollHeight });
  }, [following, last]);
  useEffect(() => {
    table.current?.querySelector("tr.selected")?.scrollIntoView({ block: "nearest" });
  }, [selected, events]);
  return (
    <section class="events">
      <Filter filter={filter} setFilter={setFilter} />
      <Failure error={error} />
      <div class="scroll" ref={table}>
        <table>
          <tbody>
            {events.map((event, index) => (
              <EventRow
                key={event.seq}
                event={event}
                before={events[index - 1]}
                selected={event.seq === selected}
                select={select}
              />
            ))}
          </tbody>
        </table>
        {!loading && events.length === 0 && error === undefined && (
          <p class="dim">No event from here on is like that.</p>
        )}
      </div>
      <p class="dim" role="status">
        {loading ? "loading …" : following ? (upToDate ? "up to date" : "connecting …") : ""}
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
          value={filter.type}
          placeholder="any; * stands for anything"
          onChange={({ currentTarget }) => {
            setFilter({ ...filter, type: currentTarget.value.trim() });
          }}
        />
      </label>
    </form>
  );
}

function EventRow({
  event,
  before,
  selected,
  select,
}: {
  readonly event: EventObject;
  readonly before: EventObject | undefined;
  readonly selected: boolean;
  readonly select: (seq: number) => void;
}) {
  const { seq, time, kind, type, ref } = event;
  const { text, failed } = eventSummary(event);
  const passed = before === undefined ? undefined : time - before.time;
  return (
    <tr
      class={selected ? "selected" : undefined}
      aria-selected={selected}
      onClick={() => select(seq)}
    >
      <td class="right dim">{seq}</td>
      <td class="right dim" title={timestamp(time)}>
        {passed === undefined ? "" : passed === 0 ? "" : `+${span(passed)}`}
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
