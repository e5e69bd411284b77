// A session whose steps never wait is given up after a number of them. A replay gives up where the
// session was given up: it may begin amid the steps, and a session that was resumed counts anew.

import { describe, expect, it } from "vitest";
import { encodeValue, noBytes } from "../../src/base/index.ts";
import {
  type DriverOptions,
  neverWaited,
  SessionDriver,
  type StepContext,
  stepsPerActivationMax,
} from "../../src/driver/index.ts";

const nothing = { operations: [], dropped: [], failed: undefined, now: 0 };
const waiting = { calls: [], timers: [], inputs: [] };
const ended = { next: "continue", abandoned: [], unread: [], result: undefined } as const;

const spinning: StepContext = {
  init: () => {},
  restore: () => {},
  fold: () => {},
  setInbox: () => {},
  beginStep: () => ({ ...nothing, waiting, ended }),
  deliver: () => ({ ...nothing, waiting, ended }),
  snapshot: () => encodeValue(null),
  dispose: () => {},
};

function madeWith(spentAt?: DriverOptions["spentAt"]) {
  const secrets = [{ from: 0, secret: new Uint8Array(32) }];
  const create = (): StepContext => spinning;
  const snapshots = { snapshotEvents: 1, snapshotAt: () => false };
  const options = { create, secrets, ...snapshots, ...(spentAt && { spentAt }) };
  const driver = new SessionDriver(options);
  const trigger = { seq: 0, time: 0, kind: "trigger", type: "a", ref: null } as const;
  driver.begin({ ...trigger, form: "cbor", payload: noBytes });
  const { made } = driver.beginStep([], 0);
  expect(made.at(-1)).toMatchObject({ kind: "end", type: "failed" });
  return made.length - 1;
}

describe("steps that never wait", () => {
  it("are given up after so many of them", () => {
    expect(madeWith()).toBe(stepsPerActivationMax);
    expect(neverWaited.message).toContain(`${stepsPerActivationMax} steps`);
  });

  it("are given up where the record says so, be it earlier or later", () => {
    expect(madeWith((seq) => seq === 7_001)).toBe(7_000);
    expect(madeWith((seq) => seq === 12_346)).toBe(12_345);
  });

  it("are counted where the record says nothing", () => {
    expect(madeWith((seq) => (seq < 100 ? false : undefined))).toBe(stepsPerActivationMax);
    const resumed = (seq: number) => (seq < 11_000 ? false : undefined);
    expect(madeWith(resumed)).toBe(10_999);
  });
});
