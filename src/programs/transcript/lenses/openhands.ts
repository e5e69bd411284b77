/**
 * OpenHands: the V0 event stream (`action` and `observation` records), V1 events (`kind`), and the
 * export of agent-as-a-judge (`step` records). Running totals of tokens stand in the metrics that
 * both versions attach; the export has the usage of each step.
 */
import type { Facts, Lens } from "../facts.ts";
import { filesInPython } from "../files.ts";
import {
  costOf,
  isMembers,
  type Members,
  membersOf,
  plainText,
  secondsOf,
  textOf,
} from "../shape.ts";
import { usageIn } from "../usage.ts";

/** V0 actions and observations that are no use of a tool. */
const talk: ReadonlySet<string> = new Set([
  "agent_state_changed",
  "change_agent_state",
  "condensation",
  "finish",
  "message",
  "null",
  "recall",
  "reject",
  "system",
  "think",
]);

const kinds: ReadonlyMap<string, (record: Members, facts: Facts) => void> = new Map([
  ["MessageEvent", readMessage],
  ["ActionEvent", readActionEvent],
  ["ObservationEvent", readObservationEvent],
  ["AgentErrorEvent", readAgentError],
  ["UserRejectObservation", readAgentError],
  ["ConversationErrorEvent", readConversationError],
  ["ConversationStateUpdateEvent", readStateUpdate],
]);

/** The lens for OpenHands. */
export const openHands: Lens = {
  format: "openhands",

  fits(type, data) {
    if (!isMembers(data)) return false;
    if (type === "step") return isMembers(data["agent"]) && "environment" in data;
    if (/^(?:action|observation):/.test(type)) return "id" in data && "source" in data;
    const kind = textOf(data["kind"]);
    return kind === type && /^[A-Z]/.test(kind) && "source" in data && "timestamp" in data;
  },

  reads(type) {
    return type === "step" || /^(?:action|observation):/.test(type) || kinds.has(type);
  },

  read(event, facts) {
    const record = membersOf(event.data);
    const { type } = event;
    if (type === "step") readStep(event.seq, record, facts);
    else if (type.startsWith("action:")) readAction(record, facts);
    else if (type.startsWith("observation:")) readObservation(record, facts);
    else kinds.get(type)?.(record, facts);
  },
};

function readStep(seq: number, step: Members, facts: Facts): void {
  const said = textOf(step["user_message"]);
  if (said !== undefined) facts.message("user", said);
  const agent = membersOf(step["agent"]);
  const thought = textOf(agent["thought"]);
  if (thought !== undefined) facts.message("assistant", thought);
  const used = membersOf(step["step_usage"]);
  const action = textOf(agent["action"]);
  if (action !== undefined) {
    // "Running command: mkdir -p src": what was done stands before the colon.
    facts.call(`step ${seq}`, /^[^:\n]{1,60}/.exec(action)?.[0] ?? "unnamed", action);
    filesInPython(action, facts);
    facts.result(`step ${seq}`, { failed: false, ms: secondsOf(used["step_execution_time"]) });
  }
  const usage = usageIn(used);
  if (usage) facts.usage(null, usage, textOf(used["model"]));
}

function readAction(record: Members, facts: Facts): void {
  const action = textOf(record["action"]) ?? "unnamed";
  const args = membersOf(record["args"]);
  const agent = record["source"] === "agent";
  if (action === "message") {
    const text = textOf(args["content"]) ?? textOf(record["message"]) ?? "";
    facts.message(agent ? "assistant" : "user", text);
  }
  const thought = textOf(args["thought"]);
  if (thought !== undefined) facts.message("thinking", thought, true);
  readModel(record, facts);
  if (!agent || talk.has(action)) return;
  const tool = textOf(membersOf(record["tool_call_metadata"])["function_name"]) ?? action;
  facts.call(idOf(record["id"]), tool, args);
  if (action === "run_ipython") filesInPython(textOf(args["code"]) ?? "", facts);
}

/** What the model was asked for with this action: its own usage, or the running total. */
function readModel(record: Members, facts: Facts): void {
  const response = membersOf(membersOf(record["tool_call_metadata"])["model_response"]);
  const model = textOf(response["model"]);
  if (isMembers(record["llm_metrics"])) {
    if (model !== undefined) facts.model(model);
    readMetrics("llm_metrics", record["llm_metrics"], facts);
    return;
  }
  const usage = usageIn(response["usage"]);
  if (usage) facts.usage(textOf(response["id"]) ?? null, usage, model);
}

function readMetrics(id: string, metrics: Members, facts: Facts): void {
  // A cost of 0 beside tokens is one that nobody knew.
  const cost = costOf(metrics["accumulated_cost"]) || null;
  const usage = usageIn(metrics["accumulated_token_usage"], cost);
  if (usage) facts.total(id, usage);
}

function readObservation(record: Members, facts: Facts): void {
  const observation = textOf(record["observation"]) ?? "unnamed";
  if (talk.has(observation)) return;
  const extras = membersOf(record["extras"]);
  const code = extras["exit_code"] ?? membersOf(extras["metadata"])["exit_code"];
  const refused = observation === "error" || observation === "user_rejected";
  const failed = refused || isFailure(code) || record["success"] === false;
  const text = failed ? (textOf(record["content"]) ?? textOf(record["message"]) ?? "") : "";
  if (record["cause"] === undefined || record["cause"] === null) {
    if (failed) facts.error(text);
  } else facts.result(idOf(record["cause"]), { failed, text });
}

function isFailure(code: unknown): boolean {
  return typeof code === "number" && code > 0;
}

function idOf(value: unknown): string {
  return typeof value === "number" ? String(value) : (textOf(value) ?? "");
}

function readMessage(record: Members, facts: Facts): void {
  const message = membersOf(record["llm_message"]);
  const role = textOf(message["role"]) ?? textOf(record["source"]) ?? "unknown";
  facts.message(role, plainText(message["content"]), role === "system");
}

function callId(record: Members, other: string): string {
  return textOf(record["tool_call_id"]) ?? textOf(record[other]) ?? "";
}

function readActionEvent(record: Members, facts: Facts): void {
  const reasoning = textOf(record["reasoning_content"]);
  if (reasoning !== undefined) facts.message("thinking", reasoning, true);
  const thought = plainText(record["thought"]);
  if (thought !== "") facts.message("assistant", thought);
  const action = membersOf(record["action"]);
  const tool = textOf(record["tool_name"]) ?? textOf(action["kind"]) ?? "unnamed";
  facts.call(callId(record, "id"), tool, action);
}

function readObservationEvent(record: Members, facts: Facts): void {
  const observation = membersOf(record["observation"]);
  const code = observation["exit_code"] ?? membersOf(observation["metadata"])["exit_code"];
  const failed = observation["is_error"] === true || isFailure(code);
  const text = failed ? plainText(observation["content"]) : "";
  facts.result(callId(record, "action_id"), { failed, text });
}

function readAgentError(record: Members, facts: Facts): void {
  const text = textOf(record["error"]) ?? textOf(record["rejection_reason"]) ?? "";
  facts.result(callId(record, "action_id"), { failed: true, text });
}

function readConversationError(record: Members, facts: Facts): void {
  facts.error(textOf(record["detail"]) ?? textOf(record["code"]) ?? "");
}

const metricsMax = 16;

/** `{key: "stats", value: {usage_to_metrics: {default: {...}, condenser: {...}}}}`. */
function readStateUpdate(record: Members, facts: Facts): void {
  const value = membersOf(record["value"]);
  const stats = record["key"] === "full_state" ? membersOf(value["stats"]) : value;
  const entries = Object.entries(membersOf(stats["usage_to_metrics"]));
  for (const [id, item] of entries.slice(0, metricsMax)) {
    const metrics = membersOf(item);
    const usage = usageIn(metrics["accumulated_token_usage"]);
    const model = textOf(metrics["model_name"]);
    const used = usage !== undefined && usage.input + usage.output > 0;
    if (used && model !== undefined) facts.model(model);
    readMetrics(id, metrics, facts);
  }
}
