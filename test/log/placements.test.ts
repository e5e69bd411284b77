/** When what waits for its place is brought there. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type WaitingPlacements, whenQuiet } from "../../src/log/index.ts";

/** Sessions that wait, each since a time; placing takes one at a time. */
class Waiting implements WaitingPlacements {
  readonly since: number[] = [];
  refuses = false;
  tries = 0;

  get waits(): boolean {
    return this.since.length > 0;
  }

  get quietMs(): number {
    return performance.now() - (this.since.at(-1) ?? 0);
  }

  add(): void {
    this.since.push(performance.now());
  }

  placeSome(ageMs: number): boolean {
    this.tries += 1;
    if (this.refuses) return false;
    const isDue = () => (this.since[0] ?? Number.POSITIVE_INFINITY) <= performance.now() - ageMs;
    if (isDue()) this.since.shift();
    return isDue();
  }
}

describe("moments when it is quiet", () => {
  let waiting: Waiting;
  const placeLater = () => whenQuiet(25, 250);
  beforeEach(() => {
    vi.useFakeTimers();
    waiting = new Waiting();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("come when nothing new has begun to wait", () => {
    waiting.add();
    placeLater()(waiting);
    vi.advanceTimersByTime(24);
    expect(waiting.since).toHaveLength(1);
    waiting.add();
    vi.advanceTimersByTime(20);
    expect(waiting.since).toHaveLength(2);
    vi.advanceTimersByTime(30);
    expect(waiting.since).toHaveLength(0);
  });

  test("are not waited for by what has waited too long", () => {
    const later = placeLater();
    for (let ms = 0; ms < 1000; ms += 10) {
      waiting.add();
      if (ms === 0) later(waiting);
      vi.advanceTimersByTime(10);
      expect(performance.now() - (waiting.since[0] ?? 0)).toBeLessThan(300);
      if (ms >= 300) expect(waiting.since.length).toBeGreaterThan(20);
    }
    vi.advanceTimersByTime(60);
    expect(waiting.since).toHaveLength(0);
  });

  test("are looked for once, and again when something waits again", () => {
    const later = placeLater();
    for (let times = 0; times < 3; times++) {
      waiting.add();
      for (let calls = 0; calls < 5; calls++) later(waiting);
      waiting.tries = 0;
      vi.advanceTimersByTime(1000);
      expect(waiting.tries).toBe(1);
      expect(waiting.since).toHaveLength(0);
    }
  });

  test("come rarely while the disk takes nothing, and end with what waits", () => {
    waiting.refuses = true;
    waiting.add();
    placeLater()(waiting);
    vi.advanceTimersByTime(10_000);
    expect(waiting.tries).toBeGreaterThan(30);
    expect(waiting.tries).toBeLessThan(50);
    waiting.since.length = 0;
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
