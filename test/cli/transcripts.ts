/** Small transcripts for the tests of the command. */

/** Lines of NDJSON: `count` records of the types a, b, c in turn, one second apart. */
export function ndjson(count: number, from = 0): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const type = ["a", "b", "c"][n % 3];
    const time = new Date(Date.UTC(2026, 0, 5) + 1000 * n).toISOString();
    return JSON.stringify({ type, n, time, text: `record ${n}` });
  });
  return lines.map((line) => `${line}\n`).join("");
}

const sessionId = "11111111-2222-4333-8444-555555555555";

function claudeLine(n: number, role: "user" | "assistant", content: unknown): string {
  const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  const timestamp = new Date(Date.UTC(2026, 0, 5, 9) + 1500 * n).toISOString();
  const message = { role, content };
  return JSON.stringify({ parentUuid: null, sessionId, type: role, message, uuid, timestamp });
}

/**
 * A session of Claude Code with `turns` tool calls, each answered; every fifth result is larger
 * than what an event holds inline.
 */
export function claudeSession(turns: number): string {
  const lines = [claudeLine(0, "user", "please look at the log")];
  for (let turn = 0; turn < turns; turn++) {
    const id = `toolu_${turn}`;
    const input = { file_path: `/app/file-${turn % 3}.ts` };
    lines.push(
      claudeLine(2 * turn + 1, "assistant", [{ type: "tool_use", id, name: "Read", input }]),
    );
    const content = turn % 5 === 4 ? `large ${turn} ${"x".repeat(6000)}` : `content ${turn}`;
    const result = { type: "tool_result", tool_use_id: id, content };
    lines.push(claudeLine(2 * turn + 2, "user", [result]));
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** Two records on one line, for the one at `line` (counted from 1) and the next. */
export function glued(text: string, line: number): string {
  const lines = text.split("\n");
  lines.splice(line - 1, 2, `${lines[line - 1]}${lines[line]}`);
  return lines.join("\n");
}
