/**
 * Claude Code session logs: one JSON object per line. A reply comes as several lines, one content
 * block each, that share `message.id` and repeat its usage. What is only shown while a tool runs
 * (`progress`, a third of a log and large) holds no fact of its own and is never decoded.
 */
import type { Facts, Lens } from "../facts.ts";
import {
  isMembers,
  itemsOf,
  type Members,
  membersOf,
  parsedMembers,
  plainText,
  textOf,
} from "../shape.ts";
import { usageIn } from "../usage.ts";

/** The lens for Claude Code. */
export const claudeCode: Lens = {
  format: "claude-code",

  fits(_type, data) {
    if (!isMembers(data)) return false;
    const type = textOf(data["type"]);
    if (type === undefined) return false;
    if (textOf(data["uuid"]) !== undefined && textOf(data["sessionId"]) !== undefined) return true;
    if (type === "summary") return textOf(data["leafUuid"]) !== undefined;
    if (type === "file-history-snapshot") return isMembers(data["snapshot"]);
    return type === "queue-operation" && textOf(data["operation"]) !== undefined;
  },

  reads(type) {
    return /^(?:assistant|user|summary|system\/api_error)(?:\/|$)/.test(type);
  },

  read(event, facts) {
    const record = membersOf(event.data);
    const session = textOf(record["sessionId"]);
    if (session !== undefined) facts.session(session);
    if (event.type.startsWith("assistant")) readReply(record, facts);
    else if (event.type.startsWith("user")) readUser(record, facts);
    else if (event.type.startsWith("summary")) facts.title(textOf(record["summary"]) ?? "");
    else facts.error(apiError(record["error"]));
  },
};

function readReply(record: Members, facts: Facts): void {
  const message = membersOf(record["message"]);
  const usage = usageIn(message["usage"], record["costUSD"]);
  if (usage) facts.usage(textOf(message["id"]) ?? null, usage, textOf(message["model"]));
  const content = message["content"];
  if (record["isApiErrorMessage"] === true) facts.error(plainText(content));
  else if (typeof content === "string") facts.message("assistant", content);
  else for (const block of itemsOf(content)) readBlock(membersOf(block), facts);
}

function readBlock(block: Members, facts: Facts): void {
  switch (block["type"]) {
    case "text":
      facts.message("assistant", textOf(block["text"]) ?? "");
      return;
    case "thinking":
      facts.message("thinking", textOf(block["thinking"]) ?? "", true);
      return;
    case "tool_use":
    case "server_tool_use":
      facts.call(textOf(block["id"]) ?? "", textOf(block["name"]) ?? "unnamed", block["input"]);
  }
}

function readUser(record: Members, facts: Facts): void {
  const { content } = membersOf(record["message"]) as { content?: unknown };
  const added = record["isMeta"] === true || record["isCompactSummary"] === true;
  const role = added ? "context" : "user";
  if (typeof content === "string") {
    facts.message(role, content, added);
    return;
  }
  for (const item of itemsOf(content)) {
    const block = membersOf(item);
    if (block["type"] === "tool_result") readResult(block, facts);
    else if (block["type"] === "text") facts.message(role, textOf(block["text"]) ?? "", added);
    else if (block["type"] === "image") facts.message(role, "", true);
  }
}

function readResult(block: Members, facts: Facts): void {
  const failed = block["is_error"] === true;
  const text = failed ? plainText(block["content"]) : "";
  facts.result(textOf(block["tool_use_id"]) ?? "", { failed, text });
}

/** `{status, error: {error: {message}}}`, or that JSON inside a text, or just a text. */
function apiError(error: unknown): string {
  const outer = membersOf(error);
  const inner = membersOf(outer["error"]);
  const innermost = membersOf(inner["error"]);
  const text = textOf(innermost["message"]) ?? textOf(inner["message"]) ?? textOf(outer["message"]);
  const said = text ?? textOf(membersOf(parsedMembers(error)["error"])["message"]);
  const status = typeof outer["status"] === "number" ? `${outer["status"]} ` : "";
  return `API error ${status}${said ?? textOf(error) ?? ""}`.trim();
}
