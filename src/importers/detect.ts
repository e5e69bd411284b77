/**
 * All formats, and the choice of the one that a source is in: each looks at the first bytes and
 * says how sure it is, the surest wins. Content decides; a name only where content leaves it open.
 */
import { asciicast } from "./asciicast.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import type { Format } from "./importer.ts";
import { json } from "./json.ts";
import { ndjson } from "./ndjson.ts";
import { openhands } from "./openhands.ts";
import { sweAgent } from "./swe-agent.ts";
import { temporal } from "./temporal.ts";

/** Every format, the particular ones first. */
export const formats: readonly Format[] = [
  claudeCode,
  codex,
  sweAgent,
  openhands,
  temporal,
  asciicast,
  ndjson,
  json,
];

/** The format with this name, as `--format` takes it. */
export function formatNamed(name: string): Format | undefined {
  return formats.find((format) => format.name === name);
}

/**
 * The format that a source looks like, by its first bytes (up to 256 KiB are looked at; a smaller
 * head is taken for the whole source). `undefined` when it looks like none: it is empty, binary or
 * plain text. The name of the file only decides between formats that the content leaves open.
 */
export function detectFormat(head: Uint8Array, fileName: string): Format | undefined {
  let best: Format | undefined;
  let bestScore = 0;
  for (const format of formats) {
    const score = format.sniff(head, fileName);
    if (score > bestScore) {
      best = format;
      bestScore = score;
    }
  }
  return best;
}
