// Where a session goes on from its state alone, the context before is given up before the next one
// is asked for: who makes contexts can then hand out the same realm, in which the code is warm.

import { describe, expect, it } from "vitest";
import { encodeValue, noBytes, sha256 } from "../../src/base/index.ts";
import { encodeStep, SessionDriver, type StepContext } from "../../src/driver/index.ts";

const state = encodeValue({ turns: 3 });
const boundary = { next: "continue", abandoned: [], unread: [], result: undefined } as const;
const activation = {
  operations: [],
  dropped: [],
  failed: undefined,
  waiting: { calls: [], timers: [], inputs: [] },
  now: 0,
};

/** Makes contexts with that state; the first step of each ends, `done` in the second. */
function noting(told: string[]): () => StepContext {
  let made = 0;
  return () => {
    made += 1;
    const name = `context ${made}`;
    const next = made > 1 ? "done" : "continue";
    told.push(`${name} made`);
    return {
      init: () => {},
      restore: (bytes) => told.push(`${name} begins with ${bytes.length} bytes`),
      fold: () => {},
      setInbox: () => {},
      beginStep: () => ({ ...activation, ended: { ...boundary, next } }),
      deliver: () => ({ ...activation, ended: undefined }),
      snapshot: () => state,
      dispose: () => told.push(`${name} given up`),
    };
  };
}

const renewed = [
  "context 1 made",
  "context 1 given up",
  "context 2 made",
  `context 2 begins with ${state.length} bytes`,
];

describe("a session that goes on from its state", () => {
  it("gives its context up first, where its log has a snapshot", () => {
    const told: string[] = [];
    const driver = new SessionDriver({ create: noting(told), secrets: [], snapshotEvents: 1 });
    const payload = encodeStep(boundary, sha256(state), []);
    const step = { kind: "step", type: "continue", ref: null, form: "cbor" } as const;
    driver.fold({ ...step, seq: 7, time: 0, payload });
    expect(told).toEqual(renewed);
  });

  it("gives its context up first, where it takes a snapshot", () => {
    const told: string[] = [];
    const secrets = [{ from: 0, secret: new Uint8Array(32) }];
    const driver = new SessionDriver({ create: noting(told), secrets, snapshotEvents: 1 });
    const trigger = { kind: "input", type: "start", ref: null, form: "cbor" } as const;
    driver.begin({ ...trigger, seq: 0, time: 0, payload: noBytes });
    expect(driver.beginStep([], 0).ended).toBe(true);
    // The `done` step takes a snapshot as well.
    expect(told.slice(0, renewed.length)).toEqual(renewed);
  });
});
