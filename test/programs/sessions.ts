// Small sessions written by hand, one per format, with the types and kinds that importers give
// their records. Together they use every part of the state of `transcript`.

import type { EventKind } from "../../src/event/index.ts";
import type { ReducerEvent } from "../../src/replay/index.ts";

/** A record as a test writes it: type, data, and what is not usual about it. */
export type Line = readonly [
  type: string,
  data: unknown,
  more?: { readonly kind?: EventKind; readonly time?: number; readonly ref?: number },
];

const start = Date.UTC(2026, 0, 5, 12, 17, 31);

/** Data that must not be looked at: decoding it is what makes a fold slow. */
export const untouched: unique symbol = Symbol("untouched");

/** Events 0, 1, 2, ... of lines; a second apart where no time is given (0: no time at all). */
export function session(lines: readonly Line[], from = 0): ReducerEvent[] {
  return lines.map(([type, data, more], i) => ({
    seq: from + i,
    time: more?.time ?? start + 1000 * (from + i),
    kind: more?.kind ?? "emit",
    type,
    ref: more?.ref ?? null,
    get data(): unknown {
      if (data === untouched) throw new Error(`${type} holds no fact, its data is not to be read`);
      return data;
    },
  }));
}

/** `at(90)`: ninety seconds after the beginning. */
export function at(seconds: number): number {
  return start + 1000 * seconds;
}

const claudeBase = { uuid: "u1", sessionId: "s1", version: "2.1.1", cwd: "/work", userType: "x" };

/** A line of an assistant with one block; lines with the same id are one reply. */
export function reply(id: string, block: object, usage: object, more: object = {}): object {
  const message = { id, role: "assistant", model: "claude-opus-4-5", content: [block], usage };
  return { ...claudeBase, type: "assistant", message, ...more };
}

/** A line of the user's side: text, or blocks. */
export function said(content: unknown, more: object = {}): object {
  return { ...claudeBase, type: "user", message: { role: "user", content }, ...more };
}

/** The result of a tool as a block. */
export function toolResult(id: string, content: unknown, isError = false): object {
  return { type: "tool_result", tool_use_id: id, content, is_error: isError };
}

/** The use of a tool as a block. */
export function toolUse(id: string, name: string, input: object): object {
  return { type: "tool_use", id, name, input };
}

const used = (output: number): object => ({
  input_tokens: 10,
  cache_creation_input_tokens: 2000,
  cache_read_input_tokens: 30_000,
  output_tokens: output,
});

/** Claude Code: replies over several lines, tools, an API error, a pause, two records torn. */
export const claudeCode: readonly Line[] = [
  ["summary", { type: "summary", summary: "Fix the flaky test", leafUuid: "u0" }],
  ["file-history-snapshot", { type: "file-history-snapshot", snapshot: {} }],
  ["user/text", said("Caveat: The messages below were generated", { isMeta: true })],
  ["user/text", said("<command-name>/clear</command-name>")],
  ["user/text", said("Why does the test fail now and then?")],
  ["assistant/thinking", reply("m1", { type: "thinking", thinking: "Time, maybe." }, used(5))],
  ["assistant/text", reply("m1", { type: "text", text: "Let me look." }, used(5))],
  [
    "assistant/tool_use",
    reply("m1", toolUse("t1", "Read", { file_path: "/repo/src/clock.ts" }), used(90)),
  ],
  ["progress/hook_progress", untouched],
  ["user/tool_result", said([toolResult("t1", "export const clock")]), { time: at(9.5) }],
  [
    "assistant/tool_use",
    reply("m2", toolUse("t2", "Edit", { file_path: "/repo/src/clock.ts" }), used(40)),
    { time: at(12) },
  ],
  [
    "assistant/tool_use",
    reply("m2", toolUse("t3", "Bash", { command: "npm test" }), used(40)),
    { time: at(12) },
  ],
  ["progress/bash_progress", untouched, { time: at(13) }],
  [
    "user/tool_result",
    said([
      toolResult("t2", [{ type: "text", text: "String to replace not found" }], true),
      toolResult("t3", "1 passed"),
      { type: "text", text: "and commit it" },
    ]),
    { time: at(140) },
  ],
  ["system/turn_duration", untouched, { time: at(141) }],
  [
    "system/api_error",
    {
      ...claudeBase,
      type: "system",
      error: { status: 529, error: { error: { message: "Overloaded" } } },
    },
    { time: at(142) },
  ],
  ["reach.unparsed", untouched, { time: at(142) }],
  [
    "assistant/tool_use",
    reply("m3", toolUse("t4", "Write", { file_path: "/repo/NOTES.md" }), used(7)),
    { time: at(139) },
  ],
];

const call = (id: string, name: string, input: unknown): object => ({
  type: "function_call",
  name,
  call_id: id,
  arguments: JSON.stringify(input),
});
const total = (input: number, cached: number, output: number): object => ({
  total_token_usage: { input_tokens: input, cached_input_tokens: cached, output_tokens: output },
});
const codexLine = (type: string, payload: object): Line => {
  const sub = (payload as { type?: string }).type;
  const timestamp = "2026-01-05T12:17:31.000Z";
  return [sub === undefined ? type : `${type}/${sub}`, { timestamp, type, payload }];
};
const item = (payload: object): Line => codexLine("response_item", payload);
const patch = "*** Begin Patch\n*** Update File: src/a.ts\n@@\n-1\n+2\n*** Add File: b.md\n+x\n";

/** Codex with envelopes: the user's text twice, running totals, outputs in their three forms. */
export const codex: readonly Line[] = [
  codexLine("session_meta", { id: "019a93b9", cwd: "/work", instructions: null }),
  codexLine("turn_context", { model: "gpt-5.1-codex", cwd: "/work" }),
  item({
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: "<environment_context>…" }],
  }),
  item({
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: "Wire up the new endpoint" }],
  }),
  ["event_msg/user_message", untouched],
  ["response_item/reasoning", untouched],
  codexLine("event_msg", { type: "agent_reasoning", text: "**Looking**" }),
  item(call("c1", "shell", { command: ["bash", "-lc", `apply_patch <<'P'\n${patch}P`] })),
  item({
    type: "function_call_output",
    call_id: "c1",
    output:
      '{"output":"no \\"metadata\\": here","metadata":{"exit_code":2,"duration_seconds":1.5}}',
  }),
  codexLine("event_msg", { type: "token_count", info: null }),
  codexLine("event_msg", { type: "token_count", info: total(1000, 0, 37) }),
  codexLine("event_msg", { type: "token_count", info: total(1000, 0, 37) }),
  item(call("c2", "exec_command", { cmd: "ls" })),
  item({
    type: "function_call_output",
    call_id: "c2",
    output: "Wall time: 0.0513 seconds\nProcess exited with code 1\nOutput:\nls: no",
  }),
  item({ type: "custom_tool_call", call_id: "c3", name: "apply_patch", input: patch }),
  item({
    type: "custom_tool_call_output",
    call_id: "c3",
    output: { content: "done", success: true },
  }),
  codexLine("event_msg", { type: "token_count", info: total(3500, 900, 100) }),
  item({ type: "message", role: "assistant", content: [{ type: "output_text", text: "Done." }] }),
];

/** Codex without envelopes. */
export const codexLegacy: readonly Line[] = [
  ["session_meta", { id: "old", timestamp: "2025-09-01T00:00:00Z", instructions: null, git: {} }],
  ["state", { record_type: "state" }, { time: 0 }],
  ["response_item/message", { type: "message", role: "user", content: [{ text: "Hello" }] }],
  ["response_item/function_call", call("c1", "shell", { command: ["ls"] })],
  [
    "response_item/function_call_output",
    { type: "function_call_output", call_id: "c1", output: "" },
  ],
];

const noTime = { time: 0 };

/** SWE-agent: history and steps of one run, and its sums. */
export const sweAgent: readonly Line[] = [
  ["environment", "main", noTime],
  ["history/system", { role: "system", content: "SETTING", agent: "main" }, noTime],
  ["history/user", { role: "user", content: "Here is a demonstration", is_demo: true }, noTime],
  ["history/user", { role: "user", content: "Solve: TimeDelta rounds wrong" }, noTime],
  ["history/assistant", { role: "assistant", content: "I reproduce it." }, noTime],
  ["history/tool", { role: "tool", content: "[File: reproduce.py]" }, noTime],
  [
    "step",
    {
      action: "create reproduce.py\n",
      observation: "",
      execution_time: 0.25,
      state: '{"open_file": "n/a", "working_dir": "/testbed"}\n',
    },
    noTime,
  ],
  [
    "step",
    {
      action: "edit 1:1\nx",
      observation: "",
      state: { open_file: "/testbed/src/fields.py", working_dir: "/testbed" },
    },
    noTime,
  ],
  ["step", { action: "str_replace_editor view /testbed/a.py", observation: "", state: {} }, noTime],
  [
    "info",
    {
      exit_status: "submitted",
      model_stats: { instance_cost: 1.25, tokens_sent: 1200, tokens_received: 90, api_calls: 3 },
    },
    noTime,
  ],
];

/** mini-swe-agent: bash in code blocks, answered by the next message. */
export const miniSweAgent: readonly Line[] = [
  ["message/system", { role: "system", content: "You are" }, noTime],
  ["message/user", { role: "user", content: "Please solve this issue" }, noTime],
  ["message/assistant", { role: "assistant", content: "THOUGHT\n```bash\nls\n```" }, noTime],
  ["message/user", { role: "user", content: "<returncode>1</returncode> ls: no" }, noTime],
  ["message/assistant", { role: "assistant", content: "Done" }, noTime],
];

/** OpenHands V0: actions, observations with a cause, usage of the model that asked. */
export const openHandsV0: readonly Line[] = [
  ["action:message", { id: 0, source: "user", action: "message", args: { content: "Plot it" } }],
  ["action:recall", { id: 1, source: "user", action: "recall", args: { query: "Plot it" } }],
  ["observation:recall", { id: 2, source: "agent", observation: "recall", cause: 1, content: "" }],
  [
    "action:run",
    {
      id: 3,
      source: "agent",
      action: "run",
      args: { command: "python a.py", thought: "Try." },
      tool_call_metadata: {
        function_name: "execute_bash",
        model_response: {
          id: "r1",
          model: "gpt-4o",
          usage: {
            prompt_tokens: 1000,
            completion_tokens: 20,
            prompt_tokens_details: { cached_tokens: 600 },
          },
        },
      },
    },
  ],
  [
    "observation:run",
    {
      id: 4,
      source: "agent",
      observation: "run",
      cause: 3,
      content: "Traceback",
      extras: { metadata: { exit_code: 1 } },
    },
  ],
  ["action:read", { id: 5, source: "agent", action: "read", args: { path: "/w/a.py" } }],
  ["observation:read", { id: 6, source: "agent", observation: "read", cause: 5, content: "x" }],
];

/** The export of agent-as-a-judge. */
export const openHandsJudge: readonly Line[] = [
  [
    "step",
    {
      step: 0,
      user_message: "Predict drug response",
      agent: {
        thought: "First the folders.",
        action: "Running Python code interactively: create_file('src/train.py')",
      },
      environment: "",
      step_usage: {
        input_tokens: 4000,
        output_tokens: 80,
        model: "gpt-4o",
        cost: 0.02,
        step_execution_time: 1.4,
      },
    },
    noTime,
  ],
  ["step", { step: 1, user_message: null, agent: {}, environment: null, step_usage: {} }, noTime],
];

const stats = (prompt: number, read: number, output: number, cost: number): object => ({
  usage_to_metrics: {
    default: {
      model_name: "minimax-m2.7",
      accumulated_cost: cost,
      accumulated_token_usage: {
        prompt_tokens: prompt,
        completion_tokens: output,
        cache_read_tokens: read,
      },
    },
  },
});
const v1 = (kind: string, source: string, more: object): Line => [
  kind,
  { kind, id: `id of ${kind}`, source, timestamp: "2026-01-28T12:46:49.123902", ...more },
];

/** OpenHands V1: events by kind, running totals, an editor that says what it does. */
export const openHandsV1: readonly Line[] = [
  v1("SystemPromptEvent", "agent", { system_prompt: { text: "You are OpenHands" } }),
  v1("MessageEvent", "user", { llm_message: { role: "user", content: [{ text: "Make a plan" }] } }),
  v1("ConversationStateUpdateEvent", "environment", { key: "stats", value: stats(596, 0, 75, 0) }),
  v1("ActionEvent", "agent", {
    thought: [{ text: "I edit it." }],
    reasoning_content: "Let me",
    action: { kind: "FileEditorAction", command: "str_replace", path: "/w/plan.md" },
    tool_name: "file_editor",
    tool_call_id: "call-1",
  }),
  v1("ObservationEvent", "environment", {
    tool_call_id: "call-1",
    action_id: "a",
    observation: { is_error: true, content: [{ text: "No match" }] },
  }),
  v1("ConversationStateUpdateEvent", "environment", {
    key: "stats",
    value: stats(2000, 1000, 100, 0.5),
  }),
  v1("AgentErrorEvent", "agent", { tool_call_id: "call-9", error: "unknown tool" }),
];

const history = (type: string, id: string, attributes: object): Line => {
  const name = `${type.charAt(0).toLowerCase()}${type.slice(1)}EventAttributes`;
  return [type, { eventId: id, eventTime: "…Z", eventType: type, [name]: attributes }];
};

/** Temporal: an activity that succeeds, one that fails, a child, a signal. */
export const temporal: readonly Line[] = [
  history("WorkflowExecutionStarted", "1", {
    workflowType: { name: "OrderWorkflow" },
    originalExecutionRunId: "run-1",
  }),
  ["WorkflowTaskScheduled", { eventId: "2", eventType: "WorkflowTaskScheduled", eventTime: "Z" }],
  history("ActivityTaskScheduled", "5", { activityType: { name: "Charge" } }),
  history("ActivityTaskScheduled", "6", { activityType: { name: "Ship" } }),
  history("ActivityTaskCompleted", "7", { scheduledEventId: "5" }),
  history("ActivityTaskFailed", "8", {
    scheduledEventId: "6",
    failure: { message: "out of stock" },
  }),
  history("StartChildWorkflowExecutionInitiated", "9", { workflowType: { name: "Refund" } }),
  history("ChildWorkflowExecutionCompleted", "11", { initiatedEventId: "9" }),
  history("WorkflowExecutionSignaled", "12", { signalName: "cancel" }),
  history("WorkflowExecutionFailed", "13", { failure: { message: "no refund" } }),
];

/** asciicast 2. */
export const asciicast: readonly Line[] = [
  ["header", { version: 2, width: 80, height: 24, title: "bashing" }, { kind: "trigger" }],
  ["o", [0.5, "o", "żółć"]],
  ["i", [1, "i", "\r"], { kind: "input" }],
  ["m", [2, "m", "chapter one"]],
  ["r", [2.5, "r", "80x24"]],
  ["x", [3, "x", "2"]],
];

/** What a chat API and a recorder write: no format of its own. */
export const plainRecords: readonly Line[] = [
  ["message", { role: "user", content: "What is the weather?", sessionId: "chat-1" }],
  [
    "message",
    {
      role: "assistant",
      model: "gpt-4o-mini",
      content: null,
      tool_calls: [{ id: "k1", function: { name: "weather", arguments: '{"city":"Bern"}' } }],
      usage: { prompt_tokens: 100, completion_tokens: 9 },
    },
  ],
  ["message", { role: "tool", tool_call_id: "k1", content: "rain" }],
  ["llm.chat", { messages: [] }, { kind: "call" }],
  ["llm.chat", { error: { message: "rate limited" } }, { kind: "result", ref: 3 }],
  ["log", { level: "error", message: "disk is full" }],
  ["gemini", { type: "gemini", content: "Hi", tokens: { input: 50, output: 5, cached: 20 } }],
];

/** Every session by name. */
export const sessions: Readonly<Record<string, readonly Line[]>> = {
  "claude-code": claudeCode,
  codex,
  "codex, legacy": codexLegacy,
  "swe-agent": sweAgent,
  "swe-agent, mini": miniSweAgent,
  "openhands, V0": openHandsV0,
  "openhands, judge": openHandsJudge,
  "openhands, V1": openHandsV1,
  temporal,
  asciicast,
  records: plainRecords,
};
