/**
 * Values on the command line of `reach run` and its kin: `--input JSON` or `@FILE`, and `TYPE=JSON`
 * for what a session waits for.
 */
import * as fs from "node:fs";
import { inexactNumber, messageOf, ReachError } from "../base/index.ts";
import { checkEventType } from "../event/index.ts";

/** For the help of commands that take such values. */
export const exactNumbers =
  "A number in JSON that would not keep its digits (12345678901234567890, 1e400) is refused: " +
  "give it as text.";

/** An input for a session that waits for one. */
export interface SentInput {
  readonly type: string;
  readonly data: unknown;
}

/**
 * The value of a flag: JSON, or `@FILE` for JSON in a file, `@-` for standard input. Throws `USAGE`
 * for what is not JSON and for a number that would change, `NOT_FOUND` for a missing file.
 */
export function jsonValue(text: string, flag: string, joint = " "): unknown {
  if (!text.startsWith("@")) {
    return parsed(text, flag, `write strings with quotes: ${flag}${joint}'"…"'`);
  }
  const file = text.slice(1);
  let content: string;
  try {
    content = fs.readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new ReachError("NOT_FOUND", `${flag}: ${messageOf(error)}`, { cause: error });
  }
  return parsed(content, `${flag} ${file}`, "the file should hold one JSON value");
}

function parsed(text: string, what: string, hint: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReachError("USAGE", `${what} is not JSON: ${messageOf(error)}`, { hint });
  }
  const path = inexactNumber(text);
  if (path === undefined) return value;
  throw new ReachError("USAGE", `${what}: the number at ${path} would be changed`, {
    hint: "give it as text: it is none that a double holds",
  });
}

/**
 * `TYPE=JSON`, or `TYPE` alone for null, behind a flag or by itself. Throws `USAGE`, also for what
 * no event can be called.
 */
export function sentInput(text: string, flag = "--send"): SentInput {
  const shown = (words: string): string => `${flag} ${words}`.trim();
  const at = text.indexOf("=");
  const type = at < 0 ? text : text.slice(0, at);
  if (type === "") {
    throw new ReachError("USAGE", `${shown(text)} names no type`, {
      hint: `for example ${shown(`approval='{"by":"me"}'`)}`,
    });
  }
  try {
    checkEventType(type);
  } catch (cause) {
    const message = flag === "" ? messageOf(cause) : `${flag}: ${messageOf(cause)}`;
    throw new ReachError("USAGE", message, { cause });
  }
  return { type, data: at < 0 ? null : jsonValue(text.slice(at + 1), shown(type), "=") };
}
