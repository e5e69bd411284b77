// Executed sessions out of nothing: a program in its context, and a world around it that a script
// plays. The same program, script and seed give the same events, without an engine, effect handlers
// or a clock. For tests and benchmarks of replay, and of what reads sessions.

import {
  decodeValue,
  encodeValue,
  limits,
  newSessionId,
  sha256,
  systemClock,
  systemEntropy,
  toHex,
  utf8,
} from "../../src/base/index.ts";
import {
  type MadeEvent,
  type ProgramEvent,
  SessionDriver,
  type Turn,
  type Waiting,
} from "../../src/driver/index.ts";
import {
  type EventKind,
  EventView,
  encodeBlobRef,
  encodeEvent,
  type PayloadSource,
} from "../../src/event/index.ts";
import { leafHash, RangeBuilder } from "../../src/merkle/index.ts";
import { type CompiledProgram, compileProgram, ProgramContext } from "../../src/sandbox/index.ts";
import type { Directory, Manifest } from "../../src/session/index.ts";
import { Random } from "./random.ts";

/** The text of a program. */
export interface ProgramText {
  readonly name: string;
  readonly version: string;
  readonly hash: Uint8Array;
  readonly where: string;
  readonly code: string;
  readonly map: string | null;
}

/** What the program waits for, for the script to choose from. */
export interface World {
  /** Seq that the next event gets. */
  readonly seq: number;
  readonly calls: readonly { readonly seq: number; readonly name: string; input(): unknown }[];
  readonly timers: readonly { readonly seq: number; readonly due: number }[];
  /** Types of inputs. */
  readonly inputs: readonly string[];
  /** Of this seed and seq alone. */
  readonly random: Random;
}

/** An event from outside. */
export interface Word {
  readonly kind: "result" | "input" | "timer" | "cancel";
  readonly type?: string;
  readonly ref?: number;
  readonly data?: unknown;
  /** Milliseconds since the event before; 7. */
  readonly after?: number;
}

/** What happens next; nothing ends the session where it is. */
export type Script = (world: World) => Word | undefined;

/** What a session is made of. */
export interface SessionScript {
  readonly program: ProgramText;
  readonly input: unknown;
  readonly script: Script;
  readonly seed: number;
  /** The script is asked no more from here on. */
  readonly eventsMax?: number;
  readonly snapshotEvents?: number;
}

/** An event as it is appended. */
export interface MadeSessionEvent extends ProgramEvent {
  readonly form: "cbor";
}

/** A state that the session has kept. */
export interface MadeSnapshot {
  readonly size: number;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

const began = 1_767_225_600_000;

/** One session, played to its end or as far as it goes. */
export class PlayedSession {
  readonly events: MadeSessionEvent[] = [];
  readonly snapshots: MadeSnapshot[] = [];
  readonly secret: Uint8Array;
  readonly #plan: SessionScript;
  readonly #driver: SessionDriver;
  readonly #program: CompiledProgram;
  #waiting: Waiting = { calls: [], timers: [], inputs: [] };
  #time = began;
  ended = false;

  constructor(plan: SessionScript) {
    this.#plan = plan;
    this.secret = sha256(utf8(`session ${plan.seed}`));
    this.#program = compileProgram(plan.program);
    this.#driver = this.#newDriver();
  }

  #newDriver(): SessionDriver {
    return new SessionDriver({
      create: () => ProgramContext.create(this.#program),
      secrets: [{ from: 0, secret: this.secret }],
      snapshotEvents: this.#plan.snapshotEvents ?? 1000,
    });
  }

  /** Plays from the trigger to the end. */
  play(): this {
    const { program, input } = this.#plan;
    const trigger = this.#append("trigger", program.name, null, encodeValue(input));
    this.#driver.begin(trigger);
    this.#take(this.#driver.beginStep([], trigger.time));
    this.#goOn();
    this.#driver.dispose();
    return this;
  }

  #goOn(): void {
    while (!this.ended && this.events.length < (this.#plan.eventsMax ?? 100_000)) {
      const word = this.#plan.script(this.#world());
      if (!word) return;
      this.#time += word.after ?? 7;
      const { kind, ref = null } = word;
      const type = word.type ?? (kind === "timer" ? "fired" : kind);
      const data = encodeValue(word.data === undefined ? null : word.data);
      this.#take(this.#driver.deliver(this.#append(kind, type, ref, data)));
    }
  }

  #world(): World {
    const { calls, timers, inputs } = this.#waiting;
    const seq = this.events.length;
    const random = new Random(this.#plan.seed, `event ${seq}`);
    const open = calls.map((call) => {
      const { type, payload } = this.events[call] as MadeSessionEvent;
      const input = (): unknown => (decodeValue(payload) as { input?: unknown }).input;
      return { seq: call, name: type, input };
    });
    return { seq, calls: open, timers, inputs, random };
  }

  #take({ made, snapshots, waiting, ended }: Turn): void {
    for (const event of made) this.#appendMade(event);
    this.snapshots.push(...snapshots);
    this.#waiting = waiting;
    this.ended = ended;
  }

  #appendMade({ kind, type, time, data }: MadeEvent): void {
    this.#time = time;
    this.#append(kind, type, null, data);
  }

  #append(
    kind: EventKind,
    type: string,
    ref: number | null,
    payload: Uint8Array,
  ): MadeSessionEvent {
    const { length: seq } = this.events;
    const event = { seq, time: this.#time, kind, type, ref, form: "cbor", payload } as const;
    this.events.push(event);
    return event;
  }
}

/** Results for every call, oldest first, inputs and timers as they are waited for. */
export function answering(result: (name: string, world: World) => unknown): Script {
  return (world) => {
    const [call] = world.calls;
    if (call) {
      const value = result(call.name, world);
      return { kind: "result", type: call.name, ref: call.seq, data: { value } };
    }
    const [input] = world.inputs;
    if (input !== undefined) return { kind: "input", type: input, data: { seq: world.seq } };
    const [timer] = world.timers;
    return timer && { kind: "timer", ref: timer.seq };
  };
}

/** How a played session is written. */
export interface WritingOptions {
  readonly keepSnapshots?: boolean;
  readonly runtime?: string;
  /** Events of a batch of the log; else as many as there are while the disk is at work. */
  readonly batchEvents?: number;
}

/** Writes a played session into a directory as an engine would have. */
export async function writeExecutedSession(
  directory: Directory,
  plan: SessionScript,
  played: Pick<PlayedSession, "events" | "snapshots" | "secret">,
  options: WritingOptions = {},
): Promise<Manifest> {
  const { name, version, code, map } = plan.program;
  const bundle = await directory.keepPayload(utf8(code));
  const mapHash = await directory.keepPayload(utf8(map ?? ""));
  const runtime = options.runtime ?? `reach 0.1.0 node ${process.versions.node}`;
  const program = { name, version, bundle, map: mapHash, runtime };
  const id = newSessionId(systemClock, systemEntropy);
  const about = { kind: "executed", created: began, name, format: "", program } as const;
  const manifest: Manifest = { id, secret: played.secret, ...about };
  const writer = directory.createSession({ manifest });
  const events = played.events.map(({ kind, type, time, ref, form, payload }) => {
    return { kind, type, time, ref, form, bytes: payload };
  });
  const { batchEvents = 0 } = options;
  for (let at = 0; batchEvents > 0 && at < events.length; at += batchEvents) {
    await writer.appendTogether(events.slice(at, at + batchEvents));
  }
  for (const event of batchEvents > 0 ? [] : events) {
    const { durable } = await writer.appendLarge(event);
    if (writer.nextSeq % 5000 === 0) await durable;
  }
  await directory.closeWriter(writer);
  await directory.signCheckpoint(writer);
  if (options.keepSnapshots !== false) await keepStates(directory, manifest, played.snapshots);
  return manifest;
}

async function keepStates(
  directory: Directory,
  { id, program }: Manifest,
  snapshots: readonly MadeSnapshot[],
): Promise<void> {
  const reader = directory.session(id);
  try {
    const range = new RangeBuilder();
    const roots = new Map<number, Uint8Array>();
    for (const event of reader.events()) {
      if (snapshots.some(({ size }) => size === event.seq)) roots.set(event.seq, range.root());
      const preimage = new Uint8Array(event.bytes.length + 1);
      preimage.set(event.bytes, 1);
      range.append(leafHash(preimage));
    }
    const kept = snapshots.map(({ size, hash, bytes }) => {
      const root = roots.get(size) as Uint8Array;
      return { size, root, stateHash: hash, stateBytes: bytes.length, state: bytes };
    });
    if (kept.length > 0) {
      await directory.keepSnapshots(id, program?.bundle ?? new Uint8Array(32), kept);
    }
  } finally {
    reader.close();
  }
}

/** The events of a session as stored ones, in memory. */
export function storedEvents({ events }: Pick<PlayedSession, "events">): EventView[] {
  const blobs = new Map<string, Uint8Array>();
  const source: PayloadSource = {
    get: (name) => blobs.get(toHex(name)) as Uint8Array,
  };
  return events.map(({ payload, ...header }) => {
    let data = payload;
    if (payload.length > limits.payloadInlineBytesMax) {
      const name = sha256(payload);
      blobs.set(toHex(name), payload);
      data = encodeBlobRef({ sha256: name, size: payload.length, form: "cbor" });
    }
    return new EventView(encodeEvent(header, new Uint8Array(16), data), source);
  });
}
