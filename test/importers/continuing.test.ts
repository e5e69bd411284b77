// An import that goes on from an earlier one comes to the events that importing the whole at once
// comes to: kinds, types, times, and what answers what.

import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { formats } from "../../src/importers/detect.ts";
import { importSource, type Source } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { fixture } from "./memory-sink.ts";

const root = "/data/main";
let directory: Directory;

beforeAll(async () => {
  const disk = new SimDisk(new Random("continuing"), { syncTurnsMax: 1 });
  disk.createFolder("/data");
  await disk.syncFolder("/");
  const processes = simulatedProcesses(1);
  directory = await Directory.open({ path: root, mode: "write", disk, processes });
});

const jsonLines = (...records: readonly unknown[]): Buffer =>
  Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(""));

const line = { sessionId: "s", timestamp: "2025-01-01T00:00:00Z" };
const use = (...ids: string[]) => ids.map((id) => ({ type: "tool_use", id, name: "Bash" }));
const assistant = (uuid: string, content: unknown) => ({
  ...{ ...line, uuid, type: "assistant" },
  message: { role: "assistant", content },
});
const answer = (uuid: string, id: string) => ({
  ...{ ...line, uuid, type: "user" },
  message: { role: "user", content: [{ type: "tool_result", tool_use_id: id }] },
});
/** A call of two tools in one line; a result that comes twice. */
const twoTools = jsonLines(
  assistant("1", use("a", "b")),
  assistant("2", [{ type: "text", text: "…" }]),
  answer("3", "a"),
  assistant("4", use("c")),
  answer("5", "c"),
  answer("6", "b"),
  answer("7", "c"),
);

const action = (id: number, source: string, word: string) => ({
  ...{ id, source, timestamp: "2025-01-01T00:00:00", action: word },
});
const observed = (id: number, cause: number) => ({
  ...{ id, source: "agent", timestamp: "2025-01-01T00:00:01", observation: "run", cause },
});
/** Actions of the agent, of the user and of the environment, each with what it led to. */
const actionsOfAll = jsonLines(
  action(0, "user", "message"),
  action(1, "environment", "change_agent_state"),
  action(2, "agent", "run"),
  observed(3, 0),
  observed(4, 1),
  observed(5, 2),
);

/** Times of microseconds that add up, comments, and lines that are no events. */
const recording = Buffer.from(
  [
    '{"version": 3, "term": {"cols": 80, "rows": 24}, "timestamp": 1700000000.25}',
    `# ${"-".repeat(80)}`,
    ...Array.from({ length: 4 }, (_, i) => `[0.12${i}456, "o", "x"]`),
    "# a comment",
    "not json",
    '[0.0004, "o", "y"]',
    "# the last comment",
    '[0.0004, "o", "z"]',
    '[1.5, "i", "q"] ',
    "",
    '[0.5, "o", "w"]',
    "",
  ].join("\n"),
);

const samples: readonly (readonly [name: string, format: string, source: Buffer])[] = [
  ["claude-code.jsonl", "claude-code", fixture("claude-code.jsonl")],
  ["codex.jsonl", "codex", fixture("codex.jsonl")],
  ["codex-legacy.jsonl", "codex", fixture("codex-legacy.jsonl")],
  ["openhands-v1.jsonl", "openhands", fixture("openhands-v1.jsonl")],
  ["recording-v2.cast", "asciicast", fixture("recording-v2.cast")],
  ["recording-v3.cast", "asciicast", fixture("recording-v3.cast")],
  ["log.ndjson", "ndjson", fixture("log.ndjson")],
  ["two tools in one line", "claude-code", twoTools],
  ["actions of everybody", "openhands", actionsOfAll],
  ["a recording with comments", "asciicast", recording],
];

function sourceOf(bytes: Buffer): Source {
  async function* open(offset: number): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(offset);
  }
  return { name: "source", size: bytes.length, reopenable: true, open };
}

/** Where the lines of a source end, as far as it is known again by how it begins. */
function lineEnds(source: Buffer): number[] {
  const ends: number[] = [];
  for (let end = 0; ; ends.push(end)) {
    end = source.indexOf("\n", end) + 1;
    if (end === 0 || end === source.length) return ends.filter((one) => one >= 128);
  }
}

/** The records of a session, which refer to each other by their place among the records. */
function recordsOf(id: SessionId): unknown[] {
  const reader = directory.session(id);
  const places = new Map<number, number>();
  const records: unknown[] = [];
  try {
    for (const event of reader.events()) {
      if (event.kind === "note") continue;
      places.set(event.seq, records.length);
      const { kind, type, time, ref } = event;
      const answers = ref === null ? null : places.get(ref);
      records.push({
        kind,
        type,
        time,
        answers,
        bytes: Buffer.from(event.payloadBytes).toString(),
      });
    }
  } finally {
    reader.close();
  }
  return records;
}

async function imported(format: string, bytes: Buffer, id?: SessionId): Promise<SessionId> {
  const more = id === undefined ? { fresh: true } : { id };
  const report = await importSource(directory, { source: sourceOf(bytes), format, ...more });
  return report.id;
}

it("every format that can be continued has a sample", () => {
  const continued = formats.filter(({ appendOnly }) => appendOnly).map(({ name }) => name);
  expect([...new Set(samples.map(([, format]) => format))].sort()).toEqual(continued.sort());
});

describe.each(samples)("%s", (_name, format, source) => {
  it("is the same whichever line the earlier import ended with", async () => {
    const whole = recordsOf(await imported(format, source));
    for (const end of lineEnds(source)) {
      const id = await imported(format, source.subarray(0, end));
      await imported(format, source, id);
      expect({ end, records: recordsOf(id) }).toEqual({ end, records: whole });
    }
  });

  it("is the same line by line", async () => {
    const whole = recordsOf(await imported(format, source));
    let id: SessionId | undefined;
    for (const end of [...lineEnds(source), source.length]) {
      id = await imported(format, source.subarray(0, end), id);
    }
    expect(recordsOf(id as SessionId)).toEqual(whole);
  });
});

it("a line that comes again does not count twice", async () => {
  const cut = recording.indexOf('[1.5, "i", "q"] ') + '[1.5, "i", "q"] '.length;
  const whole = recordsOf(await imported("asciicast", recording));
  const id = await imported("asciicast", recording.subarray(0, cut));
  await imported("asciicast", recording.subarray(0, cut + 1), id);
  await imported("asciicast", recording, id);
  const records = recordsOf(id);
  expect(records.length).toBe(whole.length + 1);
  expect(records.at(-1)).toEqual(whole.at(-1));
});
