/**
 * Codex CLI rollouts (`rollout-<time>-<uuid>.jsonl`): lines `{timestamp, type, payload}` since
 * version 0.58 or so, before that bare response items without times. A call and its output share a
 * `call_id`; nothing else links records.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { LineScanner } from "./line-scanner.ts";
import { refusePath } from "./path-option.ts";
import {
  type JsonObject,
  objectOf,
  plain,
  plainType,
  type Reading,
  type RecordMapper,
  textOf,
  typeOf,
} from "./reading.ts";
import { timeOf } from "./times.ts";

const callTypes: ReadonlySet<unknown> = new Set([
  "function_call",
  "custom_tool_call",
  "local_shell_call",
]);
const itemTypes: ReadonlySet<unknown> = new Set([
  ...callTypes,
  "function_call_output",
  "custom_tool_call_output",
  "message",
  "reasoning",
  "web_search_call",
  "ghost_snapshot",
]);
const envelopeTypes: ReadonlySet<unknown> = new Set([
  "session_meta",
  "turn_context",
  "response_item",
  "event_msg",
  "compacted",
]);

function readItem(item: JsonObject, type: string, time: number | null): Reading {
  const itemType = textOf(item["type"]) ?? "";
  const callId = textOf(item["call_id"]);
  if (callTypes.has(itemType)) return { time, kind: "call", type, opens: callId };
  if (itemType.endsWith("_output")) return { time, kind: "result", type, answers: callId };
  const isInput =
    itemType === "user_message" || (itemType === "message" && item["role"] === "user");
  return { time, kind: isInput ? "input" : "emit", type };
}

function readBare(record: JsonObject): Reading {
  const time = timeOf(record["timestamp"]);
  const type = textOf(record["type"]);
  if (type !== undefined) return readItem(record, typeOf("response_item", type), time);
  if ("record_type" in record) return plain("state", time);
  return plain("id" in record && "timestamp" in record ? "session_meta" : plainType, time);
}

const mapper: RecordMapper = {
  read(value) {
    const record = objectOf(value);
    if (!record) return plain(plainType);
    const type = textOf(record["type"]);
    const payload = objectOf(record["payload"]);
    if (type === undefined || !payload) return readBare(record);
    const time = timeOf(record["timestamp"]);
    return readItem(payload, typeOf(type, textOf(payload["type"])), time);
  },
};

/** Whether a record is a line of a rollout of either kind, and not just any line with a type. */
function isOurs(value: unknown): boolean {
  const record = objectOf(value);
  if (!record) return false;
  const { type } = record;
  if (type === undefined) {
    const isHead = "id" in record && "timestamp" in record && "instructions" in record;
    return isHead || record["record_type"] === "state";
  }
  if (envelopeTypes.has(type)) return "timestamp" in record && "payload" in record;
  return itemTypes.has(type) && ("role" in record || "call_id" in record || "summary" in record);
}

/** Codex CLI. */
export const codex: Format = {
  name: "codex",
  appendOnly: true,
  recalls: ["call"],
  sniff(head) {
    const { lines, document } = headSample(head);
    const ours = lines.records.filter(isOurs).length;
    if (ours > 0) return 0.94 * (ours / (lines.records.length + lines.badLines));
    const cutOff = lines.records.length === 0 && !document.complete && !document.broken;
    return cutOff && envelopeTypes.has(document.members.get("type")?.[0]) ? 0.7 : 0;
  },
  reader(options) {
    refusePath("codex", options);
    return new LineScanner(mapper, options);
  },
};
