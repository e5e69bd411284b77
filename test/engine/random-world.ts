// A world around sessions that decides by a seed and by what is in their logs, and by nothing else:
// which call is answered next and with what, when timers fire, what inputs come, when a session is
// cancelled. Its time stands still unless it moves it. So a session that goes on from any part of
// its log meets the same world again, and has to come to the same log, byte by byte.

import { encodeValue, type SessionId } from "../../src/base/index.ts";
import type { EffectRequest, EffectResult, EffectSource } from "../../src/effects/index.ts";
import { Engine, type EngineOptions, type SessionStatus } from "../../src/engine/index.ts";
import type { EventView } from "../../src/event/index.ts";
import type { Directory } from "../../src/session/index.ts";
import { Random } from "../../tools/generator/random.ts";

const began = 1_767_225_600_000;
const patienceMs = 5_000;

/** What a session waits for, and how far it is. */
interface Standing {
  readonly size: number;
  /** Seqs of calls without a result, in the order made. */
  readonly open: readonly number[];
  readonly due: number | null;
  readonly inputs: readonly string[];
}

interface Running {
  readonly request: EffectRequest;
  readonly answer: (result: EffectResult) => void;
}

/** What a call comes to: of its name and input alone. */
function resultOf({ name, input, key, session, seq }: EffectRequest): EffectResult {
  if (key !== `${session}/${seq}`) throw new Error(`call ${seq} has the key ${key}`);
  const number = Array.isArray(input) ? Number(input[0]) + 1 : Number(input);
  const fails = name === "fail" || (name === "maybe" && number % 3 === 0);
  if (!fails) return { value: encodeValue({ n: (number * 37) % 101 }) };
  return { error: { name: "Refused", message: `no ${number}`, code: "E_NO" } };
}

/** Time, effects and inputs of the sessions of one engine, of which one runs at a time. */
export class RandomWorld {
  readonly #running = new Map<string, Running>();
  readonly #delays = new Set<{ readonly at: number; readonly wake: () => void }>();
  readonly troubles: string[] = [];
  #now = began;

  readonly effects: EffectSource = {
    run: (request) =>
      new Promise((answer) => {
        const { key, signal } = request;
        if (this.#running.has(key)) this.troubles.push(`call ${key} is carried out twice`);
        this.#running.set(key, { request, answer });
        signal.addEventListener("abort", () => this.#running.delete(key));
      }),
  };

  /** An engine in this world. */
  open(directory: Directory, options: Partial<EngineOptions> = {}): Promise<Engine> {
    return Engine.open({
      directory,
      effects: this.effects,
      runners: { kind: "inline" },
      resumes: "asked",
      clock: () => this.#now,
      delay: (ms, wake) => this.#delay(ms, wake),
      onTrouble: (trouble) => this.troubles.push(trouble),
      ...options,
      // No cancelled session is ended by force, none sleeps: that would depend on time that passes.
      limits: { cancelGraceMs: 2 ** 40, idleMs: 2 ** 40, snapshotEvents: 8, ...options.limits },
    });
  }

  /** Sets the time: that of the event after which a session goes on. */
  set time(time: number | undefined) {
    this.#now = time ?? began;
  }

  #delay(ms: number, wake: () => void): () => void {
    const one = { at: this.#now + ms, wake };
    this.#delays.add(one);
    return () => void this.#delays.delete(one);
  }

  /** Plays the world for a session until that has ended. */
  async play(engine: Engine, directory: Directory, id: SessionId, seed: number): Promise<void> {
    for (let size = 0; ; ) {
      const standing = await this.#settled(engine, directory, id, size);
      if (!standing) return;
      size = standing.size;
      if (size > 3000) throw new Error("the session does not end");
      await this.#move(engine, id, standing, new Random(seed, `event ${size}`));
    }
  }

  /** Resolves when the session waits for the world; with nothing when it has ended. */
  async #settled(
    engine: Engine,
    directory: Directory,
    id: SessionId,
    before: number,
  ): Promise<Standing | undefined> {
    const end = Date.now() + patienceMs;
    let status = engine.status(id);
    for (; status.phase !== "ended"; status = engine.status(id)) {
      if (status.error) throw new Error(`the session is stuck: ${status.error.message}`);
      const standing = this.#standing(directory, id, before, status);
      if (standing) return standing;
      if (Date.now() > end) throw new Error(`nothing comes after ${before}: ${text(status)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  }

  #standing(
    directory: Directory,
    id: SessionId,
    before: number,
    { phase, size, waiting }: SessionStatus,
  ): Standing | undefined {
    if (phase !== "waiting" || !waiting || size <= before) return undefined;
    const events = eventsOf(directory, id);
    if (events.length < size) return undefined;
    const answered = new Set(events.filter(({ kind }) => kind === "result").map(({ ref }) => ref));
    const open = events.filter(({ kind, seq }) => kind === "call" && !answered.has(seq));
    // Every call without a result is being carried out, whether somebody waits for it or not.
    if (!open.every(({ seq }) => this.#running.has(`${id}/${seq}`))) return undefined;
    return { size, open: open.map(({ seq }) => seq), due: waiting.due, inputs: waiting.inputs };
  }

  async #move(
    engine: Engine,
    id: SessionId,
    { open, due, inputs, size }: Standing,
    random: Random,
  ): Promise<void> {
    if (due !== null && due <= this.#now) return this.#fire(due);
    const ways: (() => unknown)[] = [];
    const add = (weight: number, way: () => unknown): void => {
      for (let i = 0; i < weight; i++) ways.push(way);
    };
    // Time never passes a timer that has not fired.
    const later = Math.min(this.#now + random.below(30), due ?? Number.POSITIVE_INFINITY);
    const input = (type: string): Promise<unknown> =>
      engine.input(id, { type, data: random.below(1000) });
    if (open.length > 0) add(12, () => this.#answer(`${id}/${random.pick(open)}`));
    if (due !== null) add(6, () => this.#fire(due));
    if (inputs.length > 0) add(8, () => input(random.pick(inputs)));
    if (size < 40) add(2, () => input(random.pick(["x", "y", "z"])));
    if (size < 200) add(1, () => engine.cancel(id, `at ${size}`));
    const way = random.pick(ways);
    this.#now = later;
    await way();
  }

  #answer(key: string): void {
    const running = this.#running.get(key);
    if (!running) throw new Error(`nobody carries out ${key}`);
    this.#running.delete(key);
    running.answer(resultOf(running.request));
  }

  #fire(due: number): void {
    this.#now = Math.max(this.#now, due);
    for (const one of [...this.#delays]) {
      if (one.at > this.#now) continue;
      this.#delays.delete(one);
      one.wake();
    }
  }
}

/** The events of a session. */
export function eventsOf(directory: Directory, id: SessionId): EventView[] {
  const reader = directory.session(id);
  try {
    return [...reader.events()];
  } finally {
    reader.close();
  }
}

function text(status: SessionStatus): string {
  return JSON.stringify(status);
}
