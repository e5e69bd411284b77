// A generated session as Claude Code writes it: one line per content block, the lines of a message
// share its id and repeat its usage, tools answer in lines of the user, long commands report
// progress. Made of invented text only.

import type { SessionPlan } from "./agent-events.ts";
import { jsonText } from "./json-text.ts";
import { code, command, commandOutput, filePath, prose } from "./prose.ts";
import { quantiles, Random } from "./random.ts";

type Members = Readonly<Record<string, unknown>>;

interface ToolUse {
  readonly id: string;
  readonly name: "Bash" | "Read" | "Edit";
  readonly input: Members;
  /** The line of the assistant that called it. */
  readonly line: string;
}

const start = Date.UTC(2026, 0, 22, 5, 15, 50, 831);
const cwd = "/home/dev/project";
const textChars = quantiles("0:20 50:400 90:1500 99:5000 100:12000");
const thoughtChars = quantiles("0:80 50:500 90:2000 99:6000 100:20000");
const outputChars = quantiles("0:0 50:500 90:4000 99:20000 100:60000");
const seconds = quantiles("0:0 80:2 95:20 100:90");
const pauses = quantiles("0:2000 70:60000 97:1800000 100:40000000");

/** The lines of one generated session, without line ends: nothing of the past is kept. */
export function* claudeCodeLines(plan: SessionPlan): Generator<string> {
  const session = new ClaudeCodeSession(plan.seed);
  let left = plan.events;
  while (left > 0) {
    for (const line of session.turn()) {
      yield jsonText(line, "compact");
      left -= 1;
      if (left === 0) return;
    }
  }
}

class ClaudeCodeSession {
  readonly #random: Random;
  readonly #sessionId: string;
  readonly #slug: string;
  #clock = start;
  #parent: string | null = null;
  #cached = 12_000;

  constructor(seed: number) {
    this.#random = new Random(seed, "claude-code");
    this.#sessionId = this.#random.uuid();
    this.#slug = prose(this.#random, 24)
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, "-");
  }

  /** Everything from one input of the user to the end of the answer. */
  *turn(): Generator<Members> {
    const random = this.#random;
    if (this.#parent === null) yield this.#summary();
    this.#clock += random.of(pauses);
    const began = this.#clock;
    yield this.#line("user", { message: { role: "user", content: this.#text() } });
    yield this.#fileHistory();
    for (let rounds = random.between(1, 12); rounds > 0; rounds--) yield* this.#round();
    yield* this.#answer();
    if (random.chance(0.5)) {
      const durationMs = this.#clock - began;
      yield this.#line("system", { subtype: "turn_duration", durationMs, isMeta: false });
    }
    if (random.chance(0.01)) yield this.#compaction();
  }

  /** One message of the model with its tool calls, and their results. */
  *#round(): Generator<Members> {
    const random = this.#random;
    const message = this.#message();
    if (random.chance(0.55)) yield this.#thinking(message);
    if (random.chance(0.35)) yield this.#block(message, { type: "text", text: this.#text() });
    const calls: ToolUse[] = [];
    for (let count = random.chance(0.12) ? 2 : 1; count > 0; count--) {
      const use = { id: `toolu_01${random.token(22)}`, ...this.#toolInput() };
      const line = this.#block(message, { type: "tool_use", ...use });
      yield line;
      calls.push({ ...use, line: line["uuid"] as string });
    }
    for (const call of calls) {
      yield* this.#progress(call);
      yield this.#result(call);
    }
  }

  *#answer(): Generator<Members> {
    const message = this.#message();
    if (this.#random.chance(0.3)) yield this.#thinking(message);
    yield this.#block(message, { type: "text", text: this.#text() });
  }

  #text(): string {
    return prose(this.#random, this.#random.of(textChars));
  }

  /** A line that hangs on the one before it. */
  #line(type: string, members: Members): Members {
    const random = this.#random;
    const uuid = random.uuid();
    this.#clock += random.between(1, 900);
    // Lines of several tasks are written as they come: a few are older than the ones before.
    const back = random.chance(0.003) ? random.between(1, 2000) : 0;
    const line = {
      parentUuid: this.#parent,
      isSidechain: false,
      userType: "external",
      cwd,
      sessionId: this.#sessionId,
      version: "2.1.12",
      gitBranch: "main",
      slug: this.#slug,
      type,
      ...members,
      uuid,
      timestamp: new Date(this.#clock - back).toISOString(),
    };
    this.#parent = uuid;
    return line;
  }

  /** What the lines of one message share: its id and its usage. */
  #message(): Members {
    const random = this.#random;
    const created = random.between(100, 5000);
    this.#cached += created;
    if (this.#cached > 160_000) this.#cached = 20_000;
    return {
      model: "claude-opus-4-5-20251101",
      id: `msg_01${random.token(22)}`,
      type: "message",
      role: "assistant",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: random.between(1, 12),
        cache_creation_input_tokens: created,
        cache_read_input_tokens: this.#cached,
        cache_creation: { ephemeral_5m_input_tokens: created, ephemeral_1h_input_tokens: 0 },
        output_tokens: random.between(1, 900),
        service_tier: "standard",
      },
      requestId: `req_011${random.token(21)}`,
    };
  }

  #block(shared: Members, block: Members): Members {
    const { requestId, ...message } = shared;
    return this.#line("assistant", { message: { ...message, content: [block] }, requestId });
  }

  #thinking(message: Members): Members {
    const random = this.#random;
    const thinking = prose(random, random.of(thoughtChars));
    const signature = `${random.token(4 * Math.ceil(thinking.length / 12))}==`;
    return this.#block(message, { type: "thinking", thinking, signature });
  }

  #toolInput(): { readonly name: ToolUse["name"]; readonly input: Members } {
    const random = this.#random;
    const file = filePath(random.below(120));
    switch (random.below(4)) {
      case 0:
        return { name: "Read", input: { file_path: file } };
      case 1: {
        const [old_string, new_string] = [code(random, 300), code(random, 350)];
        return { name: "Edit", input: { file_path: file, old_string, new_string } };
      }
      default: {
        const description = prose(random, 50);
        return { name: "Bash", input: { command: command(random), description } };
      }
    }
  }

  /** The heartbeats of a command, which mostly repeat themselves. */
  *#progress(call: ToolUse): Generator<Members> {
    const random = this.#random;
    if (call.name !== "Bash") return;
    const ticks = Math.min(random.of(seconds), 60);
    let output = "";
    for (let tick = 1; tick <= ticks; tick++) {
      this.#clock += 1000;
      if (random.chance(0.05)) output += commandOutput(random, 200);
      const data = {
        type: "bash_progress",
        output: output.slice(-500).toWellFormed(),
        fullOutput: output,
        elapsedTimeSeconds: tick,
        totalLines: output.split("\n").length - 1,
      };
      const toolUseID = `bash-progress-${tick}`;
      yield this.#line("progress", { data, toolUseID, parentToolUseID: call.id });
    }
  }

  #result(call: ToolUse): Members {
    const random = this.#random;
    const failed = random.chance(0.05);
    const size = random.of(outputChars);
    const output = call.name === "Read" ? code(random, size) : commandOutput(random, size);
    const content = failed ? `Exit code 1\n${output}` : output;
    const block = { tool_use_id: call.id, type: "tool_result", content, is_error: failed };
    return this.#line("user", {
      message: { role: "user", content: [block] },
      toolUseResult: failed ? `Error: ${content}` : this.#details(call, output),
      sourceToolAssistantUUID: call.line,
    });
  }

  #details(call: ToolUse, output: string): Members {
    const filePath = call.input["file_path"];
    switch (call.name) {
      case "Read":
        return { type: "text", file: { filePath, content: output, numLines: 1, startLine: 1 } };
      case "Edit":
        return { filePath, oldString: call.input["old_string"], originalFile: output };
      default:
        return { stdout: output, stderr: "", interrupted: false, isImage: false };
    }
  }

  #summary(): Members {
    const leafUuid = this.#random.uuid();
    return { type: "summary", summary: prose(this.#random, 60), leafUuid };
  }

  #fileHistory(): Members {
    const messageId = this.#parent ?? this.#random.uuid();
    const timestamp = new Date(this.#clock).toISOString();
    const snapshot = { messageId, trackedFileBackups: {}, timestamp };
    return { type: "file-history-snapshot", messageId, snapshot, isSnapshotUpdate: false };
  }

  #compaction(): Members {
    const logicalParentUuid = this.#parent;
    this.#parent = null;
    return this.#line("system", {
      logicalParentUuid,
      subtype: "compact_boundary",
      content: "Conversation compacted",
      isMeta: false,
      level: "info",
      compactMetadata: { trigger: "auto", preTokens: this.#cached },
    });
  }
}
