// Replay: the verdicts, each by a real cause, whatever way the work was split.

import { rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { ReplayOptions, ReplayReport } from "../../src/runtime/index.ts";
import { type LoadedProgram, loadProgram, replaySession } from "../../src/runtime/index.ts";
import {
  append,
  counter,
  type MadeSession,
  makeSession,
  program,
  reading,
  snapshotFile,
  usualEvent,
  writing,
} from "./made-session.ts";

type Options = Omit<ReplayOptions, "program">;

function replay(
  session: MadeSession,
  used: LoadedProgram,
  options: Options = {},
): Promise<ReplayReport> {
  const open = options.keep ? writing : reading;
  return open(session.root, (directory) =>
    replaySession(directory, session.id, { program: used, workers: 2, ...options }),
  );
}

describe("a session that nobody has replayed before", () => {
  test("is computed, and identical ever after when the states were kept", async () => {
    const session = await makeSession(3_456);
    const used = await counter();
    const computed = await replay(session, used);
    expect(computed).toMatchObject({ verdict: "computed", snapshots: 0, kept: false });
    const kept = await replay(session, used, { keep: true });
    expect(kept).toMatchObject({ verdict: "computed", kept: true, keptSnapshots: 4 });
    const again = await replay(session, used);
    expect(again).toMatchObject({
      verdict: "identical",
      events: 3_456,
      snapshots: 4,
      comparedTo: 3_456,
      signedSize: 3_456,
      problem: null,
      divergence: null,
    });
    expect(again.signedBy).toMatch(/^reach\.local\+[0-9a-f]{8}$/);
    expect(again.stateHash).toMatch(/^[0-9a-f]{64}$/);
    for (const report of [computed, kept]) {
      expect(report.stateHash).toBe(again.stateHash);
      expect(report.root).toBe(again.root);
    }
  });

  test("has the root that its checkpoint was signed for", async () => {
    const session = await makeSession(1_200);
    const report = await replay(session, await counter());
    const root = await reading(session.root, async (directory) => {
      return directory.session(session.id).checkpoint()?.root;
    });
    expect(report.root).toBe(Buffer.from(root as Uint8Array).toString("hex"));
  });

  test("can be empty but for one event, or shorter than the first snapshot", async () => {
    const used = await counter();
    for (const events of [1, 999, 1_000, 1_001]) {
      const session = await makeSession(events);
      const kept = await replay(session, used, { keep: true });
      expect(kept.keptSnapshots).toBe(Math.ceil(events / 1000));
      expect(await replay(session, used)).toMatchObject({ verdict: "identical", events });
    }
  });
});

describe("the same result", () => {
  test("is refused for a number of workers that there cannot be", async () => {
    const session = await makeSession(10);
    const used = await counter();
    for (const workers of [0, -1, 1.5, Number.NaN, 9999]) {
      await expect(replay(session, used, { workers })).rejects.toMatchObject({
        code: "USAGE",
        hint: expect.stringMatching(/^1 to \d+: /),
      });
    }
  });

  test("comes out for any number of workers, with and without the derived files", async () => {
    const session = await makeSession(5_300);
    const used = await counter();
    const computed = await replay(session, used, { workers: 1 });
    await replay(session, used, { workers: 2, keep: true });
    const results: unknown[] = [];
    for (const derived of ["there", "deleted"]) {
      if (derived === "deleted") {
        for (const name of ["events.idx", "tree.log"]) {
          rmSync(path.join(path.dirname(session.log), name));
        }
      }
      for (const workers of [1, 2, 4]) {
        const { verdict, snapshots, stateHash, root } = await replay(session, used, { workers });
        results.push({ verdict, snapshots, stateHash, root });
      }
    }
    const { stateHash, root } = computed;
    expect(results).toEqual(
      Array.from({ length: 6 }, () => ({ verdict: "identical", snapshots: 6, stateHash, root })),
    );
  });

  test("comes out when the snapshots are gone", async () => {
    const session = await makeSession(2_500);
    const used = await counter();
    const { stateHash } = await replay(session, used, { keep: true });
    rmSync(snapshotFile(session, used));
    expect(await replay(session, used)).toMatchObject({ verdict: "computed", stateHash });
  });
});

describe("a session that has grown", () => {
  test("is compared as far as states were kept; the rest is computed and kept", async () => {
    const session = await makeSession(2_300);
    const used = await counter();
    await replay(session, used, { keep: true });
    await writing(session.root, (directory) =>
      append(directory, 2_300, 4_100, usualEvent, session.id),
    );
    const grown = await replay(session, used);
    expect(grown).toMatchObject({ verdict: "identical", snapshots: 3, comparedTo: 2_300 });
    const kept = await replay(session, used, { keep: true });
    expect(kept).toMatchObject({ keptSnapshots: 3, stateHash: grown.stateHash });
    const whole = await makeSession(4_100);
    const fresh = await replay(whole, used);
    expect(await replay(session, used)).toMatchObject({
      verdict: "identical",
      snapshots: 6,
      comparedTo: 4_100,
      stateHash: fresh.stateHash,
    });
  });
});

describe("an interval", () => {
  test("is replayed by whole stretches, and everything is still hashed", async () => {
    const session = await makeSession(6_000);
    const used = await counter();
    const { root } = await replay(session, used, { keep: true });
    const report = await replay(session, used, { from: 2_500, to: 3_200 });
    expect(report).toMatchObject({ verdict: "identical", snapshots: 2, comparedTo: 4_000, root });
    expect(await replay(session, used, { from: 5_000 })).toMatchObject({ snapshots: 1 });
    expect(await replay(session, used, { to: 1 })).toMatchObject({ snapshots: 1 });
  });

  test("that has no events is refused", async () => {
    const session = await makeSession(100);
    const used = await counter();
    for (const interval of [{ from: 100 }, { from: 20, to: 20 }, { from: -1 }, { to: 0.5 }]) {
      await expect(replay(session, used, interval)).rejects.toMatchObject({ code: "USAGE" });
    }
  });
});

describe("another program", () => {
  test("has no snapshots of its own: it is computed, and the old ones stay valid", async () => {
    const session = await makeSession(2_100);
    const used = await counter();
    await replay(session, used, { keep: true });
    const other = await program("init: () => ({ n: 0 }), reduce: (s) => ({ n: s.n + 1 }),");
    expect(await replay(session, other)).toMatchObject({ verdict: "computed" });
    expect(await replay(session, used)).toMatchObject({ verdict: "identical" });
  });

  test("that is built in is found by its name", async () => {
    const session = await makeSession(2_100);
    const used = await loadProgram("transcript");
    const { stateHash } = await replay(session, used, { keep: true, workers: 1 });
    expect(await replay(session, used)).toMatchObject({ verdict: "identical", stateHash });
  });
});

describe("a program that does something else the second time", () => {
  const unstable = (expression: string): Promise<LoadedProgram> =>
    program(`
      init: () => ({ events: 0, odd: 0 }),
      reduce(state, event) {
        state.events += 1;
        if (event.seq === 1234) state.odd = ${expression};
        return state;
      },`);

  test.each(["Date.now()", "Math.random()", "performance.now()"])(
    "because of %s: diverged, unrecorded input leaked in",
    async (expression) => {
      const session = await makeSession(3_000);
      const used = await unstable(expression);
      await replay(session, used, { keep: true });
      const report = await replay(session, used);
      expect(report).toMatchObject({ verdict: "diverged", stateHash: null, snapshots: 1 });
      expect(report.divergence).toMatchObject({
        from: 1_000,
        to: 2_000,
        lastMatching: 1_000,
        event: { seq: 1_234 },
        cause: { kind: "unrecorded-input" },
      });
      expect(report.divergence?.cause.text).toContain("unrecorded input leaked in");
      expect(report.divergence?.paths[0]?.path).toBe("$.odd");
    },
  );

  test("is reported where it first did, however the stretches were grouped", async () => {
    const session = await makeSession(12_000);
    const used = await program(`
      init: () => ({ odd: 0 }),
      reduce(state, event) {
        if (event.seq % 3000 === 2345) state.odd = Math.random();
        return state;
      },`);
    await replay(session, used, { keep: true });
    for (const workers of [1, 2, 4]) {
      const report = await replay(session, used, { workers });
      expect(report).toMatchObject({ verdict: "diverged", snapshots: 2, comparedTo: 2_000 });
      expect(report.divergence).toMatchObject({ from: 2_000, to: 3_000, event: { seq: 2_345 } });
    }
    const later = await replay(session, used, { from: 3_000, workers: 1 });
    expect(later.divergence).toMatchObject({ from: 5_000, to: 6_000, event: { seq: 5_345 } });
  });

  test("because of its surroundings: diverged, and each run gives the same", async () => {
    const session = await makeSession(3_000);
    const used = await unstable("[1, 2, 3].at((globalThis as any).reachTest ?? 0)");
    await replay(session, used, { keep: true, workers: 1 });
    const setter = await program(
      "init: () => ({}), reduce: (s) => { (globalThis as any).reachTest = 1; return s; },",
    );
    await replay(session, setter, { workers: 1 });
    const report = await replay(session, used, { workers: 1 });
    expect(report.verdict).toBe("diverged");
    expect(report.divergence).toMatchObject({
      event: { seq: 1_234 },
      paths: [{ path: "$.odd", expected: "1", actual: "2" }],
      cause: { kind: "outside-state" },
    });
  });

  test("by throwing: diverged at the event, because a kept state says that it worked", async () => {
    const session = await makeSession(3_000);
    const used = await program(`
      init: () => ({ events: 0 }),
      reduce(state, event) {
        if (event.seq === 1500 && (globalThis as any).reachThrows) throw new Error("not today");
        state.events += 1;
        return state;
      },`);
    await replay(session, used, { keep: true, workers: 1 });
    const setter = await program(
      "init: () => ({}), reduce: (s) => { (globalThis as any).reachThrows = true; return s; },",
    );
    await replay(session, setter, { workers: 1 });
    const report = await replay(session, used, { workers: 1 });
    expect(report.verdict).toBe("diverged");
    expect(report.divergence).toMatchObject({
      from: 1_000,
      to: 2_000,
      event: { seq: 1_500 },
      actualHash: null,
    });
    expect(report.divergence?.cause.text).toContain("not today");
  });
});

describe("a variable of the module", () => {
  test("begins anew at every snapshot, so it cannot carry meaning over", async () => {
    const session = await makeSession(3_500);
    const used = await program(
      "init: () => ({ n: 0 }), reduce: (s) => { seen.n += 1; return { n: s.n + seen.n }; },",
      "const seen = { n: 0 };",
    );
    const { stateHash } = await replay(session, used, { keep: true, workers: 1 });
    for (const workers of [1, 2, 4]) {
      const report = await replay(session, used, { workers });
      expect(report).toMatchObject({ verdict: "identical", stateHash });
    }
  });
});

describe("a program that fails where no state was kept", () => {
  test("is an error that names the event and the line", async () => {
    const session = await makeSession(3_000);
    const used = await program(`
      init: () => ({ n: 0 }),
      reduce(state, event) {
        if (event.seq === 2345) state.missing.member = 1;
        return state;
      },`);
    for (const workers of [1, 2]) {
      await expect(replay(session, used, { workers })).rejects.toMatchObject({
        code: "PROGRAM_FAILED",
        message: expect.stringMatching(/event 2345 \(delta\).*program\.ts:6:47/),
      });
    }
  });

  test("keeps the states before the failure and says so the next time as well", async () => {
    const session = await makeSession(3_000);
    const used = await program(
      "init: () => 0, reduce: (s, e) => { if (e.seq === 2345) throw new Error('no'); return s; },",
    );
    const error = { code: "PROGRAM_FAILED" };
    await expect(replay(session, used, { keep: true })).rejects.toMatchObject(error);
    await expect(replay(session, used)).rejects.toMatchObject(error);
    expect(await replay(session, used, { to: 2_000 })).toMatchObject({ verdict: "identical" });
  });

  test("by a state that is no tree of plain data: the path is named", async () => {
    const session = await makeSession(1_500);
    const alias = await program(`
      init: () => ({ list: [], last: null }),
      reduce(state, event) {
        const entry = { seq: event.seq };
        return { list: [...state.list, entry].slice(-3), last: entry };
      },`);
    await expect(replay(session, alias)).rejects.toMatchObject({
      code: "STATE_UNSUPPORTED",
      message: expect.stringContaining("after event 998"),
    });
    const instance = await program("init: () => ({ at: new Map() }), reduce: (s) => s,");
    await expect(replay(session, instance)).rejects.toMatchObject({ code: "STATE_UNSUPPORTED" });
  });

  test("by ending its thread: an error, and the next replay works", async () => {
    const session = await makeSession(500);
    const used = await program("init: () => ({}), reduce: () => process.exit(0),");
    await expect(replay(session, used)).rejects.toMatchObject({ code: "WORKER_FAILED" });
    expect(await replay(session, await counter())).toMatchObject({ verdict: "computed" });
  });
});

describe("a replay", () => {
  test("can be interrupted, also in a loop without end", async () => {
    const session = await makeSession(500);
    const used = await program("init: () => ({}), reduce: () => { for (;;); },");
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    const { signal } = abort;
    await expect(replay(session, used, { signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("tells how far it has come", async () => {
    const session = await makeSession(9_000);
    const seen: number[] = [];
    const onProgress: ReplayOptions["onProgress"] = ({ done, total, unit }) => {
      expect({ total, unit }).toEqual({ total: 9_000, unit: "events" });
      seen.push(done);
    };
    await replay(session, await counter(), { onProgress });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(9_000);
  });

  test("keeps nothing in a directory that is open for reading", async () => {
    const session = await makeSession(10);
    const used = await counter();
    const kept = reading(session.root, (directory) =>
      replaySession(directory, session.id, { program: used, keep: true }),
    );
    await expect(kept).rejects.toMatchObject({ code: "READ_ONLY" });
  });

  test("of a session that is not there is refused", async () => {
    const session = await makeSession(10);
    const other = { ...session, id: "01900000-0000-7000-8000-000000000000" as never };
    await expect(replay(other, await counter())).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
