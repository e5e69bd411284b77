// Programs and events for the tests of the replay core.

import { sha256, utf8 } from "../../src/base/index.ts";
import type { EventKind } from "../../src/event/index.ts";
import { type Program, programOf, type ReducerEvent } from "../../src/replay/index.ts";

/** Events 0, 1, 2, ... with the given data; one second apart. */
export function eventsOf(
  data: readonly unknown[],
  shape: { type?: string; kind?: EventKind; from?: number } = {},
): ReducerEvent[] {
  const from = shape.from ?? 0;
  return data.map((item, i) => ({
    seq: from + i,
    time: 1_767_600_000_000 + 1000 * (from + i),
    kind: shape.kind ?? "emit",
    type: shape.type ?? "thing",
    ref: null,
    data: item,
  }));
}

/** A checked program; its hash follows from name and version. */
export function program<State>(parts: {
  name?: string;
  version?: string;
  init?: (first: ReducerEvent) => State;
  reduce: (state: State, event: ReducerEvent) => State;
}): Program {
  const { name = "test-program", version = "1" } = parts;
  const definition = { init: () => ({}), ...parts, name, version };
  return programOf(definition, sha256(utf8(`${name} ${version}`)), "test.ts");
}

/** Counts events and sums up numbers, and keeps the last value. */
export const adder = program({
  name: "adder",
  init: () => ({ count: 0, sum: 0, last: null as unknown }),
  reduce(state, event) {
    state.count += 1;
    if (typeof event.data === "number") state.sum += event.data;
    state.last = event.data;
    return state;
  },
});
