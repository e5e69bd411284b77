// A session in memory, for tests of the sandbox: hands events to a context the way a driver does,
// keeps the transcript, and can run the same transcript again, from anywhere.

import { decodeValue, encodeValue, sha256, toHex, utf8 } from "../../src/base/index.ts";
import type { EventKind } from "../../src/event/index.ts";
import {
  type Activation,
  type CompiledProgram,
  compileProgram,
  type Failure,
  ProgramContext,
  type SandboxEvent,
} from "../../src/sandbox/index.ts";

/** A program out of the text of its members, or of a whole module body that sets `program`. */
export function programOf(members: string, before = ""): CompiledProgram {
  const body = `${before}\nprogram={default:{name:"test",version:"1",${members}}};`;
  return compiled(`var program;${body}`);
}

export function compiled(code: string): CompiledProgram {
  return compileProgram({ hash: sha256(utf8(code)), where: "test.js", code, map: null });
}

/** Members of a program that keeps what it reduces, and has this body of `step`. */
export function steps(body: string, before = ""): CompiledProgram {
  return programOf(
    `init: () => ({ events: [], turn: 0 }),
     reduce(state, event) {
       state.events.push([event.seq, event.kind, event.type, event.data]);
       if (event.kind === "step") state.turn += 1;
       return state;
     },
     async step(ctx) { ${body} }`,
    before,
  );
}

export interface Line {
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
  readonly data: unknown;
}

/** One session being played. */
export class Play {
  readonly program: CompiledProgram;
  readonly events: SandboxEvent[] = [];
  readonly context: ProgramContext;
  time = 1_700_000_000_000;
  activation: Activation | undefined;

  constructor(program: CompiledProgram, input: unknown = null) {
    this.program = program;
    this.context = ProgramContext.create(program);
    const trigger = this.#append("trigger", program.name, null, encodeValue(input));
    this.context.init(trigger);
    this.context.fold(trigger);
    this.context.setInbox([], this.time);
  }

  #append(kind: EventKind, type: string, ref: number | null, payload: Uint8Array): SandboxEvent {
    const { time } = this;
    const seq = this.events.length;
    const event: SandboxEvent = { seq, time, kind, type, ref, form: "cbor", payload };
    this.events.push(event);
    return event;
  }

  #took(activation: Activation): Activation {
    this.activation = activation;
    for (const { kind, type, data } of activation.operations) {
      this.#append(kind, type, null, data.slice());
    }
    return activation;
  }

  /** Begins a step, its key made of where it begins. */
  begin(): Activation {
    const seq = this.events.length;
    return this.#took(this.context.beginStep(seq, sha256(utf8(`key ${seq}`))));
  }

  /** Ends the step and begins the next one, in the same context. */
  next(): Activation {
    const { ended, now } = this.activation as Activation;
    if (!ended) throw new Error("the step has not ended");
    this.context.fold(this.#append("step", ended.next, null, encodeValue({})));
    const unread = ended.unread.map((seq) => this.events[seq] as SandboxEvent);
    this.context.setInbox(unread, now);
    return this.begin();
  }

  deliver(kind: EventKind, type: string, ref: number | null, data: unknown): Activation {
    this.time += 10;
    return this.#took(this.context.deliver(this.#append(kind, type, ref, encodeValue(data))));
  }

  result(ref: number, value: unknown): Activation {
    const { type } = this.events[ref] as SandboxEvent;
    return this.deliver("result", type, ref, { value });
  }

  failure(ref: number, error: unknown): Activation {
    const { type } = this.events[ref] as SandboxEvent;
    return this.deliver("result", type, ref, { error });
  }

  input(type: string, data: unknown = null): Activation {
    return this.deliver("input", type, null, data);
  }

  fire(ref: number): Activation {
    return this.deliver("timer", "fired", ref, null);
  }

  cancel(reason: unknown = "stop"): Activation {
    return this.deliver("cancel", "cancel", null, { reason });
  }

  state(): unknown {
    return decodeValue(this.context.snapshot());
  }

  /** What was made, in order, as people read it. */
  lines(from = 0): Line[] {
    return this.events.slice(from).map(({ kind, type, ref, payload }) => {
      return { kind, type, ref, data: decodeValue(payload) };
    });
  }

  /** Only what the program made: `kind type data`. */
  made(): string[] {
    return this.events
      .filter(({ kind, type }) => kind === "call" || kind === "emit" || type === "set")
      .map(({ kind, type, payload }) => `${kind} ${type} ${JSON.stringify(decodeValue(payload))}`);
  }
}

/** Plays a session to its end: every call is answered by `effects`, timers fire, oldest first. */
export function playOut(
  program: CompiledProgram,
  effects: (name: string, input: unknown, seq: number) => unknown,
  input: unknown = null,
): Play {
  const play = new Play(program, input);
  let activation = play.begin();
  for (let turns = 0; turns < 10_000; turns++) {
    if (activation.failed || activation.ended?.next === "done") return play;
    if (activation.ended) {
      activation = play.next();
      continue;
    }
    const { calls, timers } = activation.waiting;
    const [call] = calls;
    const [timer] = timers;
    if (call !== undefined) {
      const { type, payload } = play.events[call] as SandboxEvent;
      const { input: given } = decodeValue(payload) as { input: unknown };
      activation = play.result(call, effects(type, given, call));
    } else if (timer) activation = play.fire(timer.seq);
    else return play;
  }
  throw new Error("the session does not end");
}

/** A difference between what a transcript holds and what the program makes of it again. */
export interface ReplayDifference {
  readonly seq: number;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

const outside: ReadonlySet<string> = new Set(["trigger", "input", "result", "cancel", "fork"]);

function isOutside({ kind, type }: SandboxEvent): boolean {
  return outside.has(kind) || (kind === "timer" && type === "fired");
}

function textOf(event: { kind: string; type: string } | undefined, data?: Uint8Array) {
  return event && `${event.kind} ${event.type} ${data ? toHex(data) : ""}`;
}

/** The message of a failure, or the hash of the state. */
function outcomeOf(context: ProgramContext, failed: Failure | undefined): string {
  return failed ? failed.message : toHex(sha256(context.snapshot()));
}

/**
 * Runs a transcript of one program again in contexts of its own, going through the bytes of the
 * state in a fresh one after each step; returns the first difference, or the hash of the last
 * state.
 */
export function replay(play: Play): ReplayDifference | string {
  const { events, program } = play;
  const [trigger] = events;
  if (!trigger) throw new Error("no trigger");
  let context = ProgramContext.create(program);
  context.init(trigger);
  context.fold(trigger);
  context.setInbox([], trigger.time);
  let seq = 1;
  let activation = context.beginStep(seq, sha256(utf8(`key ${seq}`)));
  for (;;) {
    for (const operation of activation.operations) {
      const event = events[seq];
      const expected = event && !isOutside(event) ? textOf(event, event.payload) : textOf(event);
      const actual = textOf(operation, operation.data);
      if (expected !== actual) return { seq, expected, actual };
      seq += 1;
    }
    const event = events[seq];
    if (activation.failed || !event) {
      if (event) return { seq, expected: textOf(event), actual: activation.failed?.message };
      const expected = outcomeOf(play.context, play.activation?.failed);
      const actual = outcomeOf(context, activation.failed);
      return actual === expected ? actual : { seq, expected, actual };
    }
    if (event.kind === "step") {
      if (!activation.ended) return { seq, expected: textOf(event), actual: undefined };
      const fresh = ProgramContext.create(program);
      fresh.restore(context.snapshot());
      fresh.fold(event);
      const unread = activation.ended.unread.map((one) => events[one] as SandboxEvent);
      fresh.setInbox(unread, activation.now);
      context = fresh;
      seq += 1;
      activation = context.beginStep(seq, sha256(utf8(`key ${seq}`)));
    } else if (isOutside(event)) {
      activation = context.deliver(event);
      seq += 1;
    } else return { seq, expected: textOf(event, event.payload), actual: undefined };
  }
}
