// A generated session as the text of a file, piece by piece: whoever writes it holds one piece at a
// time, whatever the length.

import { agentEvents, eventText, type SessionPlan } from "./agent-events.ts";
import { claudeCodeLines } from "./claude-code.ts";

/** The forms of a file: lines of JSON, one JSON array, or a session of Claude Code. */
export const transcriptFormats = ["ndjson", "array", "claude-code"] as const;

/** One of `transcriptFormats`. */
export type TranscriptFormat = (typeof transcriptFormats)[number];

const chunkChars = 256 * 1024;

/** The text of a transcript in pieces of about 256 K characters; joined they are the file. */
export function* transcriptChunks(format: TranscriptFormat, plan: SessionPlan): Generator<string> {
  let chunk = "";
  for (const piece of pieces(format, plan)) {
    chunk += piece;
    if (chunk.length < chunkChars) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk.length > 0) yield chunk;
}

function* pieces(format: TranscriptFormat, plan: SessionPlan): Generator<string> {
  if (format === "claude-code") {
    for (const line of claudeCodeLines(plan)) yield `${line}\n`;
    return;
  }
  let position = 0;
  if (format === "array") yield "[";
  for (const event of agentEvents(plan)) {
    const text = eventText(event, position);
    if (format === "ndjson") yield `${text}\n`;
    else yield position === 0 ? `\n${text}` : `,\n${text}`;
    position += 1;
  }
  if (format === "array") yield "\n]\n";
}
