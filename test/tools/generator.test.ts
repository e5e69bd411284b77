// The generator: the same seed is the same transcript everywhere, and it looks like the transcripts
// of agents, odd text and odd numbers included.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue } from "../../src/base/index.ts";
import { parseRequest } from "../../tools/generate.ts";
import {
  agentEvents,
  claudeCodeLines,
  conversationBytes,
  eventText,
  type GeneratedEvent,
  resentConversation,
  type SessionPlan,
  type TranscriptFormat,
  transcriptChunks,
  transcriptFormats,
} from "../../tools/generator/index.ts";
import { Random } from "../../tools/generator/random.ts";
import { firstDifference } from "../base/exact.ts";

const plan: SessionPlan = { events: 1000, seed: 42 };
const many: SessionPlan = { events: 20_000, seed: 7 };

function textOf(format: TranscriptFormat, of: SessionPlan): string {
  return [...transcriptChunks(format, of)].join("");
}

function hashOf(format: TranscriptFormat, of: SessionPlan): string {
  return createHash("sha256").update(textOf(format, of)).digest("hex");
}

/** The event with the JSON text it is written as. */
function* written(of: SessionPlan): Generator<[event: GeneratedEvent, text: string]> {
  let position = 0;
  for (const event of agentEvents(of)) yield [event, eventText(event, position++)];
}

describe("the same seed is the same transcript", () => {
  it.each<[TranscriptFormat, string]>([
    ["ndjson", "64f7c5828c9dc7d030effa9a3502588f2f7d4360e6c70f5aedcf1b8cb1841caa"],
    ["array", "de7197ea6a02777c152bc8a32d15369bb3e34a54974a30d6bb50f16f7e129c0d"],
    ["claude-code", "e52fe8dba938d87961a23104a97487b7e9dbc9dd473991c8220b4cd8436d60a3"],
  ])("as %s: these bytes, on every machine and every version of Node", (format, hash) => {
    expect(hashOf(format, plan)).toBe(hash);
    expect(hashOf(format, plan)).toBe(hash);
  });

  it("and another seed is another one, in every form", () => {
    const seeds = [0, 1, 2, 42, 43, 2 ** 32, 2 ** 32 + 42, Number.MAX_SAFE_INTEGER];
    for (const format of transcriptFormats) {
      const hashes = seeds.map((seed) => hashOf(format, { events: 50, seed }));
      expect(new Set(hashes).size).toBe(seeds.length);
    }
  });

  it("and a shorter one is the beginning of a longer one", () => {
    for (const format of ["ndjson", "claude-code"] as const) {
      const long = textOf(format, plan);
      for (const events of [0, 1, 2, 7, 999]) {
        const short = textOf(format, { ...plan, events });
        expect(short.split("\n")).toHaveLength(events + 1);
        expect(long.startsWith(short)).toBe(true);
      }
    }
  });
});

describe("a generated session of an agent", () => {
  it("has the sizes and the mixture of real ones", () => {
    const sizes: number[] = [];
    const types = new Map<string, number>();
    for (const [event, text] of written(many)) {
      sizes.push(Buffer.byteLength(text));
      types.set(event.type, (types.get(event.type) ?? 0) + 1);
    }
    sizes.sort((a, b) => a - b);
    const quantile = (share: number): number => sizes[Math.floor(share * sizes.length)] as number;
    expect(quantile(0.5)).toBeGreaterThan(320);
    expect(quantile(0.5)).toBeLessThan(420);
    expect(quantile(0.95)).toBeGreaterThan(1700);
    expect(quantile(0.95)).toBeLessThan(2400);
    const large = sizes.filter((size) => size > 4096).length / sizes.length;
    expect(large).toBeGreaterThan(0.008);
    expect(large).toBeLessThan(0.013);
    expect(sizes.at(-1)).toBeGreaterThan(25_000);
    expect(sizes.at(-1)).toBeLessThan(36_000);
    const wanted = {
      token_delta: 38,
      message: 15,
      tool_call: 16,
      tool_result: 16,
      state_patch: 15,
    };
    for (const [type, percent] of Object.entries(wanted)) {
      const share = (100 * (types.get(type) ?? 0)) / many.events;
      expect(Math.abs(share - percent), type).toBeLessThan(1);
    }
  });

  it("answers every call but the last ones, by the position and the id of the call", () => {
    const open = new Map<number, string>();
    let position = 0;
    let answered = 0;
    for (const { kind, ref, data, type } of agentEvents(many)) {
      if (type === "tool_call") open.set(position, data["callId"] as string);
      expect(kind === "result").toBe(type === "tool_result");
      expect(ref !== null).toBe(kind === "result");
      if (ref !== null) {
        expect(open.get(ref)).toBe(data["callId"]);
        open.delete(ref);
        answered += 1;
      }
      position += 1;
    }
    expect(answered).toBeGreaterThan(3000);
    expect(open.size).toBeLessThanOrEqual(2);
  });

  it("goes forward in time, with steps back and idle gaps", () => {
    let [last, back, idle] = [0, 0, 0];
    for (const { time } of agentEvents(many)) {
      if (time < last) back += 1;
      if (last > 0 && time - last > 30 * 60_000) idle += 1;
      expect(Number.isSafeInteger(time)).toBe(true);
      last = time;
    }
    expect(back).toBeGreaterThan(20);
    expect(back).toBeLessThan(many.events / 100);
    expect(idle).toBeGreaterThan(5);
  });

  it("holds what breaks careless programs, and its JSON means what its values are", () => {
    const met = { half: 0, float: 0, beyond: 0, ascii: 0, separator: 0, control: 0, right: 0 };
    let combining = 0;
    for (const [event, text] of written(many)) {
      const values = new Map<string, unknown>(Object.entries(event.data));
      const parsed = JSON.parse(text, (key, value: unknown) =>
        key === "revision" ? values.get(key) : value,
      ) as Record<string, unknown>;
      const { id: _id, timestamp, type, ...data } = parsed;
      expect([timestamp, type]).toEqual([new Date(event.time).toISOString(), event.type]);
      expect(firstDifference(event.data, data)).toBeUndefined();
      if (/\\ud[89ab][0-9a-f]{2}"/.test(text)) met.half += 1;
      if (/Percent": ?\d+\.0[,}]/.test(text)) met.float += 1;
      const { revision } = event.data as { readonly revision?: bigint };
      if (revision && revision > 2n ** 53n && text.includes(`${revision}`)) met.beyond += 1;
      if (text.startsWith('{"id": "') && !/[^ -~]/.test(text)) met.ascii += 1;
      if (text.includes("\u2028")) met.separator += 1;
      if (/\\u0000|\\u001b/.test(text)) met.control += 1;
      if (/[\u05d0-\u05ea\u0627-\u064a]/.test(text)) met.right += 1;
      if (/\p{M}/u.test(text)) combining += 1;
    }
    for (const [what, times] of Object.entries({ ...met, combining })) {
      expect(times, what).toBeGreaterThan(3);
    }
  });

  it("cuts an emoji between two tokens, which together are whole", () => {
    const halves = /[\ud800-\udbff]$/;
    let [cut, before] = [0, ""];
    for (const { type, data } of agentEvents(many)) {
      const delta = type === "token_delta" ? String(data["delta"]) : "";
      if (halves.test(before)) {
        expect((before + delta).isWellFormed()).toBe(true);
        cut += 1;
      }
      before = delta;
    }
    expect(cut).toBeGreaterThan(10);
  });

  it("can be appended as values, and comes back", () => {
    for (const { data } of agentEvents({ events: 2000, seed: 3 })) {
      expect(firstDifference(data, decodeValue(encodeValue(data)))).toBeUndefined();
    }
  });

  it("is the same in the forms of a file", () => {
    const lines = textOf("ndjson", plan).split("\n").slice(0, -1);
    expect(lines).toEqual([...written(plan)].map(([, text]) => text));
    expect(textOf("array", plan)).toBe(`[\n${lines.join(",\n")}\n]\n`);
    expect(JSON.parse(textOf("array", { ...plan, events: 0 }))).toEqual([]);
    for (const chunk of transcriptChunks("ndjson", plan)) expect(chunk.isWellFormed()).toBe(true);
  });
});

describe("a generated session of Claude Code", () => {
  type Line = Record<string, unknown> & { readonly message?: Record<string, unknown> };
  const lines = [...claudeCodeLines(many)].map((text) => JSON.parse(text) as Line);
  const blocks = lines.flatMap((line) => {
    const content = line.message?.["content"];
    return Array.isArray(content) ? [[line, content[0] as Record<string, unknown>] as const] : [];
  });

  it("has every kind of line, in about the shares of real ones", () => {
    const share = (type: string): number =>
      lines.filter((line) => line["type"] === type).length / lines.length;
    expect(share("assistant")).toBeGreaterThan(0.3);
    expect(share("progress")).toBeGreaterThan(0.15);
    expect(share("user")).toBeGreaterThan(0.15);
    for (const type of ["system", "file-history-snapshot"]) {
      expect(share(type), type).toBeGreaterThan(0.005);
      expect(share(type), type).toBeLessThan(0.1);
    }
    expect(lines[0]).toMatchObject({ type: "summary" });
    const subtypes = new Set(lines.map((line) => line["subtype"]));
    expect(subtypes).toEqual(new Set([undefined, "turn_duration", "compact_boundary"]));
  });

  it("hangs every line on one before it, but the first of each stretch", () => {
    const known = new Set<unknown>([null]);
    for (const line of lines) {
      if (line["uuid"] === undefined) continue;
      expect(known.has(line["parentUuid"])).toBe(true);
      expect(known.has(line["uuid"])).toBe(false);
      if (line["subtype"] === "compact_boundary") {
        expect(line["parentUuid"]).toBeNull();
        expect(known.has(line["logicalParentUuid"])).toBe(true);
      }
      known.add(line["uuid"]);
    }
  });

  it("repeats id and usage on all lines of a message, one block each", () => {
    const usages = new Map<unknown, unknown>();
    let repeated = 0;
    for (const [line] of blocks.filter(([line]) => line["type"] === "assistant")) {
      const { id, usage, content } = line.message ?? {};
      expect(content).toHaveLength(1);
      if (usages.has(id)) {
        expect(usage).toEqual(usages.get(id));
        repeated += 1;
      }
      usages.set(id, usage);
    }
    expect(repeated).toBeGreaterThan(usages.size / 4);
  });

  it("answers every tool, and names the line that called it", () => {
    const open = new Map<unknown, unknown>();
    let answered = 0;
    for (const [line, block] of blocks) {
      if (block["type"] === "tool_use") open.set(block["id"], line["uuid"]);
      if (block["type"] !== "tool_result") continue;
      expect(open.get(block["tool_use_id"])).toBe(line["sourceToolAssistantUUID"]);
      open.delete(block["tool_use_id"]);
      answered += 1;
    }
    expect(answered).toBeGreaterThan(2000);
    expect(open.size).toBeLessThanOrEqual(2);
  });
});

describe("a conversation that is sent again with every call", () => {
  it("has 200,000 tokens at the end of 100 calls", () => {
    const events = [...resentConversation({ seed: 1 })];
    const bytes = conversationBytes({ seed: 1 });
    expect(events.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? "call" : "result")),
    );
    expect(Math.abs(bytes / 4 / 200_000 - 1)).toBeLessThan(0.1);
    const sent = events.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
    expect(sent / bytes).toBeGreaterThan(45);
  });

  it("grows by what was said, and by nothing else", () => {
    let before: unknown[] = [];
    let position = 0;
    for (const { kind, ref, data } of resentConversation({ seed: 2, calls: 10 })) {
      if (kind === "call") {
        const messages = data["messages"] as unknown[];
        expect(messages.slice(0, before.length)).toEqual(before);
        expect(messages.length).toBe(Math.max(1, before.length + 1));
        before = messages;
      } else {
        expect(ref).toBe(position - 1);
        before = [...before, data["message"]];
      }
      position += 1;
    }
    expect(before).toHaveLength(20);
  });

  it("can be made of any size", () => {
    const bytes = conversationBytes({ seed: 3, calls: 20, tokensAtEnd: 10_000 });
    expect(Math.abs(bytes / 40_000 - 1)).toBeLessThan(0.2);
  });
});

describe("the command", () => {
  it("reads its arguments", () => {
    expect(parseRequest([])).toEqual({ format: "ndjson", events: 1000, seed: 42 });
    const args = ["--events", "5", "--seed=7", "--format", "claude-code"];
    expect(parseRequest(args)).toEqual({ format: "claude-code", events: 5, seed: 7 });
  });

  it.each([
    [["--events", "-1"]],
    [["--events", "1e3"]],
    [["--events", ""]],
    [["--seed", "0.5"]],
    [["--seed", "99999999999999999999"]],
    [["--format", "xml"]],
    [["--colour"]],
    [["--help"]],
    [["stray"]],
  ])("says what is wrong with %j", (args) => {
    expect(typeof parseRequest(args)).toBe("string");
  });
});

describe("its random numbers", () => {
  it("stay within their bounds and reach them", () => {
    const random = new Random(1, "test");
    const counts = new Map<number, number>();
    for (let i = 0; i < 60_000; i++) {
      const number = random.between(3, 8);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([3, 4, 5, 6, 7, 8]);
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it("make ids of the right shape", () => {
    const random = new Random(2, "test");
    for (let i = 0; i < 100; i++) {
      expect(random.uuid()).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(random.token(22)).toMatch(/^\w{22}$/);
    }
  });
});
