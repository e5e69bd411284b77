/**
 * One line on stderr that says how far long work has come: only on a terminal, only after half a
 * second, and gone when the work is done.
 */
import { byteSize, counted, grouped, perSecond, seconds } from "./quantity.ts";
import { clipped } from "./terminal-text.ts";

/** How far work has come. */
export interface ProgressStep {
  readonly done: number;
  /** `null` where nobody knows, as with a pipe. */
  readonly total: number | null;
  readonly unit: "events" | "bytes";
  /** Events so far, where `unit` is bytes and somebody counts them. */
  readonly events?: number;
}

/** The terminal that a line of progress is drawn on. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const quietMs = 500;
const redrawMs = 100;
const eraseLine = "\r\u001b[2K";

/** The progress of one piece of work. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #label: string;
  readonly #clock: () => number;
  readonly #enabled: boolean;
  readonly #started: number;
  #first: number | undefined;
  #drawn = false;
  #nextDraw: number;

  /** `label` says what is going on; `clock` counts milliseconds and never goes back. */
  constructor(
    stream: ProgressStream,
    label: string,
    options: { readonly enabled: boolean; readonly clock?: () => number },
  ) {
    this.#stream = stream;
    this.#label = label;
    this.#clock = options.clock ?? (() => performance.now());
    this.#enabled = options.enabled && stream.isTTY === true;
    this.#started = this.#clock();
    this.#nextDraw = this.#started + quietMs;
  }

  /** Takes note of a step; draws at most ten times a second. */
  readonly update = (step: ProgressStep): void => {
    if (!this.#enabled) return;
    // What was done before the first step (an import that is continued) says nothing about speed.
    this.#first ??= step.done;
    const now = this.#clock();
    if (now < this.#nextDraw) return;
    this.#nextDraw = now + redrawMs;
    this.#drawn = true;
    const elapsed = (now - this.#started) / 1000;
    const text = `${this.#label}  ${describeStep(step, this.#first, elapsed)}`;
    // A terminal that does not know its size says 0.
    this.#stream.write(eraseLine + clipped(text, (this.#stream.columns || 80) - 1));
  };

  /** Takes the line away. */
  clear(): void {
    if (this.#drawn) this.#stream.write(eraseLine);
    this.#drawn = false;
  }
}

/** `45 %   43,210 events   157 MB of 349 MB   57.2 MB/s   3.4 s left`. */
export function describeStep(step: ProgressStep, first: number, elapsed: number): string {
  const { done, total, unit, events } = step;
  const rate = (done - first) / Math.max(elapsed, 1e-3);
  const parts: string[] = [];
  if (total) parts.push(`${Math.floor((100 * Math.min(done, total)) / total)} %`);
  if (unit === "bytes") {
    if (events !== undefined) parts.push(counted(events, "event"));
    parts.push(total ? `${byteSize(done)} of ${byteSize(total)}` : byteSize(done));
    parts.push(`${byteSize(rate)}/s`);
  } else {
    parts.push(total ? `${grouped(done)} of ${grouped(total)} events` : `${grouped(done)} events`);
    parts.push(`${perSecond(done - first, elapsed)} events/s`);
  }
  if (total && rate > 0 && done < total) parts.push(`${seconds((total - done) / rate)} left`);
  return parts.join("   ");
}
