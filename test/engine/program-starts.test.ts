// When programs of new sessions begin: not in the way of triggers that are still on their way, but
// not much later either.

import { describe, expect, it } from "vitest";
import { ProgramStarts } from "../../src/engine/program-starts.ts";

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

describe("a program begins", () => {
  function fresh(): { starts: ProgramStarts; begun: string[]; timeUp: () => void } {
    const wakes = new Set<() => void>();
    const starts = new ProgramStarts((_ms, wake) => {
      wakes.add(wake);
      return () => wakes.delete(wake);
    });
    const timeUp = (): void => {
      for (const wake of [...wakes]) wake();
    };
    return { starts, begun: [], timeUp };
  }

  it("at once when its trigger is the only one, after its sender has heard of it", async () => {
    const { starts, begun } = fresh();
    starts.expect();
    starts.taken(() => begun.push("a"));
    expect(begun).toEqual([]);
    await turn();
    expect(begun).toEqual(["a"]);
  });

  it("after the triggers that are on their way, in the order they were taken", async () => {
    const { starts, begun } = fresh();
    for (const _ of "abc") starts.expect();
    starts.taken(() => begun.push("a"));
    starts.taken(() => begun.push("b"));
    await turn();
    expect(begun).toEqual([]);
    starts.failed();
    await turn();
    expect(begun).toEqual(["a", "b"]);
  });

  it("without those triggers, when they take too long", async () => {
    const { starts, begun, timeUp } = fresh();
    starts.expect();
    starts.expect();
    starts.taken(() => begun.push("a"));
    timeUp();
    expect(begun).toEqual(["a"]);
    starts.taken(() => begun.push("b"));
    await turn();
    expect(begun).toEqual(["a", "b"]);
  });

  it("once only, and a trigger that follows at once is waited for", async () => {
    const { starts, begun, timeUp } = fresh();
    starts.expect();
    starts.taken(() => begun.push("a"));
    starts.expect();
    await turn();
    expect(begun).toEqual([]);
    timeUp();
    starts.taken(() => begun.push("b"));
    await turn();
    timeUp();
    expect(begun).toEqual(["a", "b"]);
  });
});
