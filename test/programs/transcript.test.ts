// What `transcript` makes of sessions: every format is told by its records, and each part of the
// state says what happened, once.

import { describe, expect, it } from "vitest";
import { builtIn, builtInPrograms, type TranscriptState } from "../../src/programs/index.ts";
import { Fold, type Program } from "../../src/replay/index.ts";
import * as hand from "./sessions.ts";
import { at, type Line, reply, said, session, toolResult, toolUse } from "./sessions.ts";

const transcript: Program = builtInPrograms[0];

function stateOf(lines: readonly Line[]): TranscriptState {
  const events = session(lines);
  const fold = Fold.begin(transcript, events[0] as (typeof events)[0]);
  for (const event of events) fold.apply(event);
  return fold.state as TranscriptState;
}

const messagesOf = (state: TranscriptState): string[] => {
  return state.messages.roles.map((role) => `${role.name} ${role.count} (${role.bytes})`);
};
const filesOf = (state: TranscriptState): string[] => {
  return state.files.entries.map((file) => {
    return `${file.path} ${file.reads}/${file.writes}/${file.edits} ${file.last}`;
  });
};
const errorsOf = (state: TranscriptState): string[] => {
  return state.errors.last.map((error) => `${error.seq} ${error.text}`);
};
const usedBy = ({ tokens }: TranscriptState): object => {
  const { replies, input, output, cacheRead, cacheWrite, cost } = tokens;
  return { replies, input, output, cacheRead, cacheWrite, cost };
};
const tool = (state: TranscriptState, name: string): object | undefined => {
  return state.calls.tools.find((use) => use.name === name);
};

describe("the built-in programs", () => {
  it("are found by name", () => {
    expect(builtInPrograms.map((program) => program.name)).toEqual(["transcript"]);
    expect(builtIn("transcript")).toBe(builtInPrograms[0]);
    expect(builtIn("constructor")).toBeUndefined();
  });
});

describe("the format", () => {
  it.each(Object.entries(hand.sessions))("of %s is seen in its records", (name, lines) => {
    const state = stateOf(lines);
    // Too few records to give up looking for a known format.
    expect(state.format).toBe(name === "records" ? null : name.split(",")[0]);
  });

  it("of anything else is `records` once enough of them fitted nothing", () => {
    const lines = Array.from({ length: 40 }, (_, i): Line => ["log", { line: i }]);
    expect(stateOf(lines.slice(0, 5)).format).toBeNull();
    expect(stateOf(lines).format).toBe("records");
    expect(stateOf([...lines, ...hand.claudeCode.slice(4, 8)]).format).toBe("records");
  });

  it("does not follow the types alone", () => {
    expect(stateOf([["assistant/text", { text: "hi" }]]).format).toBeNull();
    expect(stateOf([["step", { at: 1 }]]).format).toBeNull();
    expect(stateOf([["header", { version: 1 }]]).format).toBeNull();
  });
});

describe("a Claude Code session", () => {
  const state = stateOf(hand.claudeCode);

  it("has the title of its summary and the first thing a person typed", () => {
    expect(state.title).toBe("Fix the flaky test");
    expect(state.prompt).toEqual({ seq: 4, text: "Why does the test fail now and then?" });
  });

  it("counts what was said by role, in bytes, thinking and what tools added apart", () => {
    expect(messagesOf(state)).toEqual([
      "context 1 (41)",
      "user 3 (84)",
      "thinking 1 (12)",
      "assistant 1 (12)",
    ]);
    expect(state.messages.last.map(({ seq, role }) => [seq, role])).toEqual([
      [3, "user"],
      [4, "user"],
      [6, "assistant"],
      [13, "user"],
    ]);
  });

  it("counts the usage of a reply once, and the largest of its lines", () => {
    expect(usedBy(state)).toEqual({
      replies: 3,
      input: 30,
      output: 90 + 40 + 7,
      cacheRead: 90_000,
      cacheWrite: 6000,
      cost: null,
    });
    expect(state.models.entries).toEqual([{ name: "claude-opus-4-5", count: 3 }]);
  });

  it("pairs calls with their results, measures them and keeps what is open", () => {
    expect(state.calls.total).toEqual({
      calls: 4,
      finished: 3,
      failed: 1,
      timed: 3,
      ms: 2500 + 128_000 + 128_000,
      longestMs: 128_000,
    });
    expect(state.calls.open).toEqual([{ id: "t4", tool: "Write", seq: 17, time: at(139) }]);
    expect(tool(state, "Edit")).toMatchObject({ calls: 1, finished: 1, failed: 1 });
    expect(state.calls.histogram[12]).toBe(1);
    expect(state.calls.histogram[17]).toBe(2);
    expect(state.calls.slowest.map(({ seq, ms }) => [seq, ms])).toEqual([
      [10, 128_000],
      [11, 128_000],
      [7, 2500],
    ]);
  });

  it("lists files by what was done to them", () => {
    expect(filesOf(state)).toEqual(["/repo/src/clock.ts 1/0/1 10", "/repo/NOTES.md 0/1/0 17"]);
  });

  it("keeps errors of tools and of the API, and records that could not be parsed", () => {
    expect(state.errors.count).toBe(2);
    expect(errorsOf(state)).toEqual([
      "13 Edit: String to replace not found",
      "15 API error 529 Overloaded",
    ]);
    expect(state.unparsed).toEqual({ count: 1, last: [16] });
  });

  it("knows its time: from, to, pauses, and that it went back", () => {
    const { first, last, idle, backward } = state.clock;
    expect([first, last]).toEqual([at(0), at(142)]);
    expect(idle).toEqual({ count: 1, ms: 127_000, longest: [{ seq: 13, ms: 127_000 }] });
    expect(backward).toEqual({ count: 1, longestMs: 3000 });
  });

  it("counts events by type", () => {
    expect(state.events).toBe(18);
    expect(state.types.entries).toContainEqual({ name: "assistant/tool_use", count: 4 });
    expect(state.types.entries.reduce((sum, { count }) => sum + count, 0)).toBe(18);
  });
});

describe("usage", () => {
  const line = (id: string, output: number): Line => {
    const usage = { input_tokens: 1, cache_read_input_tokens: 0, output_tokens: output };
    return ["assistant/text", reply(id, { type: "text", text: "x" }, usage)];
  };

  it("is counted once though other lines stand between those of a reply", () => {
    const state = stateOf([line("a", 5), line("b", 7), line("a", 5), line("a", 9), line("b", 7)]);
    expect(usedBy(state)).toMatchObject({ replies: 2, input: 2, output: 16 });
  });

  it("is counted once for a reply that goes on while a hundred others come and go", () => {
    const lines = Array.from({ length: 100 }, (_, i) => [line(`m${i}`, 1), line("long", 5)]).flat();
    expect(usedBy(stateOf(lines))).toMatchObject({ replies: 101, output: 105 });
  });

  it("does not shrink when a later line knows less", () => {
    expect(usedBy(stateOf([line("a", 9), line("a", 4), line("a", 9)]))).toMatchObject({
      output: 9,
    });
  });

  it("of a running total is its increase; a smaller total begins anew", () => {
    const totals = [100, 100, 250, 40, 60];
    const lines = totals.map((output): Line => {
      const info = { total_token_usage: { input_tokens: 0, output_tokens: output } };
      const payload = { type: "token_count", info };
      return ["event_msg/token_count", { timestamp: "t", type: "event_msg", payload }];
    });
    expect(usedBy(stateOf(lines))).toMatchObject({ replies: 4, output: 250 + 60 });
  });

  it("that is no count is nothing", () => {
    const odd = [-5, Number.NaN, Number.POSITIVE_INFINITY, "many", null, {}, -0, 0.5];
    const state = stateOf(odd.map((output, i) => line(`m${i}`, output as number)));
    expect(usedBy(state)).toMatchObject({ replies: 8, input: 8, output: 0 });
  });

  it("has its cost where the records do", () => {
    const usage = { input_tokens: 1, output_tokens: 1 };
    const block = { type: "text", text: "x" };
    const costs = [0.25, 0.5].map((costUSD, i): Line => {
      return ["assistant/text", reply(`m${i}`, block, usage, { costUSD })];
    });
    expect(usedBy(stateOf(costs))).toMatchObject({ cost: 0.75 });
  });
});

describe("a concatenated log", () => {
  const of = (sessionId: string): object => ({ sessionId });
  const lines: Line[] = [
    ["user/text", said("one", of("a")), { time: at(0) }],
    ["user/text", said("two", of("a")), { time: at(100) }],
    // The next session begins with a record that does not name it.
    ["file-history-snapshot", {}, { time: at(9000) }],
    ["user/text", said("three", of("b")), { time: at(9001) }],
    ["user/text", said("four", of("b")), { time: at(9100) }],
    ["user/text", said("five", of("c")), { time: at(50) }],
    ["user/text", said("six", of("c")), { time: at(51) }],
    ["user/text", said("six and a half", of("c")), { time: at(151) }],
    ["user/text", said("seven", of("a")), { time: at(152) }],
  ];

  it("counts its sessions, also when one comes back", () => {
    const { sessions } = stateOf(lines);
    expect(sessions).toEqual({ count: 3, recent: [{ id: "b" }, { id: "c" }, { id: "a" }] });
  });

  it("does not take the time between two sessions for a pause, nor for time that goes back", () => {
    const { idle, between, backward } = stateOf(lines).clock;
    expect(idle.longest.map(({ seq, ms }) => [seq, ms])).toEqual([
      [1, 100_000],
      [7, 100_000],
      [4, 99_000],
    ]);
    expect(between).toEqual({ count: 1, ms: 8_900_000 });
    expect(backward.count).toBe(0);
  });
});

describe("time", () => {
  it("that jumps to and fro makes no pauses", () => {
    const seconds = [0, 10, 4000, 20, 4010, 30, 4020, 4200];
    const lines = seconds.map((second): Line => ["log", {}, { time: at(second) }]);
    const { idle, backward } = stateOf(lines).clock;
    expect(idle.longest.map(({ ms }) => ms)).toEqual([3_990_000, 180_000]);
    expect(backward).toEqual({ count: 2, longestMs: 3_980_000 });
  });

  it("is unknown where no record has one, and so are durations", () => {
    const state = stateOf(hand.miniSweAgent);
    expect(state.clock).toMatchObject({ first: null, last: null });
    expect(state.calls.total).toMatchObject({ finished: 1, timed: 0, ms: 0 });
  });
});

describe("calls", () => {
  const made = (id: string, name = "Bash"): Line => {
    return ["assistant/tool_use", reply(`m ${id}`, toolUse(id, name, {}), {})];
  };
  const answered = (id: string): Line => ["user/tool_result", said([toolResult(id, "ok")])];

  it("that are answered by nothing and results without a call are told apart", () => {
    const { calls } = stateOf([made("a"), answered("b"), made("c"), answered("a")]);
    expect(calls.unmatched).toBe(1);
    expect(calls.open.map(({ id }) => id)).toEqual(["c"]);
  });

  it("add up: made = finished + open + given up, also when ids are used again", () => {
    const lines = Array.from({ length: 300 }, (_, i) => made(`t${i % 170}`));
    const { calls } = stateOf([...lines.slice(0, 10), ...lines, answered("t129"), answered("t0")]);
    const { calls: count, finished } = calls.total;
    expect([count, finished]).toEqual([310, 1]);
    expect(finished + calls.open.length + calls.openDropped).toBe(310);
  });

  it("of more tools than are kept stay in the sums, the frequent tools each", () => {
    const often = Array.from({ length: 20 }, (_, i) => made(`often ${i}`, "Bash"));
    const rare = Array.from({ length: 200 }, (_, i) => made(`rare ${i}`, `tool ${i}`));
    const ends = Array.from({ length: 100 }, (_, i) => answered(`rare ${100 + i}`));
    const { calls } = stateOf([...often, ...rare, ...ends]);
    const kept = calls.tools.reduce((sum, use) => sum + use.calls, 0);
    expect(kept + calls.otherTools.calls).toBe(220);
    const finished = calls.tools.reduce((sum, use) => sum + use.finished, 0);
    expect(finished + calls.otherTools.finished).toBe(100);
    expect(calls.otherTools.finished).toBeGreaterThan(0);
    expect(calls.tools.length + calls.otherTools.names).toBe(201);
    expect(calls.tools[0]).toMatchObject({ name: "Bash", calls: 20 });
  });
});

describe("names that mean something to the language", () => {
  it("are names like any other", () => {
    const names = ["__proto__", "constructor", "toString", "1", "0", "hasOwnProperty"];
    const lines = names.flatMap((name): Line[] => [
      [name, said(name)],
      ["assistant/tool_use", reply(name, toolUse(name, name, { file_path: name }), {})],
      ["assistant/tool_use", reply(name, toolUse(name, "Read", { file_path: name }), {})],
    ]);
    const state = stateOf(lines);
    expect(state.calls.tools.map((use) => use.name)).toEqual([
      "__proto__",
      "Read",
      ...names.slice(1),
    ]);
    expect(state.files.entries.map((file) => file.path)).toEqual(names);
    expect(state.types.entries.map((type) => type.name)).toEqual([
      "__proto__",
      "assistant/tool_use",
      ...names.slice(1),
    ]);
  });
});
