/**
 * A program out of what its bundle exports. Everything that is wrong with it is said at once,
 * before the first event; the members are read here and never again.
 */
import { limits } from "../../base/index.ts";
import { SandboxError } from "./program-errors.ts";
import type { LoadedProgram } from "./session-run.ts";

type Members = Readonly<Record<string, unknown>>;

function textFault(name: string, value: unknown): string | undefined {
  if (value === undefined) return `\`${name}\` is missing`;
  if (typeof value !== "string" || value === "") return `\`${name}\` is no text`;
  const bytesMax = limits.eventTypeBytesMax;
  return 3 * value.length > bytesMax && new TextEncoder().encode(value).length > bytesMax
    ? `\`${name}\` is longer than ${bytesMax} bytes`
    : undefined;
}

function functionFault(name: string, value: unknown, optional: boolean): string | undefined {
  if (value === undefined) return optional ? undefined : `\`${name}\` is missing`;
  if (typeof value !== "function") return `\`${name}\` is no function`;
  if (optional) return undefined;
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return kind === "Function" ? undefined : `\`${name}\` is an ${kind}: it has to be synchronous`;
}

function faultsOf(program: Members): string[] {
  return [
    textFault("name", program["name"]),
    textFault("version", program["version"]),
    functionFault("init", program["init"], false),
    functionFault("reduce", program["reduce"], false),
    functionFault("step", program["step"], true),
  ].filter((fault) => fault !== undefined);
}

/** Evaluates a bundle. Throws what it throws, or `PROGRAM_INVALID` that names what is missing. */
export function loadedProgram(evaluate: () => unknown): LoadedProgram {
  const exported = (evaluate() as Members | undefined)?.["default"];
  const isObject = typeof exported === "object" && exported !== null;
  const nothing = exported === undefined ? "it has no default export" : "its default is no object";
  const faults = isObject ? faultsOf(exported as Members) : [nothing];
  if (faults.length > 0) throw new SandboxError("PROGRAM_INVALID", faults.join("; "));
  const program = exported as unknown as LoadedProgram;
  const { name, version, init, reduce, step } = program;
  return {
    name,
    version,
    init: (first) => Reflect.apply(init, program, [first]),
    reduce: (state, event) => Reflect.apply(reduce, program, [state, event]),
    step: step && ((context) => Reflect.apply(step, program, [context])),
  };
}
