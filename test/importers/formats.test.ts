// What each format makes of its records: type, kind, time, and which call a result answers. One
// small sample per format, written for this purpose, read to the last member.

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { detectFormat, formatNamed } from "../../src/importers/detect.ts";
import type { Format } from "../../src/importers/importer.ts";
import { fixture, MemorySink, read, summary } from "./memory-sink.ts";

function named(name: string): Format {
  const format = formatNamed(name);
  if (!format) throw new Error(`no format ${name}`);
  return format;
}

/** Reads a sample with the format that it is detected as, which must be the one expected. */
function sample(name: string, format: string): MemorySink {
  const source = fixture(name);
  expect(detectFormat(source, name)?.name).toBe(format);
  const sink = read(named(format), source);
  expect(sink.source.equals(source)).toBe(true);
  return sink;
}

describe("Claude Code", () => {
  it("tells lines apart by what they hold, and links results to the calls they name", () => {
    const sink = sample("claude-code.jsonl", "claude-code");
    expect(summary(sink)).toEqual([
      "0 emit summary",
      "1 emit file-history-snapshot @ 2026-03-01T10:00:00.000Z",
      "2 input user/text @ 2026-03-01T10:00:01.250Z",
      "3 emit assistant/thinking @ 2026-03-01T10:00:02.000Z",
      "4 call assistant/tool_use @ 2026-03-01T10:00:03.000Z",
      "5 emit progress/bash_progress @ 2026-03-01T10:00:05.000Z",
      "6 result user/tool_result < 4 @ 2026-03-01T10:00:04.000Z",
      "7 call assistant/text @ 2026-03-01T10:00:06.000Z",
      "8 result user/tool_result < 7 @ 2026-03-01T10:00:07.000Z",
      "9 result user/tool_result @ 2026-03-01T10:00:08.000Z",
      "10 input user/text @ 2026-03-01T10:00:09.000Z",
      "11 emit system/compact_boundary @ 2026-03-01T10:00:10.000Z",
      "12 emit queue-operation/enqueue @ 2026-03-01T10:00:11.000Z",
      "13 emit attachment/skill_listing @ 2026-03-01T10:00:12.000Z",
      "14 emit pr-link @ 2026-03-01T10:00:13.000Z",
    ]);
    expect(sink.problems).toEqual([]);
    expect(sink.texts[4]).toContain('"timeout":52.0');
  });

  it("reads a message whose content is odd without losing it", () => {
    const lines = [
      '{"type":"user"}',
      '{"type":"assistant","message":{"content":[]}}',
      '{"type":"user","message":{"content":[null,7,{"type":"image"}]}}',
      '{"type":"user","message":{"content":[{"type":"image"},{"type":"text"}]}}',
      '{"type":9}',
      "[]",
      "null",
    ];
    expect(summary(read(named("claude-code"), lines.join("\n")))).toEqual([
      "0 emit user",
      "1 emit assistant",
      "2 emit user",
      "3 input user/image",
      "4 emit record",
      "5 emit record",
      "6 emit record",
    ]);
  });
});

describe("Codex", () => {
  it("reads enveloped lines", () => {
    const sink = sample("codex.jsonl", "codex");
    expect(summary(sink)).toEqual([
      "0 emit session_meta @ 2026-02-03T08:00:00.000Z",
      "1 emit turn_context @ 2026-02-03T08:00:00.100Z",
      "2 input response_item/message @ 2026-02-03T08:00:01.000Z",
      "3 input event_msg/user_message @ 2026-02-03T08:00:01.001Z",
      "4 emit response_item/reasoning @ 2026-02-03T08:00:02.000Z",
      "5 call response_item/function_call @ 2026-02-03T08:00:03.000Z",
      "6 emit event_msg/token_count @ 2026-02-03T08:00:02.500Z",
      "7 result response_item/function_call_output < 5 @ 2026-02-03T08:00:04.000Z",
      "8 call response_item/custom_tool_call @ 2026-02-03T08:00:05.000Z",
      "9 result response_item/custom_tool_call_output < 8 @ 2026-02-03T08:00:06.000Z",
      "10 emit response_item/message @ 2026-02-03T08:00:07.000Z",
    ]);
    expect(sink.problems).toEqual([]);
  });

  it("reads bare lines of older versions, also with CRLF", () => {
    const expected = [
      "0 emit session_meta @ 2025-09-01T12:00:00.000Z",
      "1 emit state",
      "2 input response_item/message",
      "3 emit state",
      "4 emit response_item/reasoning",
      "5 call response_item/function_call",
      "6 result response_item/function_call_output < 5",
      "7 emit response_item/message",
    ];
    expect(summary(sample("codex-legacy.jsonl", "codex"))).toEqual(expected);
    const windows = fixture("codex-legacy.jsonl").toString().replaceAll("\n", "\r\n");
    const sink = read(named("codex"), windows);
    expect(summary(sink)).toEqual(expected);
    expect(sink.source.toString()).toBe(windows);
    expect(sink.gaps.slice(1).every((gap) => gap.toString() === "\r\n")).toBe(true);
  });
});

describe("SWE-agent", () => {
  it("makes records of steps, of the history and of every other member", () => {
    const sink = sample("swe-agent.traj", "swe-agent");
    expect(summary(sink)).toEqual([
      "0 emit environment",
      "1 emit step",
      "2 emit step",
      "3 emit history/system",
      "4 input history/user",
      "5 emit history/assistant",
      "6 emit history/tool",
      "7 emit info",
      "8 emit replay_config",
    ]);
    expect(sink.texts[0]).toBe('"swe_main"');
    expect(sink.texts[7]).toContain('"instance_cost": 0.5300');
    expect(sink.problems).toEqual([]);
  });

  it("reads the bare messages of mini-swe-agent", () => {
    expect(summary(sample("mini-swe-agent.json", "swe-agent"))).toEqual([
      "0 emit message/system",
      "1 input message/user",
      "2 emit message/assistant",
    ]);
  });

  it("reads the newer files of mini-swe-agent, whose messages lie under a key", () => {
    const source = JSON.stringify({
      info: { exit_status: "Submitted" },
      trajectory_format: "mini-swe-agent-1",
      messages: [
        { role: "user", content: "Fix it." },
        { role: "assistant", content: "Yes." },
      ],
    });
    expect(detectFormat(Buffer.from(source), "x.json")?.name).toBe("swe-agent");
    expect(summary(read(named("swe-agent"), source))).toEqual([
      "0 emit info",
      "1 emit trajectory_format",
      "2 input message/user",
      "3 emit message/assistant",
    ]);
  });
});

describe("OpenHands", () => {
  it("reads the event stream of V0, whose times have no zone", () => {
    expect(summary(sample("openhands-v0.json", "openhands"))).toEqual([
      "0 input action:message @ 2025-01-20T20:29:13.519Z",
      "1 call action:run @ 2025-01-20T20:29:14.000Z",
      "2 result observation:run < 1 @ 2025-01-20T20:29:15.250Z",
      "3 emit observation:agent_state_changed @ 2025-01-20T20:29:16.000Z",
    ]);
  });

  it("reads the export of agent-as-a-judge", () => {
    expect(summary(sample("openhands-judge.json", "openhands"))).toEqual([
      "0 emit step",
      "1 emit step",
    ]);
  });

  const v1 = [
    "0 emit SystemPromptEvent @ 2026-01-28T12:46:49.123Z",
    "1 input MessageEvent @ 2026-01-28T12:46:49.131Z",
    "2 call ActionEvent @ 2026-01-28T12:46:55.632Z",
    "3 result ObservationEvent < 2 @ 2026-01-28T12:46:55.645Z",
    "4 result AgentErrorEvent < 2 @ 2026-01-28T12:46:58.000Z",
    "5 emit MessageEvent @ 2026-01-28T12:47:02.632Z",
    "6 emit ConversationStateUpdateEvent @ 2026-01-28T12:47:03.000Z",
  ];

  it("reads events of V1, one per line", () => {
    expect(summary(sample("openhands-v1.jsonl", "openhands"))).toEqual(v1);
  });

  it("reads events of V1, one per file, with nothing between them", () => {
    const reader = named("openhands").fileReader?.({});
    const sink = new MemorySink();
    const files = [0, 1, 2, 3].map((i) => fixture(`openhands-v1/event-0000${i}.json`));
    for (const file of files) reader?.file(file, sink);
    expect(summary(sink)).toEqual(v1.slice(0, 4));
    expect(sink.texts).toEqual(files.map(String));
    expect(sink.problems).toEqual([]);
    reader?.file(Buffer.from("half an ev"), sink);
    expect(sink.records[4]).toMatchObject({ type: "reach.unparsed", form: "bytes" });
    expect(sink.problems).toEqual([
      {
        line: null,
        offset: files.reduce((sum, { length }) => sum + length, 0),
        message: "the file is not JSON: kept unread",
      },
    ]);
  });

  it("reads one event that goes over several lines, fed in any way", () => {
    const event = JSON.parse(fixture("openhands-v1/event-00001.json").toString()) as unknown;
    const source = Buffer.from(`${JSON.stringify(event, null, 2)}\n`);
    expect(detectFormat(source, "event.json")?.name).toBe("openhands");
    for (const size of [1, 2, 7, source.length]) {
      const sink = read(named("openhands"), source, {}, [size]);
      expect(summary(sink)).toEqual(["0 input MessageEvent @ 2026-01-28T12:46:49.131Z"]);
      expect(sink.source.equals(source)).toBe(true);
    }
  });
});

describe("Temporal", () => {
  it("spells types one way, and links what ends a call to what began it", () => {
    const sink = sample("temporal.json", "temporal");
    expect(summary(sink)).toEqual([
      "0 trigger WorkflowExecutionStarted @ 2024-06-24T17:07:54.194Z",
      "1 emit WorkflowTaskScheduled @ 2024-06-24T17:07:54.200Z",
      "2 call ActivityTaskScheduled @ 2024-06-24T17:07:54.300Z",
      "3 emit ActivityTaskStarted @ 2024-06-24T17:07:54.310Z",
      "4 result ActivityTaskCompleted < 2 @ 2024-06-24T17:07:54.305Z",
      "5 call StartChildWorkflowExecutionInitiated @ 2024-06-24T17:07:55.000Z",
      "6 emit ChildWorkflowExecutionStarted @ 2024-06-24T17:07:56.000Z",
      "7 result ChildWorkflowExecutionFailed < 5 @ 2024-06-24T17:07:57.000Z",
      "8 timer TimerStarted @ 2024-06-24T17:07:58.000Z",
      "9 input WorkflowExecutionSignaled @ 2024-06-24T17:07:59.000Z",
      "10 cancel WorkflowExecutionCancelRequested @ 2024-06-24T17:08:00.000Z",
      "11 emit WorkflowExecutionCanceled @ 2024-06-24T17:08:01.000Z",
    ]);
    expect(sink.problems).toEqual([]);
  });
});

describe("asciicast", () => {
  it("counts the times of version 2 from the start, and keeps a broken line", () => {
    const sink = sample("recording-v2.cast", "asciicast");
    expect(summary(sink)).toEqual([
      "0 trigger header @ 2023-11-14T22:13:20.000Z",
      "1 emit o @ 2023-11-14T22:13:20.500Z",
      "2 input i @ 2023-11-14T22:13:21.235Z",
      "3 emit r @ 2023-11-14T22:13:22.000Z",
      "4 emit reach.unparsed",
      "5 emit o @ 2023-11-14T22:13:23.000Z",
    ]);
    expect(sink.texts[4]).toBe("lol!");
    expect(sink.problems).toEqual([
      { line: 6, offset: expect.any(Number), message: "line 6 is not JSON: kept unread" },
    ]);
  });

  it("counts the times of version 3 from event to event, and knows comments", () => {
    const sink = sample("recording-v3.cast", "asciicast");
    expect(summary(sink)).toEqual([
      "0 trigger header @ 2023-11-14T22:13:20.000Z",
      "1 emit comment",
      "2 emit o @ 2023-11-14T22:13:20.500Z",
      "3 input i @ 2023-11-14T22:13:21.500Z",
      "4 emit m @ 2023-11-14T22:13:21.750Z",
      "5 emit x @ 2023-11-14T22:13:23.750Z",
    ]);
    expect(sink.problems).toEqual([]);
  });

  it("gives no time to a header that has none", () => {
    const source = '{"version":2,"width":80,"height":24}\n[0.25,"o","x"]\n';
    const times = read(named("asciicast"), source).records.map(({ time }) => time);
    expect(times).toEqual([null, 250]);
  });
});

describe("JSON Lines", () => {
  it("takes type and time from the members that logs commonly have", () => {
    const sink = sample("log.ndjson", "ndjson");
    expect(summary(sink)).toEqual([
      "0 emit start @ 2023-11-14T22:13:20.000Z",
      "1 emit step @ 2026-01-02T02:04:05.000Z",
      "2 emit microseconds @ 2023-11-14T22:13:20.123Z",
      "3 emit nanoseconds @ 2023-11-14T22:13:20.123Z",
      "4 emit named @ 2026-01-02T00:00:00.000Z",
      "5 emit record",
      "6 emit record",
      "7 emit record",
    ]);
    expect(sink.texts[5]).toContain('"rate":52.0,"id":9007199254740993');
  });

  it("reads types that are not ASCII exactly, and refuses what can be no type", () => {
    const long = "x".repeat(256);
    const types = ["größe", "日本", "→".repeat(86), "\ud800", "", `${long}x`, long];
    const source = types.map((type) => JSON.stringify({ type })).join("\n");
    expect(read(named("ndjson"), source).records.map(({ type }) => type)).toEqual([
      "größe",
      "日本",
      "record",
      "record",
      "record",
      "record",
      long,
    ]);
  });

  it("links calls by ids that are not ASCII, however they are spelled", () => {
    const line = (type: string, block: string) =>
      `{"type":"${type}","message":{"content":[${block}]}}`;
    const result = (id: string) => line("user", `{"type":"tool_result","tool_use_id":"${id}"}`);
    const call = line("assistant", '{"type":"tool_use","id":"é"}');
    const same = result(String.raw`\u00e9`);
    const other = result(String.raw`\u00c3\u00a9`);
    const sink = read(named("claude-code"), [call, same, other].join("\n"));
    expect(sink.records.map(({ ref }) => ref)).toEqual([null, 0, null]);
  });
});

describe("JSON documents", () => {
  it("make records of the elements of arrays of objects, and of all other members", () => {
    const sink = sample("document.json", "json");
    expect(summary(sink)).toEqual([
      "0 emit version",
      "1 emit samples",
      "2 emit samples",
      "3 emit tags",
      "4 emit empty",
      "5 emit status",
    ]);
    expect(sink.texts[0]).toBe("2");
    expect(sink.texts[3]).toBe('["a", "b"]');
    expect(sink.texts[4]).toBe("[]");
  });

  it("of Gemini CLI are documents, whatever their name says", () => {
    expect(summary(sample("full.jsonl", "json"))).toEqual([
      "0 emit sessionId",
      "1 emit projectHash",
      "2 emit startTime",
      "3 emit lastUpdated",
      "4 emit user @ 2026-02-01T09:00:01.000Z",
      "5 emit gemini @ 2026-02-01T09:00:02.500Z",
    ]);
  });
});
