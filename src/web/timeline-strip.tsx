/**
 * The events of a window as a picture: what ran beside what, and for how long. A click on a mark
 * chooses its event; the table beside it does the same for the keyboard.
 */
import { useMemo, useRef } from "preact/hooks";
import type { EventObject } from "../client/index.ts";
import { useSeqClicks } from "./seq-clicks.ts";
import { layTimeline, type TimelineMark } from "./timeline.ts";
import { count, span } from "./wording.ts";

const laneHeight = 9;
const tickHeight = 14;
const width = 1000;

/** The strip. */
export function TimelineStrip({
  events,
  selected,
  select,
}: {
  readonly events: readonly EventObject[];
  readonly selected: number | undefined;
  readonly select: (seq: number) => void;
}) {
  const { marks, lanes, axis, ms } = useMemo(() => layTimeline(events), [events]);
  const drawn = useMemo(
    () => marks.map((mark) => <Mark key={mark.seq} mark={mark} selected={false} />),
    [marks],
  );
  const chosen = marks.find(({ seq }) => seq === selected);
  const picture = useRef<SVGSVGElement>(null);
  useSeqClicks(picture, select);
  const [first] = marks;
  const last = marks.at(-1);
  if (!first || !last) return null;
  const height = tickHeight + (lanes - 1) * laneHeight + 2;
  return (
    <figure class="timeline">
      <svg
        ref={picture}
        viewBox={`0 0 ${width} ${height}`}
        height={height}
        preserveAspectRatio="none"
        role="img"
        aria-label="When events happened, and how long calls took"
      >
        {drawn}
        {chosen && <Mark mark={chosen} selected={true} />}
      </svg>
      <figcaption>
        <span>{count(first.seq)}</span>
        <span>
          {axis === "time"
            ? `${count(marks.length)} events in ${span(ms)}`
            : `${count(marks.length)} events at the same time`}
        </span>
        <span>{count(last.seq)}</span>
      </figcaption>
    </figure>
  );
}

function Mark({ mark, selected }: { readonly mark: TimelineMark; readonly selected: boolean }) {
  const { seq, kind, type, from, to, lane, ms } = mark;
  const x = from * (width - 2);
  const top = lane === 0 ? 0 : tickHeight + (lane - 1) * laneHeight;
  const taken = ms === undefined ? "" : `, ${span(ms)}`;
  return (
    <rect
      class={`mark mark-${kind}${selected ? " selected" : ""}`}
      x={x}
      y={top}
      width={Math.max((to - from) * (width - 2), 1.5)}
      height={lane === 0 ? tickHeight - 2 : laneHeight - 2}
      data-seq={seq}
    >
      <title>{`${seq} ${kind} ${type}${taken}`}</title>
    </rect>
  );
}
