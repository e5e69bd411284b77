/**
 * The host's side of one context: puts events into its buffer, calls its closures, lets its
 * promises
 * run dry, and reads what came out through views of its own. It never looks at an object that a
 * program made: only at numbers, texts, and bytes of buffers that no program can reach.
 */
import { assert, noBytes, ReachError } from "../base/index.ts";
import { type EventKind, eventKinds, type PayloadForm, payloadForms } from "../event/index.ts";
import type { Activation, Failure, SandboxEvent, Waiting } from "./activation.ts";
import type { CompiledProgram } from "./compiled-program.ts";
import { type KernelPort, kernelTexts, outcomes, reportFields } from "./kernel-port.ts";
import { giveBackRealm, type Realm, takeRealm } from "./realms.ts";
import { SettledActivation } from "./settled-activation.ts";

/** How a context is made. */
export interface ContextOptions {
  /** Collect stacks, to say where an operation or a failure comes from. Slower. Default false. */
  readonly stacks?: boolean;
}

const kindNumbers = new Map<EventKind, number>(eventKinds.map((kind, number) => [kind, number]));
const formNumbers = new Map<PayloadForm, number>(payloadForms.map((form, n) => [form, n]));

/** Payloads from here on are handed in as Latin-1 too, which makes their texts cheap. */
const lentBytesMin = 96;
const lentBytesMax = 16 * 1024 * 1024;
const noReport = new Float64Array(0);
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Works on every `Uint8Array`, without making a `Buffer` of it. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** The bytes of CBOR as Latin-1, where that is worth it. */
function lentText(bytes: Uint8Array): string {
  const { length } = bytes;
  return length < lentBytesMin || length > lentBytesMax ? "" : latin1Slice.call(bytes, 0, length);
}

/** The text of a JSON payload. Throws `CORRUPT`. */
function jsonText(payload: Uint8Array): string {
  try {
    return strictUtf8.decode(payload);
  } catch (cause) {
    throw new ReachError("CORRUPT", "a JSON payload that is no UTF-8", { cause });
  }
}

/** A program in a context of its own. After a throw, and after `failed`, only `dispose` is left. */
export class ProgramContext {
  readonly #program: CompiledProgram;
  readonly #stacks: boolean;
  #realm: Realm | undefined;
  readonly #port: KernelPort;
  /** Views of the buffers inside, renewed when a buffer is. */
  #input: Uint8Array = noBytes;
  #report: Float64Array = noReport;
  #output: Uint8Array = noBytes;
  #inputs = -1;
  #generation = -1;
  #folded = -1;
  /** Counts the calls, so that `waiting` is not read too late. */
  #calls = 0;

  private constructor(program: CompiledProgram, realm: Realm, stacks: boolean) {
    this.#program = program;
    this.#realm = realm;
    this.#port = realm.port;
    this.#stacks = stacks;
  }

  /** Evaluates the program anew, in a realm that nobody else is in. */
  static create(program: CompiledProgram, options: ContextOptions = {}): ProgramContext {
    const { stacks = false } = options;
    const realm = takeRealm(program.script, stacks);
    realm.load(program);
    return new ProgramContext(program, realm, stacks);
  }

  /** State = init(trigger); the trigger is not folded yet. Throws `PROGRAM_FAILED`. */
  init(trigger: SandboxEvent): void {
    this.#enter();
    const { seq, time, type } = trigger;
    const kind = kindNumbers.get(trigger.kind) as number;
    const form = this.#put(trigger);
    const size = trigger.payload.length;
    const text = this.#textOf(trigger);
    if (!this.#port.init(seq, time, kind, type, trigger.ref ?? -1, form, size, text)) {
      throw this.#reduceFailure("init", trigger);
    }
  }

  /** State from snapshot bytes. Throws `CORRUPT`. */
  restore(snapshot: Uint8Array): void {
    this.#enter();
    this.#write(snapshot);
    if (!this.#port.restore(snapshot.length, lentText(snapshot))) {
      throw new ReachError("CORRUPT", this.#port.text(kernelTexts.faultMessage));
    }
  }

  /** Reduces an event and does nothing else. Throws `PROGRAM_FAILED`. */
  fold(event: SandboxEvent): void {
    this.#enter();
    const { seq, time, type } = event;
    const kind = kindNumbers.get(event.kind) as number;
    const form = this.#put(event);
    const size = event.payload.length;
    const text = this.#textOf(event);
    if (!this.#port.fold(seq, time, kind, type, event.ref ?? -1, form, size, text)) {
      throw this.#reduceFailure("reduce", event);
    }
    this.#folded = seq;
  }

  /** The inputs that no `waitFor` has taken yet, and the time, at a step boundary. */
  setInbox(unread: readonly SandboxEvent[], now: number): void {
    this.#enter();
    this.#port.clearInbox(now);
    for (const event of unread) {
      const form = this.#put(event);
      const { seq, time, type, payload } = event;
      const text = event.form === "json" ? this.#textOf(event) : "";
      this.#port.addInput(seq, time, 0, type, -1, form, payload.length, text);
    }
  }

  /** Begins a step whose first event will have seq `firstSeq`; `key` is its 32-byte key. */
  beginStep(firstSeq: number, key: Uint8Array): Activation {
    assert(key.length === 32, "the key of a step has 32 bytes");
    const realm = this.#enter();
    this.#write(key);
    realm.drain();
    realm.beginStep(firstSeq);
    realm.drain();
    return this.#settle();
  }

  /** Delivers one outside event: reduces it, resolves at most one promise, and drains. */
  deliver(event: SandboxEvent): Activation {
    const realm = this.#enter();
    const { seq, time, type } = event;
    const kind = kindNumbers.get(event.kind) as number;
    const form = this.#put(event);
    const size = event.payload.length;
    const text = this.#textOf(event);
    this.#port.deliver(seq, time, kind, type, event.ref ?? -1, form, size, text);
    realm.drain();
    this.#folded = seq;
    return this.#settle();
  }

  /**
   * CBOR of the state, bytes of its own. Throws `STATE_UNSUPPORTED` with the path of what is no
   * plain data, `STATE_TOO_LARGE`.
   */
  snapshot(): Uint8Array {
    this.#enter().drain();
    const size = this.#port.snapshot();
    if (size < 0) throw this.#stateFailure();
    this.#see(this.#port.generation());
    return this.#output.slice(0, size);
  }

  /** Gives the context up; the next one of this program is then cheap. */
  dispose(): void {
    const realm = this.#realm;
    this.#realm = undefined;
    this.#calls += 1;
    if (realm) giveBackRealm(realm);
  }

  #enter(): Realm {
    this.#calls += 1;
    if (this.#realm === undefined) throw new ReachError("BUG", "a context is used after dispose");
    return this.#realm;
  }

  #write(bytes: Uint8Array): void {
    const inputs = this.#port.makeRoom(bytes.length);
    if (inputs !== this.#inputs) {
      this.#inputs = inputs;
      this.#input = new Uint8Array(this.#port.input());
    }
    this.#input.set(bytes);
  }

  /** Puts the payload in; returns the number of its form. */
  #put(event: SandboxEvent): number {
    this.#write(event.payload);
    return formNumbers.get(event.form) as number;
  }

  #textOf({ form, payload }: SandboxEvent): string {
    if (form === "json") return jsonText(payload);
    return form === "cbor" ? lentText(payload) : "";
  }

  /** Looks at the buffers again when one of them is another. */
  #see(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#report = new Float64Array(this.#port.report());
    this.#output = new Uint8Array(this.#port.output());
  }

  #settle(): Activation {
    this.#see(this.#port.settle());
    const report = this.#report;
    const outcome = report[reportFields.outcome] as number;
    const failed = outcome === outcomes.failed ? this.#failure() : undefined;
    const running = outcome === outcomes.running;
    const stacks = this.#stacks ? this.#operationStacks() : undefined;
    const call = this.#calls;
    const waiting = running ? () => this.#waitingAfter(call) : undefined;
    return new SettledActivation(report, this.#output, this.#port, failed, stacks, waiting);
  }

  #failure(): Failure {
    const code = this.#port.text(kernelTexts.faultCode);
    const stack = this.#port.text(kernelTexts.faultStack);
    return {
      name: this.#port.text(kernelTexts.faultName),
      message: this.#port.text(kernelTexts.faultMessage),
      code: code === "" ? undefined : code,
      stack: stack === "" ? undefined : stack,
    };
  }

  #operationStacks(): string[] {
    const count = this.#report[reportFields.operations] as number;
    return Array.from({ length: count }, (_, i) => this.#port.operationStack(i));
  }

  #waitingAfter(call: number): Waiting {
    assert(call === this.#calls, "`waiting` is read before the next call on the context");
    const end = this.#port.waiting();
    this.#see(this.#port.generation());
    const numbers = this.#report;
    const [callCount = 0, timerNumbers = 0, inputCount = 0] = numbers;
    const callsEnd = 3 + callCount;
    assert(callsEnd + timerNumbers === end, "the kernel says how much it wrote");
    const timers: { seq: number; due: number }[] = [];
    for (let at = callsEnd; at < end; at += 2) {
      timers.push({ seq: numbers[at] as number, due: numbers[at + 1] as number });
    }
    const inputs = Array.from({ length: inputCount }, (_, i) => this.#port.waitingInput(i));
    return { calls: Array.from(numbers.subarray(3, callsEnd)), timers, inputs };
  }

  #reduceFailure(part: string, { seq, type }: SandboxEvent): ReachError {
    const message = this.#port.text(kernelTexts.faultMessage);
    const code = this.#port.text(kernelTexts.faultCode);
    const name = this.#port.text(kernelTexts.faultName);
    if (name === "ReachError" && code === "CORRUPT") return new ReachError("CORRUPT", message);
    const what = `${part} of ${this.#program.name} ${this.#program.version} threw`;
    const text = `${what} at event ${seq} (${type}): ${message}`;
    const stack = this.#port.text(kernelTexts.faultStack);
    return new ReachError("PROGRAM_FAILED", text, stack === "" ? {} : { cause: stack });
  }

  #stateFailure(): ReachError {
    const message = this.#port.text(kernelTexts.faultMessage);
    const code = this.#port.text(kernelTexts.faultCode);
    const after = this.#folded < 0 ? "before any event" : `after event ${this.#folded}`;
    const of = `the state of ${this.#program.name} ${this.#program.version} ${after}`;
    if (code === "STATE_TOO_LARGE") {
      return new ReachError("STATE_TOO_LARGE", `${of} is ${message}`, {
        hint: "let the reducer keep counts and the last few items instead of everything",
      });
    }
    return new ReachError("STATE_UNSUPPORTED", `${of}: ${message}`, {
      hint: "a state is a tree of plain data in which every object stands once",
    });
  }
}
