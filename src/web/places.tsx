/**
 * Going about a session: to any event by its number, by sliding over all of them, a window at a
 * time, or with the keyboard one by one.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { windowEvents } from "./transcript.ts";
import { count } from "./wording.ts";

/** Going to any event by number, or by sliding over all of them. */
export function Places({
  size,
  seq,
  select,
  children,
}: {
  readonly size: number;
  readonly seq: number;
  readonly select: (seq: number) => void;
  readonly children: ComponentChildren;
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

/** Keys that go to another event: steps from the one that is looked at, or all the way. */
const steps: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  j: 1,
  k: -1,
  PageDown: 20,
  PageUp: -20,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** ↑ ↓ j k and their like choose another event of those shown, unless somebody is writing. */
export function useKeys(
  events: readonly { readonly seq: number }[],
  seq: number | undefined,
  select: (seq: number) => void,
): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const step = steps[event.key];
      const { target, ctrlKey, metaKey, altKey } = event;
      const writing =
        target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select");
      if (step === undefined || writing || ctrlKey || metaKey || altKey) return;
      const at = events.findIndex((shown) => shown.seq === seq);
      const wanted = at < 0 ? 0 : Math.min(Math.max(at + step, 0), events.length - 1);
      const next = events[wanted];
      if (!next) return;
      event.preventDefault();
      if (next.seq !== seq) select(next.seq);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
