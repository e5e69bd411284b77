// The timers of an engine, by a clock that is set and a machine that sleeps.

import { describe, expect, it } from "vitest";
import { TimerHeap } from "../../src/engine/timer-heap.ts";

const hour = 3_600_000;

/** A heap, its clock, and the system timer that it has armed. */
function heap() {
  const fired: string[] = [];
  const delays: number[] = [];
  let wake: (() => void) | undefined;
  const source = {
    time: 1_000_000,
    now: () => source.time,
    delay(ms: number, then: () => void): () => void {
      delays.push(ms);
      wake = then;
      return () => {
        wake = undefined;
      };
    },
  };
  const timers = new TimerHeap(source, (key) => fired.push(key));
  const ring = (): void => {
    const then = wake;
    wake = undefined;
    then?.();
  };
  return { timers, source, fired, delays, ring };
}

describe("timers", () => {
  it("fire in the order of their times, those that were replaced or deleted not", () => {
    const { timers, source, fired, delays, ring } = heap();
    timers.set("b", source.time + 20);
    timers.set("a", source.time + 10);
    timers.set("c", source.time + 15);
    timers.delete("c");
    timers.set("b", source.time + 30);
    expect(delays).toEqual([20, 10]);
    source.time += 10;
    ring();
    expect(fired).toEqual(["a"]);
    source.time += 20;
    ring();
    ring();
    expect(fired).toEqual(["a", "b"]);
  });

  it("that are far away are looked at again within a minute, as the clock may be set", () => {
    const { timers, source, fired, delays, ring } = heap();
    timers.set("long", source.time + 10 * hour);
    expect(delays).toEqual([60_000]);
    // A minute of the machine that took ten hours: it has slept.
    source.time += 10 * hour;
    ring();
    expect(fired).toEqual(["long"]);
  });

  it("that are far away do not fire early, and cost one look a minute", () => {
    const { timers, source, fired, delays, ring } = heap();
    timers.set("long", source.time + hour);
    for (let minute = 0; minute < 59; minute++) {
      source.time += 60_000;
      ring();
      expect(fired).toEqual([]);
    }
    source.time += 60_000;
    ring();
    expect([fired, delays.length]).toEqual([["long"], 60]);
  });
});
