// The promises of the state at any length: its size has a bound, and it does not matter where the
// fold went on from the encoded state.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeValue, utf8 } from "../../src/base/index.ts";
import {
  builtInPrograms,
  renderTranscript,
  type TranscriptState,
} from "../../src/programs/index.ts";
import { bounds } from "../../src/programs/transcript/bounds.ts";
import { advance } from "../../src/programs/transcript/clock.ts";
import { emptyTally, tally } from "../../src/programs/transcript/entries.ts";
import { Ledger } from "../../src/programs/transcript/ledger.ts";
import { emptyState } from "../../src/programs/transcript/state.ts";
import { clip, clipStart, utf8Bytes } from "../../src/programs/transcript/text.ts";
import { Fold, type Program, type ReducerEvent } from "../../src/replay/index.ts";
import { texts } from "../base/plain-values.ts";
import {
  type Line,
  reply,
  said,
  session,
  sessions,
  toolResult,
  toolUse,
  untouched,
} from "./sessions.ts";

const transcript: Program = builtInPrograms[0];
const stateBytesMax = 256 * 1024;

function begin(events: readonly ReducerEvent[]): Fold {
  return Fold.begin(transcript, events[0] as ReducerEvent);
}

const lines = Object.values(sessions).flatMap((list) => {
  return list.filter(([, data]) => data !== untouched);
});

describe("the state", () => {
  it("is the same wherever the fold went on from its bytes", () => {
    const line = fc.tuple(fc.constantFrom(...lines), fc.nat(4000), fc.nat(2));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 120 }), (choices) => {
        const events = session(
          choices.map(([[type, data, more], seconds]): Line => {
            return [type, data, { ...more, time: 1.7e12 + 1000 * seconds }];
          }),
        );
        const straight = begin(events);
        let parted = begin(events);
        for (const [i, event] of events.entries()) {
          straight.apply(event);
          parted.apply(event);
          if (choices[i]?.[2] === 0) parted = Fold.resume(transcript, parted.boundary().bytes);
        }
        expect(parted.boundary().hash).toEqual(straight.boundary().hash);
      }),
    );
  });

  it("stays below 256 KiB over 200,000 events, each of which wants to be remembered", () => {
    const random = randomNumbers();
    let fold: Fold | undefined;
    let largest = 0;
    for (let i = 0; i < 200_000; i++) {
      const make = greedy[Math.floor(random() * greedy.length)] as (typeof greedy)[0];
      const [type, data] = make(i);
      const time = Math.floor(1.7e12 + random() * 1e11);
      const event = session([[type, data, { time }]], i)[0] as ReducerEvent;
      fold ??= Fold.begin(transcript, event);
      fold.apply(event);
      if (i % 20_000 === 0 || i === 199_999) {
        largest = Math.max(largest, fold.boundary().bytes.length);
      }
    }
    const state = fold?.state as TranscriptState;
    expectFull(state);
    expect(largest).toBeLessThan(stateBytesMax);
    expect(renderTranscript(state).split("\n").length).toBeLessThan(80);
  }, 60_000);

  it("has a bound of its own, whatever a lens says", () => {
    const state = emptyState();
    for (let i = 0; i < 20_000; i++) {
      const event = session([["x", null, { time: 1 + ((i * 7_777_777) % 1e12) }]], i)[0];
      const ledger = new Ledger(state, event as ReducerEvent);
      const usage = { input: 2 ** 52, output: i, cacheRead: 2 ** 52, cacheWrite: i, cost: i / 3 };
      advance(state.clock, i, event?.time ?? 0, i % 2 === 0);
      tally(state.types, clip(long("type", i), bounds.nameBytesMax), bounds.typesMax);
      ledger.session(long("session", i));
      ledger.title(long("title", i));
      ledger.message(long("role", i), long("text", i));
      ledger.message("user", long("text", i));
      ledger.usage(long("reply", i), usage, long("model", i));
      ledger.total(long("total", i), usage);
      ledger.call(long("call", i), long("tool", i), { path: "x" });
      const outcome = { failed: true, text: long("no", i), ms: i + 1 };
      if (i % 3 === 0) ledger.result(long("call", i), outcome);
      ledger.file(long("file", i).split("").reverse().join(""), "edit");
      ledger.error(long("error", i));
    }
    expectFull(state);
    expect(state.calls.open).toHaveLength(128);
    expect(state.messages.roles).toHaveLength(16);
    expect(state.tokens.totals).toHaveLength(16);
    const { length } = encodeValue(state, "refuse");
    expect(length).toBeLessThan(stateBytesMax);
    // Near enough to it that a list without a bound would show.
    expect(length).toBeGreaterThan(stateBytesMax / 2);
  });
});

/** Three bytes for each character, longer than anything that is kept, each a new one. */
function long(prefix: string, i: number): string {
  return `${prefix} ${i} ${"語".repeat(400)}`;
}

/** Records of which every one brings names that were not there before. */
const greedy: ((i: number) => Line)[] = [
  (i) => [long("type", i), said(long("text", i))],
  (i) => [long("reach.unparsed", i), untouched],
  (i) => ["user/tool_result", said([toolResult(long("t", i - 4), long("no", i), true)])],
  (i) => ["user/text", said(long("text", i), { sessionId: long("s", i) })],
  (i) => {
    const input = { file_path: `${"語".repeat(400)}/${i}` };
    const tool = i % 2 === 0 ? long("tool", i) : "Edit";
    const block = toolUse(long("t", i), tool, input);
    return ["assistant/tool_use", reply(long("m", i), block, { input_tokens: i })];
  },
  (i) => {
    const usage = { input_tokens: 2 ** 52, output_tokens: 1e15, cost: 1e11 };
    const message = { id: long("m", i), model: long("model", i), content: long("text", i), usage };
    return ["assistant/text", { type: "assistant", message, isApiErrorMessage: i % 2 === 0 }];
  },
];

function randomNumbers(): () => number {
  let seed = 7;
  return () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed / 2 ** 32;
  };
}

/** Every list is full, or the test would prove nothing. */
function expectFull(state: TranscriptState): void {
  expect(state.files.entries).toHaveLength(512);
  expect(state.files.dropped).toBeGreaterThan(1000);
  expect(state.calls.open.length).toBeGreaterThan(100);
  expect(state.calls.openDropped).toBeGreaterThan(1000);
  expect(state.calls.slowest).toHaveLength(10);
  expect(state.calls.tools).toHaveLength(64);
  expect(state.types.entries).toHaveLength(128);
  expect(state.models.entries).toHaveLength(16);
  expect(state.sessions.recent).toHaveLength(16);
  expect(state.tokens.recent).toHaveLength(32);
  expect(state.clock.idle.longest).toHaveLength(10);
  expect(state.errors.last).toHaveLength(10);
  expect(state.messages.last).toHaveLength(10);
}

describe("a tally", () => {
  it("loses nothing of its sum, and keeps what is frequent", () => {
    const names = fc.array(fc.nat(40), { maxLength: 300 });
    fc.assert(
      fc.property(names, (sequence) => {
        const counts = emptyTally();
        for (const name of sequence) tally(counts, name < 30 ? "often" : `rare ${name}`, 4);
        const kept = counts.entries.reduce((sum, entry) => sum + entry.count, 0);
        expect(kept + counts.others.count).toBe(sequence.length);
        expect(counts.entries.length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe("a text that is kept", () => {
  it("takes no more bytes than it may, is well-formed, and is the beginning or the end", () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 8, max: 60 }), (text, bytesMax) => {
        const head = clip(text, bytesMax);
        const tail = clipStart(text, bytesMax);
        for (const kept of [head, tail]) {
          expect(kept.isWellFormed()).toBe(true);
          expect(utf8(kept).length).toBeLessThanOrEqual(bytesMax);
        }
        const whole = text.toWellFormed();
        if (utf8(whole).length <= bytesMax) {
          expect([head, tail]).toEqual([whole, whole]);
        } else {
          expect(head.at(-1)).toBe("…");
          expect(whole.startsWith(head.slice(0, -1))).toBe(true);
          expect(tail.at(0)).toBe("…");
          expect(whole.endsWith(tail.slice(1))).toBe(true);
        }
      }),
    );
  });

  it("is measured as UTF-8 encodes it", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(utf8Bytes(text)).toBe(utf8(text).length);
      }),
    );
  });
});
