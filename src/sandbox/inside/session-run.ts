/**
 * One session in its context: the state, what the step waits for, the inbox, and the operations of
 * the activation under way. It is the deterministic half of the activation loop; the host decides
 * which event comes next, everything that follows from it happens here, in one order.
 */
import { encodeValue, limits } from "../../base/index.ts";
import { eventKinds } from "../../event/index.ts";
import { durationMs } from "./duration.ts";
import { OperationLog } from "./operation-log.ts";
import { Cancelled, EffectError, type Fault, faultOf, SandboxError } from "./program-errors.ts";
import { decodeFresh, type EncodedPayload, ProgramEvent } from "./program-event.ts";
import { Randomness } from "./randomness.ts";
import { views } from "./state-view.ts";
import { StepContext } from "./step-context.ts";

/** Most events of a step, as the host counts them: what was delivered and what was made. */
export const stepEventsMax = 4096;

/** A program as it was loaded. */
export interface LoadedProgram {
  readonly name: string;
  readonly version: string;
  readonly init: (first: ProgramEvent) => unknown;
  readonly reduce: (state: unknown, event: ProgramEvent) => unknown;
  readonly step: ((context: StepContext) => unknown) | undefined;
}

/** Somebody waits: for the result of a call, for a timer, or for an input. */
interface Waiter {
  readonly kind: "call" | "timer" | "input";
  /** Seq of the call or of the timer; -1 for an input without a timeout. */
  readonly seq: number;
  readonly due: number;
  readonly types: readonly string[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** An input that nobody has taken. */
interface UnreadInput {
  readonly seq: number;
  readonly time: number;
  readonly type: string;
  readonly payload: EncodedPayload;
}

/** How a step has ended. */
export interface StepOutcome {
  readonly next: "continue" | "done";
  readonly result: Uint8Array | undefined;
  readonly abandoned: readonly number[];
  readonly unread: readonly number[];
}

const kind = {
  input: eventKinds.indexOf("input"),
  call: eventKinds.indexOf("call"),
  result: eventKinds.indexOf("result"),
  timer: eventKinds.indexOf("timer"),
  cancel: eventKinds.indexOf("cancel"),
  emit: eventKinds.indexOf("emit"),
  note: eventKinds.indexOf("note"),
} as const;

/** The state of one session. */
export class SessionRun {
  readonly operations = new OperationLog();
  readonly #program: LoadedProgram;
  readonly #stacks: boolean;
  #state: unknown;
  /** Seq of the last event that was reduced. */
  #reduced = -1;
  #now = 0;
  /** Time of the event being reduced; -1 outside of reducers. */
  #reducing = -1;
  #nextSeq = 0;
  #stepEvents = 0;
  #stepping = false;
  #context: StepContext | undefined;
  #randomness: Randomness | undefined;
  #inbox: UnreadInput[] = [];
  /** Everything that is waited for, in the order made. */
  readonly #waiters = new Set<Waiter>();
  readonly #bySeq = new Map<number, Waiter>();
  /** Calls of this step without a result. */
  readonly #open = new Set<number>();
  #dropped: number[] = [];
  #outcome: StepOutcome | undefined;
  #fault: Fault | undefined;

  constructor(program: LoadedProgram, stacks: boolean) {
    this.#program = program;
    this.#stacks = stacks;
  }

  get state(): unknown {
    return this.#state;
  }

  set state(state: unknown) {
    this.#state = state;
  }

  get lastReduced(): number {
    return this.#reduced;
  }

  get fault(): Fault | undefined {
    return this.#fault;
  }

  get outcome(): StepOutcome | undefined {
    return this.#outcome;
  }

  get dropped(): readonly number[] {
    return this.#dropped;
  }

  get waiters(): ReadonlySet<Waiter> {
    return this.#waiters;
  }

  /** Milliseconds since the epoch. Throws while the program is loaded. */
  now(): number {
    return this.#reducing >= 0 ? this.#reducing : this.#now;
  }

  /** From 0 up to 1. Throws in `init` and `reduce`. */
  random(): number {
    return this.#generator().fraction();
  }

  uuid(): string {
    return this.#generator().uuid();
  }

  #generator(): Randomness {
    if (this.#reducing >= 0 || this.#randomness === undefined) {
      throw new TypeError(
        "`init` and `reduce` have no randomness: draw it in `step` and put it into an event",
      );
    }
    return this.#randomness;
  }

  /** The state before the first event. Throws what `init` throws. */
  init(first: ProgramEvent): void {
    this.#reducing = first.time;
    try {
      const state = this.#program.init(first);
      if (state === undefined) throw new TypeError("init returned nothing: return the state");
      this.#state = state;
    } finally {
      this.#reducing = -1;
      ProgramEvent.expire(first);
    }
  }

  /** Applies an event. Throws what `reduce` throws. */
  fold(event: ProgramEvent): void {
    if (event.time > this.#now) this.#now = event.time;
    this.#nextSeq = event.seq + 1;
    this.#reduce(event);
  }

  #reduce(event: ProgramEvent): void {
    if (event.kind === "note") return;
    const outer = this.#reducing;
    this.#reducing = event.time;
    try {
      const state = this.#program.reduce(this.#state, event);
      if (state === undefined) throw new TypeError("reduce returned nothing: return the state");
      this.#state = state;
      this.#reduced = event.seq;
    } finally {
      this.#reducing = outer;
      ProgramEvent.expire(event);
    }
  }

  clearInbox(now: number): void {
    this.#inbox = [];
    this.#now = now;
  }

  addInput(seq: number, time: number, type: string, payload: EncodedPayload): void {
    this.#inbox.push({ seq, time, type, payload: kept(payload) });
  }

  /** Begins a step; what it does synchronously is done when this returns. */
  beginStep(firstSeq: number, key: Uint8Array): void {
    this.#begin();
    this.#nextSeq = firstSeq;
    this.#stepEvents = 0;
    this.#stepping = true;
    this.#randomness = new Randomness(key);
    this.#outcome = undefined;
    const context = new StepContext(this);
    this.#context = context;
    try {
      const step = this.#program.step;
      if (step === undefined) throw new TypeError("the program has no `step`");
      const returned = step(context);
      if (!(returned instanceof Promise)) {
        // A thenable is awaited like a promise; anything else was returned at once.
        void Promise.resolve(returned).then(
          (value) => this.#returned(context, value),
          (error: unknown) => this.#threw(context, error),
        );
        return;
      }
      void returned.then(
        (value: unknown) => this.#returned(context, value),
        (error: unknown) => this.#threw(context, error),
      );
    } catch (error) {
      this.#threw(context, error);
    }
  }

  #begin(): void {
    this.operations.clear();
    if (this.#dropped.length > 0) this.#dropped = [];
  }

  #returned(context: StepContext, value: unknown): void {
    if (this.#context !== context || this.#fault !== undefined) return;
    try {
      const { next, result } = this.#outcomeOf(value);
      const abandoned = [...this.#open];
      const unread = this.#inbox.map(({ seq }) => seq);
      this.#close();
      this.#outcome = { next, result, abandoned, unread };
    } catch (error) {
      this.#fail(error);
    }
  }

  #outcomeOf(value: unknown): Pick<StepOutcome, "next" | "result"> {
    if (value === "continue" || value === "done") return { next: value, result: undefined };
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "done")) {
      const { done } = value as { done: unknown };
      return { next: "done", result: encodeValue(done, "copy", views) };
    }
    const given = typeof value === "string" ? `"${value}"` : typeof value;
    throw new TypeError(`step returned ${given}: return "continue", "done" or { done: result }`);
  }

  #threw(context: StepContext, error: unknown): void {
    if (this.#context === context) this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#fault ??= faultOf(error, this.#stacks);
    this.#close();
  }

  /** The step is over: its promises are left alone for ever, and its context is dead. */
  #close(): void {
    for (const { kind, seq } of this.#waiters) {
      if (kind !== "call" && seq >= 0) this.#dropped.push(seq);
    }
    this.#stepping = false;
    this.#context = undefined;
    this.#randomness = undefined;
    this.#waiters.clear();
    this.#bySeq.clear();
    this.#open.clear();
    this.#inbox = [];
  }

  /** Takes one outside event: reduces it and resolves at most one promise. */
  deliver(event: ProgramEvent, kindNumber: number, payload: EncodedPayload): void {
    this.#begin();
    const { seq, time, type } = event;
    if (time > this.#now) this.#now = time;
    this.#nextSeq = seq + 1;
    this.#stepEvents += 1;
    try {
      if (this.#stepEvents > stepEventsMax) throw tooLong();
      this.#reduce(event);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.#stepping) return;
    if (kindNumber === kind.result) this.#settleCall(event, payload);
    else if (kindNumber === kind.input) this.#takeInput({ seq, time, type, payload });
    else if (kindNumber === kind.timer) this.#fire(event);
    else if (kindNumber === kind.cancel) this.#cancel(payload);
  }

  #settleCall({ ref }: ProgramEvent, payload: EncodedPayload): void {
    const call = ref ?? -1;
    this.#open.delete(call);
    const waiter = this.#bySeq.get(call);
    if (waiter === undefined || waiter.kind !== "call") return;
    this.#forget(waiter);
    try {
      const data = decodeFresh(payload) as { value?: unknown; error?: unknown } | null;
      if (typeof data === "object" && data !== null && Object.hasOwn(data, "error")) {
        waiter.reject(effectError(data.error));
      } else waiter.resolve(data?.value);
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeInput(input: UnreadInput): void {
    for (const waiter of this.#waiters) {
      if (waiter.kind !== "input" || !waiter.types.includes(input.type)) continue;
      this.#forget(waiter);
      if (waiter.seq >= 0) this.#dropped.push(waiter.seq);
      this.#give(waiter, input);
      return;
    }
    this.#inbox.push({ ...input, payload: kept(input.payload) });
  }

  #give(waiter: Pick<Waiter, "resolve">, { seq, time, type, payload }: UnreadInput): void {
    try {
      waiter.resolve(Object.freeze({ seq, time, type, data: decodeFresh(payload) }));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fire({ ref }: ProgramEvent): void {
    const waiter = this.#bySeq.get(ref ?? -1);
    if (waiter === undefined || waiter.kind === "call") return;
    this.#forget(waiter);
    waiter.resolve(waiter.kind === "timer" ? undefined : null);
  }

  #cancel(payload: EncodedPayload): void {
    let reason: unknown;
    try {
      reason = (decodeFresh(payload) as { reason?: unknown } | null)?.reason;
    } catch (error) {
      this.#fail(error);
      return;
    }
    const waiting = [...this.#waiters];
    this.#waiters.clear();
    this.#bySeq.clear();
    for (const { kind, seq, reject } of waiting) {
      if (kind !== "call" && seq >= 0) this.#dropped.push(seq);
      reject(new Cancelled(reason));
    }
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#bySeq.delete(waiter.seq);
  }

  #wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
    if (waiter.seq >= 0) this.#bySeq.set(waiter.seq, waiter);
  }

  /** Makes an operation: it takes the next seq, and is reduced before anything else happens. */
  #make(context: StepContext, kindNumber: number, type: string, data: Uint8Array): number {
    this.check(context);
    if (this.#stepEvents >= stepEventsMax) {
      const error = tooLong();
      this.#fail(error);
      throw error;
    }
    this.#stepEvents += 1;
    const seq = this.#nextSeq++;
    this.operations.add(kindNumber, type, data, this.#stacks);
    const payload = { form: 0, bytes: data, text: "" };
    try {
      this.#reduce(new ProgramEvent(seq, this.#now, kindNumber, type, -1, payload));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    return seq;
  }

  /** Throws unless `context` is that of the step under way, and no reducer is. */
  check(context: StepContext): void {
    if (this.#context !== context) {
      throw new SandboxError("STEP_OVER", "this step has returned: its ctx can do nothing more");
    }
    if (this.#reducing >= 0) throw new TypeError("`reduce` cannot use ctx");
  }

  emit(context: StepContext, type: unknown, data: unknown): void {
    const word = wordOf(type, "emit");
    this.#make(context, kind.emit, word, encodeValue(data, "copy", views));
  }

  call(context: StepContext, name: unknown, input: unknown, options: unknown): Promise<unknown> {
    const word = wordOf(name, "call");
    const data = options === undefined ? { input } : { input, options };
    const seq = this.#make(context, kind.call, word, encodeValue(data, "copy", views));
    this.#open.add(seq);
    return new Promise((resolve, reject) => {
      this.#wait({ kind: "call", seq, due: 0, types: [], resolve, reject });
    });
  }

  sleep(context: StepContext, span: unknown): Promise<void> {
    const due = this.#now + durationMs(span);
    const seq = this.#make(context, kind.timer, "set", encodeValue({ due }));
    return new Promise((resolve, reject) => {
      const done = resolve as (value: unknown) => void;
      this.#wait({ kind: "timer", seq, due, types: [], resolve: done, reject });
    });
  }

  waitFor(context: StepContext, types: unknown, timeout: unknown): Promise<unknown> {
    this.check(context);
    const given: readonly unknown[] = Array.isArray(types) ? types : [types];
    const words = given.map((type) => wordOf(type, "waitFor"));
    if (words.length === 0) throw new TypeError("waitFor needs the type of an input");
    const ms = timeout === undefined ? -1 : durationMs(timeout);
    const at = this.#inbox.findIndex(({ type }) => words.includes(type));
    if (at >= 0) {
      const [input] = this.#inbox.splice(at, 1);
      return new Promise((resolve) => this.#give({ resolve }, input as UnreadInput));
    }
    const due = this.#now + ms;
    const seq = ms < 0 ? -1 : this.#make(context, kind.timer, "set", encodeValue({ due }));
    return new Promise((resolve, reject) => {
      this.#wait({ kind: "input", seq, due, types: words, resolve, reject });
    });
  }

  log(context: StepContext, values: readonly unknown[]): void {
    this.check(context);
    this.operations.log(values);
  }

  /** After the queue of promises has run dry: what cannot go on has failed. */
  settle(): void {
    if (!this.#stepping || this.#waiters.size > 0) return;
    this.#fail(
      new SandboxError("STEP_STALLED", "the step waits for something that can never come"),
    );
  }
}

function tooLong(): SandboxError {
  const message = `a step has more than ${stepEventsMax} events: let it return earlier`;
  return new SandboxError("STEP_TOO_LONG", message);
}

/** The input buffer is overwritten by the next event. */
function kept({ form, bytes, text }: EncodedPayload): EncodedPayload {
  return { form, bytes: bytes.slice(), text: form === 1 ? text : "" };
}

const typeBytesMax = limits.eventTypeBytesMax;

/** A type of an event: what `src/event` takes, refused where the program can see it. */
function wordOf(type: unknown, method: string): string {
  const word = typeof type === "string" && type.isWellFormed() && type.length <= typeBytesMax;
  if (!word || utf8Size(type) > typeBytesMax) {
    throw new TypeError(`ctx.${method} needs a name: text of at most ${typeBytesMax} bytes`);
  }
  return type;
}

function utf8Size(text: string): number {
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    size += unit < 0x80 ? 1 : unit < 0x800 || unit >>> 11 === 0x1b ? 2 : 3;
  }
  return size;
}

function effectError(recorded: unknown): EffectError {
  const { name, message, code, data } = (recorded ?? {}) as Record<string, unknown>;
  const text = (value: unknown, otherwise: string): string =>
    typeof value === "string" ? value : otherwise;
  const codeText = typeof code === "string" ? code : undefined;
  return new EffectError(text(name, "Error"), text(message, "the call failed"), codeText, data);
}
