// The moment at which a journal is retired.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RestingJournal, whenAtRest } from "../../src/log/index.ts";

class Resting implements RestingJournal {
  lastAt = performance.now();
  rests = 0;

  get quietMs(): number {
    return performance.now() - this.lastAt;
  }

  rest(): Promise<void> {
    this.rests += 1;
    return Promise.resolve();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("comes when nothing has been committed for so long, and then once", () => {
  const journal = new Resting();
  whenAtRest(5_000)(journal);
  for (let at = 0; at < 20_000; at += 1_000) {
    vi.advanceTimersByTime(1_000);
    journal.lastAt = performance.now();
  }
  expect(journal.rests).toBe(0);
  vi.advanceTimersByTime(4_999);
  expect(journal.rests).toBe(0);
  vi.advanceTimersByTime(1);
  expect(journal.rests).toBe(1);
  vi.advanceTimersByTime(60_000);
  expect(journal.rests).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});
