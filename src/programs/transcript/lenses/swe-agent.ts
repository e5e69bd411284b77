/**
 * SWE-agent trajectories (the members of one JSON document) and mini-swe-agent (messages). The
 * steps are the calls, the history is the conversation: the same run told twice, read once each.
 * There are no times; newer steps say how long they took.
 */
import type { Facts, Lens, TranscriptEvent } from "../facts.ts";
import {
  costOf,
  countOf,
  isMembers,
  itemsOf,
  type Members,
  membersOf,
  parsedMembers,
  plainText,
  secondsOf,
  textOf,
} from "../shape.ts";

/** The lens for SWE-agent. */
export const sweAgent: Lens = {
  format: "swe-agent",

  fits(type, data) {
    if (!isMembers(data)) return false;
    const role = textOf(data["role"]);
    if (type === "step") return "action" in data && "observation" in data;
    if (type.startsWith("history/")) return role !== undefined && "content" in data;
    if (type.startsWith("message/")) return role !== undefined && Object.keys(data).length <= 4;
    if (type === "info") return "exit_status" in data || isMembers(data["model_stats"]);
    return type === "replay_config" && isMembers(data["agent"]);
  },

  reads(type) {
    return type === "step" || type === "info" || type.startsWith("history/") || isMiniMessage(type);
  },

  read(event, facts) {
    const record = membersOf(event.data);
    if (event.type === "step") readStep(event, record, facts);
    else if (event.type === "info") readInfo(record, facts);
    else if (isMiniMessage(event.type)) readMiniMessage(event, record, facts);
    else readHistory(record, facts);
  },
};

function isMiniMessage(type: string): boolean {
  return type.startsWith("message/");
}

function readStep(event: TranscriptEvent, step: Members, facts: Facts): void {
  const action = textOf(step["action"]);
  if (action === undefined) return;
  const id = `step ${event.seq}`;
  const [tool = "", target = ""] = action
    .trimStart()
    .slice(0, 2000)
    .split(/[ \n]+/, 3);
  facts.call(id, tool === "" ? "unnamed" : tool);
  fileOfAction(tool, action, target, step, facts);
  // An exit code is nowhere in a step: whether it went well is not known.
  facts.result(id, { failed: false, ms: secondsOf(step["execution_time"]) });
}

const noFile = "n/a";

/** `open PATH`, `create PATH`; `edit` and `insert` work on the file that is open. */
function fileOfAction(
  tool: string,
  action: string,
  target: string,
  step: Members,
  facts: Facts,
): void {
  const state = parsedMembers(step["state"]);
  const path = absolute(target.replace(/^["']|["']$/g, ""), state);
  if (tool === "open" && path !== "") facts.file(path, "read");
  else if (tool === "create" && path !== "") facts.file(path, "write");
  else if (tool === "edit" || tool === "insert") {
    const openFile = textOf(state["open_file"]);
    if (openFile !== undefined && openFile !== noFile) facts.file(openFile, "edit");
  } else if (tool === "str_replace_editor") {
    const [, command, file] = action
      .trimStart()
      .slice(0, 2000)
      .split(/[ \n]+/, 4);
    const use = command === "view" ? "read" : command === "create" ? "write" : "edit";
    if (file !== undefined) facts.file(absolute(file, state), use);
  }
}

/** The path below the working directory, so that a file has one name in all steps. */
function absolute(path: string, state: Members): string {
  const folder = textOf(state["working_dir"]);
  const below = folder !== undefined && path !== "" && !path.startsWith("/");
  return below ? `${folder}/${path}` : path;
}

/** `model_stats` are the sums of the whole run. */
function readInfo(info: Members, facts: Facts): void {
  const stats = membersOf(info["model_stats"]);
  // A cost of 0 beside calls is one that nobody knew.
  const cost = costOf(stats["instance_cost"]) || costOf(stats["total_cost"]) || null;
  const input = countOf(stats["tokens_sent"]);
  const output = countOf(stats["tokens_received"]);
  const replies = countOf(stats["api_calls"]);
  facts.usage(null, { input, output, cacheRead: 0, cacheWrite: 0, cost, replies });
  const status = textOf(info["exit_status"]);
  if (status?.startsWith("exit_") || status?.includes("error")) facts.error(status);
}

function readHistory(item: Members, facts: Facts): void {
  const role = textOf(item["role"]) ?? "unknown";
  const demonstration = item["is_demo"] === true;
  const observation = role === "tool";
  const name = demonstration ? "demonstration" : role;
  const aside = demonstration || observation || role === "system";
  facts.message(name, plainText(item["content"]), aside);
}

const codeBlock = /```(?:mswea_bash_command|bash|sh)\r?\n/;
const returnCode = /^\s*<returncode>\s*(-?\d{1,10})\s*<\/returncode>/;

/** A mini agent calls bash with a code block, and the next message answers it. */
function readMiniMessage(event: TranscriptEvent, item: Members, facts: Facts): void {
  const role = textOf(item["role"]) ?? "unknown";
  const text = plainText(item["content"]);
  const code = role === "user" ? returnCode.exec(text)?.[1] : undefined;
  facts.message(code === undefined ? role : "tool", text, code !== undefined || role === "system");
  if (code !== undefined) facts.result(null, { failed: Number(code) !== 0, text });
  if (role === "assistant" && codeBlock.test(text)) facts.call(`message ${event.seq}`, "bash");
  for (const call of itemsOf(item["tool_calls"])) {
    const called = membersOf(membersOf(call)["function"]);
    const id = textOf(membersOf(call)["id"]) ?? "";
    facts.call(id, textOf(called["name"]) ?? "unnamed", called["arguments"]);
  }
  const answered = textOf(item["tool_call_id"]);
  if (answered !== undefined) facts.result(answered, { failed: false });
}
