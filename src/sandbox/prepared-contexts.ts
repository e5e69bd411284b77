/**
 * Contexts with a kernel in them, made ahead of need: making one takes longer than most activations.
 * A context is used for one session and never again. No object of the host is ever in one: it is
 * made without a global object from outside, and what the host calls are closures made inside.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Context, constants, createContext, Script } from "node:vm";
import { ReachError } from "../base/index.ts";
import { ignoreForeignRejections } from "./foreign-rejections.ts";
import { type KernelPort, kernelTexts } from "./kernel-port.ts";

/** Contexts that a thread keeps ready. */
const readyMax = 4;

type Kernel = (stacks: boolean) => KernelPort;

let kernelScript: Script | undefined;
/** Running anything at the top of a context empties its queue of promises. */
const nothing = new Script("0", { filename: "reach:drain" });

const ready: PreparedContext[] = [];
let refilling = false;

function loadKernel(): Script {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist/sandbox/" : "./";
  const file = fileURLToPath(new URL(`${folder}kernel.js`, import.meta.url));
  return new Script(readFileSync(file, "utf8"), { filename: "reach:kernel" });
}

/** A context that no program has been in yet. */
export class PreparedContext {
  readonly port: KernelPort;
  readonly #context: Context;
  /** Frames of the host under the program, different in each context: see `drain`. */
  readonly #depth = Math.floor(Math.random() * 16);

  constructor(stacks: boolean) {
    kernelScript ??= loadKernel();
    ignoreForeignRejections();
    this.#context = createContext(constants.DONT_CONTEXTIFY, {
      codeGeneration: { strings: false, wasm: false },
      microtaskMode: "afterEvaluate",
    });
    const kernel = kernelScript.runInContext(this.#context) as Kernel;
    this.port = kernel(stacks);
  }

  /** Evaluates a program in it. Throws `PROGRAM_INVALID`. */
  load(
    script: Script,
    { where }: { readonly where: string },
  ): { name: string; version: string; hasStep: boolean } {
    const { port } = this;
    if (!port.load(script.runInContext(this.#context))) throw loadFailure(port, where);
    this.drain();
    return {
      name: port.text(kernelTexts.programName),
      version: port.text(kernelTexts.programVersion),
      hasStep: port.hasStep(),
    };
  }

  /**
   * Runs the promises of the context dry. The stack below differs from context to context on
   * purpose: a program that measures how deep it can go then diverges at its first replay.
   */
  drain(): void {
    descend(this.#depth, this.#context);
  }
}

function descend(frames: number, context: Context): void {
  if (frames > 0) descend(frames - 1, context);
  else nothing.runInContext(context);
}

function loadFailure(port: KernelPort, where: string): ReachError {
  const message = port.text(kernelTexts.faultMessage);
  if (port.text(kernelTexts.faultCode) === "PROGRAM_INVALID") {
    return new ReachError("PROGRAM_INVALID", `no program in ${where}: ${message}`, {
      where,
      hint: "write `export default defineProgram({ name, version, init, reduce, step })`",
    });
  }
  const thrown = `${port.text(kernelTexts.faultName)}: ${message}`;
  return new ReachError("PROGRAM_INVALID", `${where} failed while it was loaded: ${thrown}`, {
    where,
  });
}

/** A context that is ready, or a new one; those with stacks are always new. */
export function takeContext(stacks: boolean): PreparedContext {
  if (stacks) return new PreparedContext(true);
  const found = ready.pop() ?? new PreparedContext(false);
  refill();
  return found;
}

/** Makes contexts when the thread has nothing else to do; never keeps a process alive. */
function refill(): void {
  if (refilling || ready.length >= readyMax) return;
  refilling = true;
  setImmediate(() => {
    refilling = false;
    if (ready.length >= readyMax) return;
    ready.push(new PreparedContext(false));
    refill();
  }).unref();
}
