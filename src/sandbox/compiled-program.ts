/**
 * Programs ready to be evaluated in contexts: the very code that was hashed, compiled once per
 * thread and kept by its hash. What a program must not contain is refused here as well as by the
 * bundler, since a bundle may come from somewhere else.
 */
import { Script } from "node:vm";
import { assert, ReachError, toHex } from "../base/index.ts";
import { codeFault } from "./code-faults.ts";
import { giveBackRealm, takeRealm } from "./realms.ts";

/** The text of a bundled program: one script that leaves its exports in the variable `program`. */
export interface SandboxText {
  /** SHA-256 of `code`. */
  readonly hash: Uint8Array;
  /** What messages call it: the file it was bundled from, or a name. */
  readonly where: string;
  readonly code: string;
  /** Its source map (JSON). */
  readonly map: string | null;
}

/** A program that contexts can be made of. */
export interface CompiledProgram extends SandboxText {
  readonly name: string;
  readonly version: string;
  /** Whether it can be executed, and not only folded. */
  readonly hasStep: boolean;
  /** Returns a function that evaluates the program and returns its exports. */
  readonly script: Script;
}

/** Compiled programs that a thread keeps. */
const compiledMax = 16;

const compiled = new Map<string, CompiledProgram>();

const opening = '(()=>{"use strict";';

/** Characters that the wrapper puts in front of the first line of the code. */
export const wrapperChars: number = opening.length;

/**
 * Compiles a program, or returns the one compiled before. Evaluates it once to learn what it is
 * called. Throws `PROGRAM_INVALID` when it is none, with the place where there is one.
 */
export function compileProgram(text: SandboxText): CompiledProgram {
  const key = toHex(text.hash);
  const known = compiled.get(key);
  if (known) return known;
  assert(text.hash.length === 32, "the hash of a program has 32 bytes");
  const fault = codeFault(text);
  if (fault) throw fault;
  const script = scriptOf(text);
  const { hash, where, code, map } = text;
  const realm = takeRealm(script, false);
  const { name, version, hasStep } = realm.load({ script, where });
  giveBackRealm(realm);
  const program = { hash, where, code, map, name, version, hasStep, script };
  if (compiled.size >= compiledMax) compiled.delete(compiled.keys().next().value as string);
  compiled.set(key, program);
  return program;
}

function scriptOf({ where, code }: SandboxText): Script {
  try {
    return new Script(`${opening}${code}\nreturn program})`, {
      filename: where,
      columnOffset: -wrapperChars,
    });
  } catch (cause) {
    const message = `no program in ${where}: ${(cause as Error).message}`;
    throw new ReachError("PROGRAM_INVALID", message, { where, cause });
  }
}
