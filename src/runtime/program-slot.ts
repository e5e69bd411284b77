/**
 * A program inside a worker: evaluated from the very code that was hashed, and evaluated anew at
 * every boundary, so that a variable of a module cannot carry meaning from one stretch to the next.
 * That is also why the code is a script and not a module: a module is evaluated once per thread and
 * never given back.
 */
import { Script } from "node:vm";
import { assert, messageOf, ReachError, toHex } from "../base/index.ts";
import { builtIn } from "../programs/index.ts";
import { type Program, programOf, type ReducerEvent } from "../replay/index.ts";
import { sourcePlace } from "../sandbox/index.ts";
import type { ProgramText } from "./protocol.ts";
import { enterProgram, leaveProgram } from "./whereabouts.ts";

/** Compiled programs that a thread keeps. */
const compiledMax = 8;

/** Of a file without exports there is nothing. */
type Evaluate = () => { readonly default?: unknown } | undefined;

const compiled = new Map<string, Evaluate>();

function compile(text: ProgramText, code: string): Evaluate {
  const key = toHex(text.hash);
  const known = compiled.get(key);
  if (known) return known;
  const script = new Script(`(()=>{${code}\nreturn program})`, { filename: text.where });
  const evaluate = script.runInThisContext() as Evaluate;
  if (compiled.size >= compiledMax) compiled.delete(compiled.keys().next().value as string);
  compiled.set(key, evaluate);
  return evaluate;
}

/** A program that can be made new. Its `init` and `reduce` are those of the newest instance. */
export class ProgramSlot implements Program {
  readonly name: string;
  readonly version: string;
  readonly hash: Uint8Array;
  /** Whether it can be executed, and not only folded. */
  hasStep = false;
  readonly #text: ProgramText;
  readonly #evaluate: Evaluate | undefined;
  #instance: Program;

  /** Evaluates the program. Throws `PROGRAM_INVALID` that says what is missing in which file. */
  constructor(text: ProgramText) {
    this.#text = text;
    if (text.code === null) {
      const program = builtIn(text.where);
      assert(program, "a program without code is built in");
      this.#instance = program as Program;
    } else {
      this.#evaluate = compile(text, text.code);
      this.#instance = this.#evaluated(this.#evaluate);
    }
    this.name = this.#instance.name;
    this.version = this.#instance.version;
    this.hash = text.hash;
  }

  #evaluated(evaluate: Evaluate): Program {
    const { where, hash } = this.#text;
    let exported: unknown;
    enterProgram("load", 0);
    try {
      exported = evaluate()?.default;
    } catch (cause) {
      const at = placeOf(this.#text, cause);
      const why = at === undefined ? messageOf(cause) : `${at}: ${messageOf(cause)}`;
      const message = `${where} failed while it was loaded: ${why}`;
      throw new ReachError("PROGRAM_INVALID", message, { where: at ?? where, cause });
    } finally {
      leaveProgram();
    }
    const program = programOf(exported, hash, where);
    this.hasStep = typeof (exported as { readonly step?: unknown }).step === "function";
    return program;
  }

  /** Starts over with an instance that has seen nothing; built-in programs keep nothing anyway. */
  renew(): void {
    if (this.#evaluate) this.#instance = this.#evaluated(this.#evaluate);
  }

  init(first: ReducerEvent): unknown {
    enterProgram("init", first.seq);
    try {
      return this.#instance.init(first);
    } finally {
      leaveProgram();
    }
  }

  reduce(state: unknown, event: ReducerEvent): unknown {
    enterProgram("reduce", event.seq);
    try {
      return this.#instance.reduce(state, event);
    } finally {
      leaveProgram();
    }
  }

  /** A failure of the program with the line of its source, where the stack tells. */
  located(error: unknown): unknown {
    if (!(error instanceof ReachError) || error.code !== "PROGRAM_FAILED") return error;
    const at = placeOf(this.#text, error.cause);
    if (at === undefined) return error;
    const { hint, cause } = error;
    const details = hint === undefined ? { where: at, cause } : { where: at, hint, cause };
    return new ReachError(error.code, `${error.message} (${at})`, details);
  }
}

/** `file:line:column` in the author's source of the innermost frame of the program's own code. */
function placeOf(text: ProgramText, thrown: unknown): string | undefined {
  const stack = thrown instanceof Error ? String(thrown.stack) : "";
  const frame = stack.split("\n").find((line) => line.includes(`${text.where}:`));
  const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame ?? "") ?? [];
  if (line === undefined || column === undefined) return undefined;
  const offset = Number(line) === 1 ? wrapperChars : 0;
  return sourcePlace(text.map, text.where, Number(line), Number(column) - 1 - offset)?.text;
}

const wrapperChars = "(()=>{".length;
