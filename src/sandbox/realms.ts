/**
 * Contexts with a kernel in them. Making one takes longer than a thousand activations and its code
 * runs cold, so one is used again for the same program: everything that is built in is frozen, so
 * all that a program can leave behind is in its own closures, which are made anew each time, or on
 * the global object: a realm in which that was changed is not used again. No object of the host is
 * ever inside: a realm is made without a global object from outside, and what the host calls are
 * closures made inside.
 */
import { readFileSync } from "node:fs";
import { type Context, constants, createContext, Script } from "node:vm";
import { ReachError } from "../base/index.ts";
import { builtFile } from "../disk/index.ts";
import { ignoreForeignRejections } from "./foreign-rejections.ts";
import { type KernelPort, kernelTexts } from "./kernel-port.ts";

/** Empty realms that a thread makes at once when it has nothing else to do. */
const readyMin = 2;
/** Between two that are made for sessions that may come: each is 3 to 10 ms of work. */
const stockMs = 100;
/** Realms that a thread keeps for programs that have been in them: 0.4 MiB each (measured). */
const idleMax = 64;
/** Frames that the host puts under a program, at most. */
const depthMax = 16;

type Kernel = (stacks: boolean, exact: boolean) => KernelPort;

/** What a realm evaluates: a script that returns a function that returns the exports. */
export interface Evaluable {
  readonly script: Script;
  readonly where: string;
}

/** What a program says of itself. */
export interface ProgramMembers {
  readonly name: string;
  readonly version: string;
  readonly hasStep: boolean;
}

let kernelScript: Script | undefined;
/** Whether this engine has nothing built in that is to be removed; learnt from the first realm. */
let exactEngine = false;
/** Running anything at the top of a context runs its promises dry. */
const nothing = new Script("0", { filename: "reach:drain" });

function loadKernel(): Script {
  const text = readFileSync(builtFile("sandbox/kernel.js"), "utf8");
  return new Script(text, { filename: "reach:kernel" });
}

function drainFrom(frames: number, context: Context): void {
  if (frames > 0) drainFrom(frames - 1, context);
  else nothing.runInContext(context);
}

function beginFrom(frames: number, port: KernelPort, firstSeq: number): void {
  if (frames > 0) beginFrom(frames - 1, port, firstSeq);
  else port.beginStep(firstSeq);
}

/** One context. */
export class Realm {
  readonly port: KernelPort;
  readonly #context: Context;
  readonly #stacks: boolean;
  #script: Script | undefined;
  #evaluate: unknown;
  #depth = 0;

  constructor(stacks: boolean) {
    kernelScript ??= loadKernel();
    ignoreForeignRejections();
    this.#stacks = stacks;
    this.#context = createContext(constants.DONT_CONTEXTIFY, {
      codeGeneration: { strings: false, wasm: false },
      microtaskMode: "afterEvaluate",
    });
    const kernel = kernelScript.runInContext(this.#context) as Kernel;
    this.port = kernel(stacks, exactEngine);
    exactEngine ||= this.port.isExact();
  }

  /** The script that has been evaluated here. */
  get script(): Script | undefined {
    return this.#script;
  }

  /** Whether the program may be evaluated here once more. */
  get reusable(): boolean {
    return !this.#stacks && this.port.isReusable();
  }

  /** Evaluates a program, anew where it has been here before. Throws `PROGRAM_INVALID`. */
  load({ script, where }: Evaluable): ProgramMembers {
    const { port } = this;
    this.#depth = Math.floor(Math.random() * depthMax);
    if (this.#script !== script) {
      this.#script = script;
      this.#evaluate = script.runInContext(this.#context);
    }
    if (!port.load(this.#evaluate)) throw loadFailure(port, where);
    this.drain();
    return {
      name: port.text(kernelTexts.programName),
      version: port.text(kernelTexts.programVersion),
      hasStep: port.hasStep(),
    };
  }

  /**
   * Runs the promises of the realm dry. The stack below a step differs from time to time on
   * purpose:
   * a program that measures how deep it can go diverges at its first replay, not at a bad moment.
   */
  drain(): void {
    drainFrom(this.#depth, this.#context);
  }

  /** Calls the step. Drain afterwards. */
  beginStep(firstSeq: number): void {
    beginFrom(this.#depth, this.port, firstSeq);
  }
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

const ready: Realm[] = [];
/** Realms in which a program has been, the one used longest ago first. */
const idle: Realm[] = [];
/** Only where sessions come and go: a replay takes the realms that it has been in. */
let keepsReady = false;
let refilling = false;
/** Realms that are to be kept, empty ones and others. */
let expected = 0;
let stocking: NodeJS.Timeout | undefined;

/** A realm for a script: one that it has been in, an empty one, or a new one. */
export function takeRealm(script: Script, stacks: boolean): Realm {
  if (stacks) return new Realm(true);
  const at = idle.findLastIndex((realm) => realm.script === script);
  const [known] = at < 0 ? [] : idle.splice(at, 1);
  if (known) return known;
  const found = ready.pop() ?? new Realm(false);
  refill();
  return found;
}

/** From now on this thread has a few realms made before a program needs one. */
export function prepareRealms(): void {
  keepsReady = true;
  refill();
}

/**
 * From now on so many realms are kept in this thread, in which a program may have been or not.
 * Those that are missing are made one by one, slowly enough to hold nobody up.
 */
export function expectSessions(count: number): void {
  expected = count;
  if (!keepsReady || stocking || keptRealms() >= expected) return;
  stocking = setInterval(() => {
    if (keptRealms() < expected) ready.push(new Realm(false));
    if (keptRealms() < expected) return;
    clearInterval(stocking);
    stocking = undefined;
  }, stockMs).unref();
}

/** Realms that nobody is in. */
export function keptRealms(): number {
  return ready.length + idle.length;
}

/** Keeps a realm for the next time; everything of the session is let go. */
export function giveBackRealm(realm: Realm): void {
  realm.port.unload();
  if (!realm.reusable) return;
  if (idle.length >= idleMax) idle.shift();
  idle.push(realm);
}

/** Makes realms when the thread has nothing else to do; never keeps a process alive. */
function refill(): void {
  if (!keepsReady || refilling || ready.length >= readyMin) return;
  refilling = true;
  setImmediate(() => {
    refilling = false;
    if (ready.length >= readyMin) return;
    ready.push(new Realm(false));
    refill();
  }).unref();
}
