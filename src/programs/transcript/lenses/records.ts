/**
 * Records of no known format: whatever looks like a message, a tool call, its result, usage or an
 * error, as chat APIs and the logs around them write it (OpenAI, Anthropic, Gemini, pi, Inspect).
 * Events that were recorded as calls and results tell so by their kind.
 */
import type { Facts, Lens, TranscriptEvent } from "../facts.ts";
import { isMembers, itemsOf, type Members, membersOf, plainText, textOf } from "../shape.ts";
import { usageIn } from "../usage.ts";

/** What logs call the people of a conversation. */
const roles: ReadonlyMap<string, string> = new Map([
  ["user", "user"],
  ["human", "user"],
  ["assistant", "assistant"],
  ["ai", "assistant"],
  ["model", "assistant"],
  ["gemini", "assistant"],
  ["agent", "assistant"],
  ["system", "system"],
  ["developer", "developer"],
  ["tool", "tool"],
  ["function", "tool"],
  ["toolResult", "tool"],
]);

const itemsMax = 256;

/** The lens for everything else. */
export const records: Lens = {
  format: "records",

  fits() {
    return true;
  },

  reads() {
    return true;
  },

  read(event, facts) {
    const record = membersOf(event.data);
    const message = isMembers(record["message"]) ? record["message"] : record;
    const session = textOf(record["sessionId"]) ?? textOf(record["session_id"]);
    if (session !== undefined) facts.session(session);
    readMessage(message, textOf(record["type"]), facts);
    readModel(record, message, facts);
    if (event.kind === "call") facts.call(`event ${event.seq}`, event.type, event.data);
    else if (event.kind === "result") readRecordedResult(event, record, facts);
    else readError(record, facts);
  },
};

function readMessage(message: Members, type: string | undefined, facts: Facts): void {
  const named = textOf(message["role"]);
  const role = roles.get(named ?? type ?? "") ?? named;
  if (role === undefined) return;
  const content = message["content"] ?? message["text"] ?? message["parts"];
  const text = plainText(content ?? message["message"]);
  const aside = role === "tool" || role === "system" || role === "developer";
  if (text !== "") facts.message(role, text, aside);
  for (const block of itemsOf(content).slice(0, itemsMax)) readBlock(membersOf(block), facts);
  const calls = itemsOf(message["tool_calls"] ?? message["toolCalls"]);
  for (const call of calls.slice(0, itemsMax)) readCall(membersOf(call), facts);
  const answered = textOf(message["tool_call_id"]) ?? textOf(message["toolCallId"]);
  if (role !== "tool" || answered === undefined) return;
  const error = message["error"];
  const failed = message["isError"] === true || isMembers(error) || textOf(error) !== undefined;
  facts.result(answered, { failed, text: failed ? (errorText(error) ?? text) : "" });
}

function readBlock(block: Members, facts: Facts): void {
  const { type } = block as { type?: unknown };
  if (type === "thinking") facts.message("thinking", textOf(block["thinking"]) ?? "", true);
  else if (type === "tool_use" || type === "toolCall") readCall(block, facts);
  else if (type === "tool_result") {
    const failed = block["is_error"] === true;
    const text = failed ? plainText(block["content"]) : "";
    facts.result(textOf(block["tool_use_id"]) ?? "", { failed, text });
  }
}

/** `{id, name, input}`, `{id, function: {name, arguments}}`, `{id, function, arguments}`. */
function readCall(call: Members, facts: Facts): void {
  const called = membersOf(call["function"]);
  const tool = textOf(call["name"]) ?? textOf(called["name"]) ?? textOf(call["function"]);
  const input = call["input"] ?? call["arguments"] ?? call["args"] ?? called["arguments"];
  const id = textOf(call["id"]) ?? "";
  facts.call(id, tool ?? "unnamed", input);
  // Gemini keeps the call and how it ended in one record.
  const status = textOf(call["status"]);
  if (status === "success" || status === "error") facts.result(id, { failed: status === "error" });
}

function readModel(record: Members, message: Members, facts: Facts): void {
  const model = textOf(message["model"]) ?? textOf(record["model"]);
  const usage =
    usageIn(message["usage"]) ??
    usageIn(record["usage"], record["cost"]) ??
    usageIn(message["tokens"]) ??
    usageIn(membersOf(record["response"])["usage"]);
  if (usage) facts.usage(textOf(message["id"]) ?? textOf(record["id"]) ?? null, usage, model);
}

function readRecordedResult(event: TranscriptEvent, record: Members, facts: Facts): void {
  const text = errorText(record["error"]);
  const failed = text !== undefined || record["is_error"] === true;
  const id = event.ref === null ? null : `event ${event.ref}`;
  facts.result(id, { failed, text: text ?? "" });
}

/** A record is an error when it has one, or when its level says so. */
function readError(record: Members, facts: Facts): void {
  if (textOf(record["role"]) !== undefined) return;
  const text = errorText(record["error"]);
  if (text !== undefined) facts.error(text);
  else if (/^(?:error|fatal)$/i.test(textOf(record["level"]) ?? "")) {
    facts.error(textOf(record["message"]) ?? textOf(record["msg"]) ?? "");
  }
}

function errorText(error: unknown): string | undefined {
  return textOf(error) ?? textOf(membersOf(error)["message"]);
}
