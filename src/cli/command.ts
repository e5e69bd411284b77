/**
 * What a command is: a file of `commands` that adds its arguments and options to commander's
 * command, and says what to run. It is loaded when the command is called, or its help asked for.
 */
import { type Command, InvalidArgumentError } from "commander";
import { ReachError } from "../base/index.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Invocation } from "./invocation.ts";

/** The work of a command. Returns what to exit with; nothing for 0. */
export type Task = (invocation: Invocation) => Promise<ExitCode | undefined>;

/** Starts the work; a command calls it in its action. */
export type Start = (task: Task) => Promise<void>;

/** A command, as its file declares it. */
export interface CommandDefinition {
  /** Calls to begin with, each with a word about it, for the top of the help. */
  readonly examples: readonly (readonly [call: string, about: string])[];
  /** Paragraphs for the end of the help. */
  readonly notes?: readonly string[];
  /** Adds arguments, options and the action. */
  configure(command: Command, start: Start): void;
}

/** A count from 0: `--from 1000`, also written `1,000` or `1_000`. */
export function parseCount(text: string): number {
  return countFrom(0, text);
}

/** A count from 1. */
export function parsePositive(text: string): number {
  return countFrom(1, text);
}

function countFrom(least: number, text: string): number {
  const digits = text.replace(/(?<=\d)[,_](?=\d{3})/g, "");
  const count = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new InvalidArgumentError(`It should be a whole number, ${least} or more.`);
}

/** `-o FILE`: a name that is one. */
export function parseOutput(file: string): string {
  if (file !== "") return file;
  throw new InvalidArgumentError("It should be the name of a file, or - for standard output.");
}

/** `--from SEQ` and `--to SEQ`. Throws `USAGE` when the range ends before it begins. */
export function addRange(command: Command): void {
  command.option("--from <seq>", "first event, counted from 0", parseCount);
  command.option("--to <seq>", "event to stop before", parseCount);
  command.hook("preAction", () => {
    const { from = 0, to = from } = command.opts<RangeFlags>();
    if (from <= to) return;
    throw new ReachError("USAGE", `the range from ${from} to ${to} ends before it begins`, {
      hint: "--from is the first event, --to is the event to stop before",
    });
  });
}

/** The range that `addRange` adds. */
export interface RangeFlags {
  readonly from?: number;
  readonly to?: number;
}

/** `--program FILE`. */
export function addProgram(command: Command): void {
  const about =
    "a program: a .ts or .js file, or a built-in name (default: the session's own, or transcript)";
  command.option("--program <file>", about);
}

/** `--patience SECONDS`. */
export function addPatience(command: Command): void {
  const about = "how long the program may stay with one event (default: 30)";
  command.option("--patience <seconds>", about, parsePositive);
}

/** The patience that `addPatience` adds. */
export interface PatienceFlags {
  readonly patience?: number;
}

/** In milliseconds; nothing for the default. */
export function patienceMsOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
