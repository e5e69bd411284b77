/**
 * The program of a recorded session: two pure functions, `init` and `reduce`, and the hash of the
 * code they came from. A program that somebody wrote is checked here once, when it is loaded, so
 * that what is wrong with it is said before the first event and not in the middle of a fold.
 */
import { assert, limits, ReachError, utf8 } from "../base/index.ts";
import type { EventHeader } from "../event/index.ts";

/** An event as a program sees it: the header, and `data` decoded. `EventView` is one. */
export interface ReducerEvent<Data = unknown> extends EventHeader {
  readonly data: Data;
}

/** What the author of a program writes. Both functions are synchronous and use only arguments. */
export interface ProgramDefinition<State = unknown, Data = unknown> {
  readonly name: string;
  readonly version: string;
  /** The state before any event; `first` is event 0, which `reduce` gets as well. */
  init(first: ReducerEvent<Data>): State;
  /** The state after `event`; may change `state` in place, and returns it in any case. */
  reduce(state: State, event: ReducerEvent<Data>): State;
}

/** A checked program; `hash` names its code: equal hashes, equal behaviour. */
export interface Program extends ProgramDefinition {
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * The program in what a module exports. `hash` is the SHA-256 of the bundle it was loaded from,
 * `where` the file, for the message. Throws `PROGRAM_INVALID` that names everything missing.
 */
export function programOf(exported: unknown, hash: Uint8Array, where: string): Program {
  assert(hash.length === 32, "the hash of a program has 32 bytes");
  const faults = faultsOf(exported);
  if (faults.length > 0) {
    throw new ReachError("PROGRAM_INVALID", `no program in ${where}: ${faults.join("; ")}`, {
      where,
      hint: "write `export default defineProgram({ name, version, init, reduce })`",
    });
  }
  const definition = exported as ProgramDefinition;
  return {
    name: definition.name,
    version: definition.version,
    hash,
    init: (first) => definition.init(first),
    reduce: (state, event) => definition.reduce(state, event),
  };
}

function faultsOf(exported: unknown): string[] {
  if (typeof exported !== "object" || exported === null) {
    return [exported === undefined ? "it has no default export" : "its default is no object"];
  }
  const program = exported as Readonly<Record<string, unknown>>;
  const texts = ["name", "version"].map((member) => textFault(member, program[member]));
  const functions = ["init", "reduce"].map((member) => functionFault(member, program[member]));
  return [...texts, ...functions].filter((fault) => fault !== undefined);
}

function textFault(member: string, value: unknown): string | undefined {
  if (value === undefined) return `\`${member}\` is missing`;
  if (typeof value !== "string" || value === "") return `\`${member}\` is no text`;
  const bytesMax = limits.eventTypeBytesMax;
  return utf8(value).length > bytesMax
    ? `\`${member}\` is longer than ${bytesMax} bytes`
    : undefined;
}

/** An async function would make the state a promise, which shows only at the first snapshot. */
function functionFault(member: string, value: unknown): string | undefined {
  if (value === undefined) return `\`${member}\` is missing`;
  if (typeof value !== "function") return `\`${member}\` is no function`;
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return tag === "Function" ? undefined : `\`${member}\` is an ${tag}: it has to be synchronous`;
}
