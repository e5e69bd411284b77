// The state after N events is that of folding the first N events, wherever it is computed from.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeValue, sha256, toHex } from "../../src/base/index.ts";
import type { EventView } from "../../src/event/index.ts";
import { type LoadedProgram, replaySession, stateAt } from "../../src/runtime/index.ts";
import {
  append,
  counter,
  type MadeSession,
  makeSession,
  naiveCounter,
  program,
  reading,
  snapshotFile,
  usualEvent,
  writing,
} from "./made-session.ts";

function naive(session: MadeSession): Promise<unknown[]> {
  return reading(session.root, async (directory) => {
    const reader = directory.session(session.id);
    const events: EventView[] = [...reader.events()];
    reader.close();
    return naiveCounter(events);
  });
}

function keep(session: MadeSession, used: LoadedProgram, to?: number): Promise<unknown> {
  return writing(session.root, (directory) =>
    replaySession(directory, session.id, { program: used, workers: 1, keep: true, to }),
  );
}

describe("the state after N events", () => {
  test("is that of a naive fold, for every N, without and with snapshots", async () => {
    const session = await makeSession(1_260);
    const used = await counter();
    const expected = await naive(session);
    const all = [...Array(1_261).keys()];
    const checked = all.filter((at) => at % 41 === 0 || at < 30 || at > 1_240 || at % 1000 < 3);
    for (const kept of [false, true]) {
      if (kept) await keep(session, used);
      await reading(session.root, async (directory) => {
        for (const at of kept ? all : checked) {
          const found = await stateAt(directory, session.id, at, { program: used });
          expect(found.state).toEqual(expected[at]);
          expect(found.stateHash).toBe(toHex(sha256(encodeValue(expected[at]))));
          const nearest = at >= 1_260 ? 1_260 : at - (at % 1_000);
          expect(found).toMatchObject({ at, snapshotUsed: kept && nearest > 0 ? nearest : null });
        }
      });
    }
  });

  test("does not depend on which snapshots there are", async () => {
    const session = await makeSession(4_200);
    const used = await counter();
    const expected = await naive(session);
    const stateHash = toHex(sha256(encodeValue(expected[4_200])));
    const places = fc.record({
      snapshots: fc.uniqueArray(fc.integer({ min: 1, max: 4_200 }), { maxLength: 9 }),
      sizes: fc.array(fc.nat(4_200), { minLength: 1, maxLength: 4 }),
      workers: fc.integer({ min: 1, max: 3 }),
    });
    await writing(session.root, async (directory) => {
      const reader = directory.session(session.id);
      const snapshotOf = (size: number): Parameters<typeof directory.keepSnapshots>[2][0] => {
        const state = encodeValue(expected[size]).slice();
        const stateBytes = state.length;
        return { size, root: reader.root(size), stateHash: sha256(state), stateBytes, state };
      };
      await fc.assert(
        fc.asyncProperty(places, async ({ snapshots, sizes, workers }) => {
          rmSync(snapshotFile(session, used), { force: true });
          await directory.keepSnapshots(session.id, used.hash, snapshots.map(snapshotOf));
          for (const at of sizes) {
            const found = await stateAt(directory, session.id, at, { program: used });
            const usable = snapshots.filter((size) => size <= at);
            const snapshotUsed = usable.length > 0 ? Math.max(...usable) : null;
            expect(found).toMatchObject({ at, snapshotUsed, state: expected[at] });
          }
          const report = await replaySession(directory, session.id, { program: used, workers });
          const verdict = snapshots.length > 0 ? "identical" : "computed";
          expect(report).toMatchObject({ verdict, snapshots: snapshots.length, stateHash });
        }),
        { numRuns: 20 },
      );
      reader.close();
    });
  });

  test("is that of the whole session when no N is given, also after it has grown", async () => {
    const session = await makeSession(1_100);
    const used = await counter();
    const state = (): Promise<unknown> =>
      reading(session.root, (directory) =>
        stateAt(directory, session.id, undefined, { program: used }),
      );
    expect(await state()).toMatchObject({ at: 1_100, state: { events: 1_078 } });
    await writing(session.root, (directory) =>
      append(directory, 1_100, 1_500, usualEvent, session.id),
    );
    expect(await state()).toMatchObject({ at: 1_500, state: { events: 1_470 } });
  });

  test("can be asked for from many places at once", async () => {
    const session = await makeSession(1_200);
    const used = await counter();
    const expected = await naive(session);
    await reading(session.root, async (directory) => {
      const sizes = Array.from({ length: 40 }, (_, i) => i * 30);
      const found = await Promise.all(
        sizes.map((at) => stateAt(directory, session.id, at, { program: used })),
      );
      expect(found.map(({ state }) => state)).toEqual(sizes.map((at) => expected[at]));
    });
  });

  test("is refused where there are not so many events, or no session", async () => {
    const session = await makeSession(20);
    const used = await counter();
    await reading(session.root, async (directory) => {
      const state = (at: number, id = session.id): Promise<unknown> =>
        stateAt(directory, id, at, { program: used });
      await expect(state(21)).rejects.toMatchObject({
        code: "NOT_FOUND",
        hint: "ask for 0 to 20 events",
      });
      for (const at of [-1, 0.5]) await expect(state(at)).rejects.toMatchObject({ code: "USAGE" });
      const other = "01900000-0000-7000-8000-000000000000" as never;
      await expect(state(1, other)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });

  test("of a program that fails is an error that names the event", async () => {
    const session = await makeSession(50);
    const used = await program(
      "init: () => 0, reduce: (s, e) => { if (e.seq === 30) throw new Error('no'); return s; },",
    );
    await reading(session.root, async (directory) => {
      const state = (at: number): Promise<unknown> =>
        stateAt(directory, session.id, at, { program: used });
      expect(await state(30)).toMatchObject({ state: 0 });
      await expect(state(31)).rejects.toMatchObject({
        code: "PROGRAM_FAILED",
        message: expect.stringContaining("event 30"),
      });
    });
  });

  test("is read from a log that was put in the place of an open one", async () => {
    const session = await makeSession(40);
    const used = await counter();
    await reading(session.root, async (directory) => {
      await stateAt(directory, session.id, 40, { program: used });
      const bytes = readFileSync(session.log);
      rmSync(session.log);
      writeFileSync(session.log, bytes.subarray(0, 5));
      const torn = stateAt(directory, session.id, 40, { program: used });
      await expect(torn).rejects.toMatchObject({ code: "UNRECOVERED" });
      rmSync(session.log);
      writeFileSync(session.log, bytes);
      const found = await stateAt(directory, session.id, 40, { program: used });
      expect(found.at).toBe(40);
    });
  });
});
