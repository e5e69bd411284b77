/**
 * Claude Code sessions: one JSON object per line, as found in `<session>.jsonl` (versions 1.0 to
 * 2.1). A tool call is an assistant's line, its result a user's line that names the call.
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

const noBlocks: readonly unknown[] = [];

/** The content of a message as blocks; a text is one block without further members. */
function blocksOf(record: JsonObject): readonly unknown[] | string {
  const content = objectOf(record["message"])?.["content"];
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content : noBlocks;
}

/** The ids in `member` of all blocks of a kind; `undefined` where there is no such block. */
function idsOf(blocks: readonly unknown[], kind: string, member: string): string[] | undefined {
  let ids: string[] | undefined;
  for (const block of blocks) {
    const fields = objectOf(block);
    if (fields?.["type"] !== kind) continue;
    ids ??= [];
    const id = textOf(fields[member]);
    if (id !== undefined) ids.push(id);
  }
  return ids;
}

/** A line with several blocks is a call or a result if one of them is, whichever comes first. */
function readMessage(record: JsonObject, speaker: "user" | "assistant", time: number | null) {
  const blocks = blocksOf(record);
  const isUser = speaker === "user";
  if (typeof blocks === "string") {
    return { time, kind: isUser ? "input" : "emit", type: `${speaker}/text` } satisfies Reading;
  }
  const type = typeOf(speaker, textOf(objectOf(blocks[0])?.["type"]));
  if (!isUser) {
    const opens = idsOf(blocks, "tool_use", "id");
    return { time, kind: opens ? "call" : "emit", type, opens } satisfies Reading;
  }
  const answers = idsOf(blocks, "tool_result", "tool_use_id");
  if (answers) return { time, kind: "result", type, answers } satisfies Reading;
  const isText = blocks.some((block) => objectOf(block)?.["type"] === "text");
  return { time, kind: isText ? "input" : "emit", type } satisfies Reading;
}

/** The word that tells records of one type apart. */
function subtypeOf(record: JsonObject, type: string): string | undefined {
  switch (type) {
    case "system":
      return textOf(record["subtype"]);
    case "progress":
      return textOf(objectOf(record["data"])?.["type"]);
    case "queue-operation":
      return textOf(record["operation"]);
    case "attachment":
      return textOf(objectOf(record["attachment"])?.["type"]);
    default:
      return undefined;
  }
}

const mapper: RecordMapper = {
  read(value) {
    const record = objectOf(value);
    const type = textOf(record?.["type"]);
    if (!record || type === undefined) return plain(plainType, timeOf(record?.["timestamp"]));
    const stamp = record["timestamp"] ?? objectOf(record["snapshot"])?.["timestamp"];
    const time = timeOf(stamp);
    if (type === "user" || type === "assistant") return readMessage(record, type, time);
    return plain(typeOf(type, subtypeOf(record, type)), time);
  },
};

/** Whether a record is one that Claude Code writes, by more than the name of its type. */
function isOurs(value: unknown): boolean {
  const record = objectOf(value);
  switch (record?.["type"]) {
    case "user":
    case "assistant":
      return "uuid" in record && "sessionId" in record && objectOf(record["message"]) !== undefined;
    case "system":
    case "progress":
    case "attachment":
      return "uuid" in record && "sessionId" in record;
    case "summary":
      return "leafUuid" in record;
    case "file-history-snapshot":
      return objectOf(record["snapshot"]) !== undefined;
    case "queue-operation":
      return "operation" in record && "sessionId" in record;
    case "pr-link":
      return "prUrl" in record && "sessionId" in record;
    default:
      return false;
  }
}

/** Claude Code. */
export const claudeCode: Format = {
  name: "claude-code",
  appendOnly: true,
  recalls: ["call"],
  sniff(head) {
    const { lines, document } = headSample(head);
    const ours = lines.records.filter(isOurs).length;
    if (ours > 0) return 0.95 * (ours / (lines.records.length + lines.badLines));
    // The first line may be longer than the head: then its first members have to do.
    const cutOff = lines.records.length === 0 && !document.complete && !document.broken;
    const { members } = document;
    return cutOff && members.has("parentUuid") && members.has("sessionId") ? 0.7 : 0;
  },
  reader(options) {
    refusePath("claude-code", options);
    return new LineScanner(mapper, options);
  },
};
