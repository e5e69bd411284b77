/**
 * A made-up session of a coding agent for `reach demo`, in the form that Claude Code writes: the
 * same for the same seed, some of its payloads large, some of them sent again and again.
 */
import * as fs from "node:fs";
import { sha256Stream, toHex } from "../base/index.ts";

const words = (
  "parse the header then check every frame and note where it ends because a torn tail is cut " +
  "while damage in the middle must be reported with the first event that may be wrong"
).split(" ");
const files = ["src/log.ts", "src/frame.ts", "src/tree.ts", "test/log.test.ts", "README.md"];
const tools = ["Read", "Edit", "Bash", "Grep"] as const;
const startTime = Date.UTC(2026, 0, 5, 9, 0, 0);

/** Pseudo-random numbers from 0 to 1: mulberry32, enough for a demo. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes the records of one session. */
class DemoAgent {
  readonly #random: () => number;
  #time = startTime;
  #count = 0;
  #parent: string | null = null;
  /** What the files hold: they are read again and again, and change a little. */
  readonly #contents = new Map<string, string>();

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** The next few records: a question, or a call and its result, or a reply. */
  *turn(): Generator<object, void> {
    if (this.#count % 97 === 0) yield this.#record("user", this.#sentence(12));
    const tool = this.#pick(tools);
    const id = `toolu_${String(this.#count).padStart(8, "0")}`;
    const file = this.#pick(files);
    const input = tool === "Bash" ? { command: "npm test" } : { file_path: `/app/${file}` };
    yield this.#record("assistant", [{ type: "tool_use", id, name: tool, input }]);
    const failed = this.#random() < 0.04;
    const content = failed ? "Error: no such file" : this.#resultOf(tool, file);
    const result = { type: "tool_result", tool_use_id: id, content, is_error: failed };
    yield this.#record("user", [result]);
    if (this.#random() < 0.4) {
      yield this.#record("assistant", [{ type: "text", text: this.#sentence(40) }]);
    }
  }

  #record(role: "user" | "assistant", content: unknown): object {
    const uuid = `00000000-0000-4000-8000-${String(this.#count).padStart(12, "0")}`;
    this.#time += Math.round(200 + 4000 * this.#random() ** 3);
    this.#count += 1;
    const usage = { input_tokens: 900, cache_read_input_tokens: 20_000, output_tokens: 120 };
    const model = { model: "demo-1", id: `msg_${this.#count}`, usage };
    const record = {
      parentUuid: this.#parent,
      sessionId: "11111111-2222-4333-8444-555555555555",
      version: "2.1.0",
      cwd: "/app",
      type: role,
      message: { role, ...(role === "assistant" ? model : {}), content },
      uuid,
      timestamp: new Date(this.#time).toISOString(),
    };
    this.#parent = uuid;
    return record;
  }

  #resultOf(tool: (typeof tools)[number], file: string): string {
    if (tool === "Bash") return `${this.#sentence(20)}\n12 passed`;
    if (tool === "Grep") return `${file}:12: ${this.#sentence(8)}`;
    let content = this.#contents.get(file);
    if (content === undefined || (tool === "Edit" && content.length < 60_000)) {
      content = `${content ?? ""}${this.#lines(content === undefined ? 80 : 4)}`;
      this.#contents.set(file, content);
    }
    return tool === "Edit" ? `${file} was changed` : content;
  }

  #lines(count: number): string {
    return Array.from({ length: count }, () => `${this.#sentence(10)}\n`).join("");
  }

  #sentence(length: number): string {
    return Array.from({ length }, () => this.#pick(words)).join(" ");
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }
}

/** The lines of a session with `events` records, each with its newline. */
export function* demoTranscript(events: number, seed: number): Generator<string, void> {
  const agent = new DemoAgent(seed);
  let written = 0;
  while (written < events) {
    for (const record of agent.turn()) {
      if (written === events) return;
      yield `${JSON.stringify(record)}\n`;
      written += 1;
    }
  }
}

/** Writes a transcript to a new file; returns its SHA-256 in hexadecimal. */
export function writeDemoTranscript(file: string, events: number, seed: number): string {
  const hash = sha256Stream();
  const fd = fs.openSync(file, "wx");
  try {
    let piece = "";
    const write = (): void => {
      const bytes = Buffer.from(piece);
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
      piece = "";
    };
    for (const line of demoTranscript(events, seed)) {
      piece += line;
      if (piece.length > 1024 * 1024) write();
    }
    write();
  } finally {
    fs.closeSync(fd);
  }
  return toHex(hash.digest());
}
