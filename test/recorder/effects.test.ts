// Effects of code that records itself: what is refused is named, what is noted while one runs is
// seen at once and not compared, and code that is not recorded needs no other shape.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  EffectFailure,
  type EventInput,
  open,
  type RecordedCall,
  type SessionRecorder,
} from "../../src/index.ts";
import type { Reach } from "../../src/reach.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-effects-"));
const reach: Reach = await open({ data: folder });

afterAll(async () => {
  await reach.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Records code, then runs it again; what it came to both times, thrown or returned. */
async function twice(code: (session: SessionRecorder) => Promise<unknown>) {
  const session = reach.record();
  const live = await code(session).catch((error: unknown) => error);
  await session.close();
  const rerun = reach.rerun(session.id, { patienceMs: 50 });
  const again = await code(rerun).catch((error: unknown) => error);
  const { verdict, divergence } = await rerun.close();
  const events = [...reach.events(session.id)];
  return { live, again, verdict, divergence, events };
}

describe("an effect", () => {
  test("whose result cannot be kept says which one has run, and where", async () => {
    const answer = Object.defineProperty({ text: "hello" }, "_request_id", { value: "req_1" });
    const { live, again, verdict } = await twice((session) => {
      return session.effect("model.chat", {}, async () => answer);
    });
    const message =
      'the effect "model.chat" has run and its result is lost, for it is no plain data: ' +
      "a hidden property at $.value._request_id cannot be kept";
    const refused = { name: "ReachError", code: "DATA_UNSUPPORTED", message };
    expect(live).toMatchObject(refused);
    expect(again).toMatchObject(refused);
    expect(verdict).toBe("identical");
  });

  test("without a function is refused before anything is recorded, also in a rerun", async () => {
    const usage = { code: "USAGE", message: 'the effect "tool" has no function to run: object' };
    const { live, again, events, verdict } = await twice(async (session) => {
      await session.append({ type: "goal", data: null });
      await session.effect("tool", {}, Promise.resolve(1) as unknown as () => number);
    });
    expect(live).toMatchObject(usage);
    expect(again).toMatchObject(usage);
    expect(events).toHaveLength(1);
    expect(verdict).toBe("identical");
  });
});

/** A model that streams. */
async function* spoken(words: readonly string[]): AsyncGenerator<string, void> {
  for (const word of words) {
    yield word;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("what an effect notes while it runs", () => {
  const words = ["so", "it", "goes"];

  async function answer(session: SessionRecorder): Promise<string> {
    const chunks = await session.effect("model.chat", { to: "me" }, async ({ note }) => {
      const seen: string[] = [];
      for await (const chunk of spoken(words)) {
        note("chunk", chunk);
        seen.push(chunk);
      }
      return seen;
    });
    return chunks.join(" ");
  }

  test("stands beside its call, in front of its result, and a rerun passes over it", async () => {
    const { live, again, verdict, events } = await twice(async (session) => {
      const said = await Promise.all([answer(session), answer(session)]);
      await session.append({ type: "said", data: said });
      return said;
    });
    expect(live).toEqual(["so it goes", "so it goes"]);
    expect(again).toEqual(live);
    expect(verdict).toBe("identical");
    const first = events.filter(({ seq, ref }) => seq === 0 || ref === 0);
    expect(first.map(({ kind, type, data }) => [kind, type, data])).toEqual([
      ["call", "model.chat", { input: { to: "me" } }],
      ...words.map((word) => ["note", "chunk", word]),
      ["result", "model.chat", { value: words }],
    ]);
  });

  test("is seen while it runs", async () => {
    const session = reach.record();
    const seen = await session.effect("model.chat", {}, async ({ note }) => {
      note("chunk", "so");
      for (;;) {
        const chunks = [...reach.events(session.id)].filter(({ kind }) => kind === "note");
        if (chunks.length > 0) return chunks.map(({ data }) => data);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    expect(seen).toEqual(["so"]);
    await session.close();
  });

  test("may be missing, more, or other in the code of today", async () => {
    const session = reach.record();
    await answer(session);
    await session.close();
    const rerun = reach.rerun(session.id);
    await rerun.effect("model.chat", { to: "me" }, () => []);
    expect((await rerun.close()).verdict).toBe("identical");
  });

  test("and cannot be kept fails the effect, the same way again", async () => {
    for (const bad of [
      ({ note }: RecordedCall) => note("chunk", new Date()),
      ({ note }: RecordedCall) => note("x".repeat(300), null),
    ]) {
      const { live, again, verdict } = await twice((session) => session.effect("tool", {}, bad));
      expect(live).toBeInstanceOf(EffectFailure);
      expect((live as EffectFailure).code).toMatch(/^(DATA_UNSUPPORTED|EVENT_INVALID)$/);
      expect(again).toMatchObject({ message: (live as Error).message });
      expect(verdict).toBe("identical");
    }
  });

  test("is lost when it comes behind the end of the recording, and harms nobody", async () => {
    const session = reach.record();
    const late = await new Promise<RecordedCall>((resolve) => {
      void session.effect("tool", {}, (call) => resolve(call));
    });
    await session.close();
    late.note("late", null);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect([...reach.events(session.id)]).toHaveLength(2);
  });
});

test("code runs without a recording, too", async () => {
  const off: SessionRecorder = {
    id: "",
    append: async () => 0,
    effect: async (_name, _input, run) => run({ note() {} }),
  };
  const found: string | null = await off.effect("tool", {}, async () => "found");
  expect(found).toBe("found");
});

test("a failure keeps its status, by which clients of HTTP tell what failed", async () => {
  const { live, again, verdict } = await twice(async (session) => {
    const failing = (): never => {
      throw Object.assign(new Error("slow down"), { status: 429, headers: new Headers() });
    };
    const { status } = await session.effect("model.chat", {}, failing).catch((error) => error);
    return status;
  });
  expect({ live, again, verdict }).toEqual({ live: 429, again: 429, verdict: "identical" });
});

test("an event that is none says of which member, and what it may be", async () => {
  const session = reach.record();
  const refusals: unknown[] = [];
  for (const event of ["message", { type: "x".repeat(257) }, { type: "\ud800" }, { kind: "say" }]) {
    const made = (
      typeof event === "string" ? event : { type: "x", data: 1, ...event }
    ) as EventInput;
    const { code, message, hint } = await session.append(made).catch((error) => error);
    refusals.push([code, message, hint]);
  }
  const type = "a type is text of at most 256 bytes without lone surrogates";
  const kinds =
    "a kind is trigger, input, call, result, timer, cancel, emit, step, note, fork or end";
  expect(refusals).toEqual([
    ["EVENT_INVALID", "the type of an event is no text: undefined", type],
    ["EVENT_INVALID", "the type of an event is text of 257 bytes", type],
    ["EVENT_INVALID", "the type of an event is text with a lone surrogate", type],
    ["EVENT_INVALID", 'event 0 is of no kind: "say"', kinds],
  ]);
  await session.close();
});

test("a rerun that is over says so of appends and effects", async () => {
  const session = reach.record();
  await session.append({ type: "goal", data: null });
  await session.close();
  const rerun = reach.rerun(session.id);
  await rerun.append({ type: "goal", data: null });
  await rerun.close();
  const closed = { code: "CLOSED", message: `the rerun of session ${session.id} is over` };
  await expect(rerun.append({ type: "goal", data: null })).rejects.toMatchObject(closed);
  await expect(rerun.effect("tool", {}, () => 1)).rejects.toMatchObject(closed);
});
