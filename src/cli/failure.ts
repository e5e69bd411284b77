/**
 * An error as a person reads it: what happened, where, what to do, on one to three lines. The stack
 * is shown with `--debug` only; with `--json` the error is one object, on stderr.
 */
import { codeOf, type ErrorCode, messageOf } from "../base/index.ts";
import type { Output } from "./output.ts";
import { visible } from "./terminal-text.ts";

/** What is known of anything thrown. */
export interface Failure {
  /** Stable; `UNEXPECTED` for what is no error of Reach. */
  readonly code: string;
  readonly message: string;
  readonly where: string | null;
  readonly hint: string | null;
}

function textMember(error: unknown, name: string): string | null {
  if (typeof error !== "object" || error === null) return null;
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" && value !== "" ? value : null;
}

/** The code of anything thrown: also of what the system refuses, which is no bug of Reach. */
export function failureCodeOf(error: unknown): ErrorCode | undefined {
  const code = codeOf(error);
  if (code !== undefined || textMember(error, "syscall") === null) return code;
  const refused = textMember(error, "code");
  return refused === "ENOSPC" || refused === "EDQUOT" ? "DISK_FULL" : "IO_FAILED";
}

/** What happened, where, and what to do. */
export function failureOf(error: unknown): Failure {
  const code = failureCodeOf(error);
  return {
    code: code ?? "UNEXPECTED",
    message: messageOf(error),
    where: code === undefined ? null : textMember(error, "where"),
    hint: hintOf(code, error),
  };
}

function hintOf(code: string | undefined, error: unknown): string | null {
  if (code === undefined) return unexpectedHint;
  // A server says which header it wants; whoever calls the command does not write headers.
  return code === "UNAUTHENTICATED" ? tokenHint : textMember(error, "hint");
}

const tokenHint =
  "put a token into REACH_TOKEN, or its file into REACH_TOKEN_FILE; " +
  "`reach token create` makes one, where the server runs";

const unexpectedHint = "this is a bug of Reach: please report it with what --debug adds";

/** The lines of a failure, without colours. */
export function failureLines(failure: Failure): string[] {
  const { message, where, hint } = failure;
  const lines = [`reach: ${visible(message)}`];
  if (where !== null && !message.includes(where)) lines.push(`  where: ${visible(where)}`);
  if (hint !== null) lines.push(...hint.split("\n").map((line) => `  ${visible(line)}`));
  return lines;
}

/** The stacks of an error and of what caused it. */
export function stackOf(error: unknown): string {
  const stacks: string[] = [];
  let at: unknown = error;
  while (at instanceof Error && stacks.length < 8) {
    stacks.push(at.stack ?? String(at));
    at = at.cause;
  }
  return stacks.join("\ncaused by: ");
}

/** Prints an error on stderr: for people, or with `--json` as one object. */
export function complainOf(output: Output, error: unknown, debug = false): void {
  const failure = failureOf(error);
  if (output.json) output.complain(JSON.stringify({ error: failure }));
  else {
    const [first = "", ...others] = failureLines(failure);
    output.complain([output.noteStyle("red", first), ...others].join("\n"));
  }
  if (debug) output.complain(stackOf(error));
}
