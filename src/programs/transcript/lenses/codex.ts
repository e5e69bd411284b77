/**
 * Codex CLI rollouts, with an envelope `{timestamp, type, payload}` or, before that, bare items.
 * What the user said stands twice (as item and as event message): the item counts. Reasoning items
 * are encrypted and large: never decoded; the thoughts to read come as `agent_reasoning`.
 */
import type { Facts, Lens, Outcome } from "../facts.ts";
import { isMembers, type Members, membersOf, plainText, secondsOf, textOf } from "../shape.ts";
import { usageIn } from "../usage.ts";

const facets: ReadonlySet<string> = new Set([
  "session_meta",
  "turn_context",
  "response_item/message",
  "response_item/function_call",
  "response_item/function_call_output",
  "response_item/custom_tool_call",
  "response_item/custom_tool_call_output",
  "response_item/local_shell_call",
  "response_item/local_shell_call_output",
  "event_msg/agent_reasoning",
  "event_msg/token_count",
  "event_msg/error",
  "event_msg/stream_error",
]);

const enveloped = /^(?:session_meta|turn_context|compacted|response_item|event_msg)(?:\/|$)/;

/** The lens for Codex. */
export const codex: Lens = {
  format: "codex",

  fits(type, data) {
    if (!isMembers(data)) return false;
    if (isMembers(data["payload"]) && textOf(data["timestamp"]) !== undefined) {
      return enveloped.test(type);
    }
    if (type === "session_meta") return "instructions" in data && textOf(data["id"]) !== undefined;
    if (type === "state") return data["record_type"] === "state";
    const item = textOf(data["type"]);
    return item !== undefined && type === `response_item/${item}`;
  },

  reads(type) {
    return facets.has(type);
  },

  read(event, facts) {
    const record = membersOf(event.data);
    const item = isMembers(record["payload"]) ? record["payload"] : record;
    switch (event.type) {
      case "session_meta":
        facts.session(textOf(item["id"]) ?? textOf(item["session_id"]) ?? "unnamed");
        return;
      case "turn_context":
        if (textOf(item["model"]) !== undefined) facts.model(textOf(item["model"]) ?? "");
        return;
      case "event_msg/agent_reasoning":
        facts.message("thinking", textOf(item["text"]) ?? "", true);
        return;
      case "event_msg/token_count":
        readTokens(item, facts);
        return;
      case "event_msg/error":
      case "event_msg/stream_error":
        facts.error(textOf(item["message"]) ?? "");
        return;
      default:
        readItem(event.type.slice("response_item/".length), item, facts);
    }
  },
};

function readItem(type: string, item: Members, facts: Facts): void {
  const id = textOf(item["call_id"]) ?? textOf(item["id"]) ?? "";
  if (type === "message") {
    const role = textOf(item["role"]) ?? "assistant";
    const said = role === "user" || role === "assistant";
    facts.message(role, plainText(item["content"]), !said);
  } else if (type === "local_shell_call") facts.call(id, "local_shell", item["action"]);
  else if (type.endsWith("_output")) facts.result(id, outcomeOf(item["output"]));
  else facts.call(id, textOf(item["name"]) ?? "unnamed", item["arguments"] ?? item["input"]);
}

/** `total_token_usage` only grows within a session; every event repeats the newest. */
function readTokens(item: Members, facts: Facts): void {
  const usage = usageIn(membersOf(item["info"])["total_token_usage"]);
  if (usage) facts.total("codex", usage);
}

/**
 * An output is a text, a JSON text `{output, metadata: {exit_code, duration_seconds}}`, or an
 * object `{content, success}`. The text begins with its exit code in newer versions.
 */
function outcomeOf(output: unknown): Outcome {
  if (typeof output !== "string") {
    const members = membersOf(output);
    const failed = members["success"] === false;
    return { failed, text: failed ? plainText(members["content"] ?? output) : "" };
  }
  const metadata = metadataOf(output);
  const ms = secondsOf(metadata?.["duration_seconds"]);
  if (metadata) return { ...failureOf(metadata["exit_code"], () => outputOf(output)), ms };
  const head = output.slice(0, 400);
  const code = /^(?:Exit code:|Process exited with code) (-?\d{1,10})$/m.exec(head)?.[1];
  const took = /^Wall time: (\d{1,9}(?:\.\d{1,9})?) seconds?$/m.exec(head)?.[1];
  return { ...failureOf(Number(code ?? 0), () => output), ms: secondsOf(Number(took ?? "none")) };
}

function failureOf(code: unknown, text: () => string): Outcome {
  if (typeof code !== "number" || code === 0) return { failed: false };
  return { failed: true, text: text() || `exit code ${code}` };
}

/** The metadata at the end of a JSON text, without parsing the output before it. */
function metadataOf(output: string): Members | undefined {
  if (!output.startsWith("{")) return undefined;
  const start = output.lastIndexOf('"metadata":');
  if (start < 0 || output.length - start > 1000) return undefined;
  try {
    return membersOf(membersOf(JSON.parse(`{${output.slice(start)}`))["metadata"]);
  } catch {
    return undefined;
  }
}

function outputOf(output: string): string {
  try {
    return plainText(membersOf(JSON.parse(output))["output"]);
  } catch {
    return output;
  }
}
