/**
 * An engine for tests of the server: sessions of programs that do nothing but begin, take inputs
 * and end. What it acknowledges is durable, and a second start with an id is the first.
 */
import {
  encodeValue,
  newSessionId,
  ReachError,
  systemClock,
  systemEntropy,
} from "../../src/base/index.ts";
import type { SessionStatus } from "../../src/engine/index.ts";
import type { SessionEngine } from "../../src/server/index.ts";
import type { Directory, NewEvent, SessionWriter } from "../../src/session/index.ts";

type StartOptions = Parameters<SessionEngine["start"]>[2];

/** Its programs: `echo` emits what it gets; `slow` waits for `gate` before it begins. */
export class MemoryEngine implements SessionEngine {
  readonly #directory: Directory;
  readonly #writers = new Map<string, SessionWriter>();
  readonly #ended = new Set<string>();
  readonly started: string[] = [];
  closed = false;
  gate: Promise<void> = Promise.resolve();

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  async start(program: string, input: unknown, options: StartOptions = {}) {
    if (program === "missing") throw new ReachError("NOT_FOUND", `there is no program ${program}`);
    if (program === "slow") await this.gate;
    const id = options.id ?? newSessionId(systemClock, systemEntropy);
    if (this.#writers.has(id)) return { id, created: false };
    const writer = this.#directory.createSession({
      id,
      kind: "executed",
      name: options.name ?? "",
    });
    this.#writers.set(id, writer);
    await this.#append(id, "trigger", program, input);
    this.started.push(program);
    return { id, created: true };
  }

  async input(id: string, { type, data }: { type: string; data: unknown }) {
    if (this.#ended.has(id)) throw new ReachError("SESSION_ENDED", `session ${id} has ended`);
    const seq = await this.#append(id, "input", type, data);
    await this.#append(id, "emit", "echo", data);
    return { seq, duplicate: false };
  }

  async cancel(id: string, reason = "") {
    if (this.#ended.has(id)) throw new ReachError("SESSION_ENDED", `session ${id} has ended`);
    const seq = await this.#append(id, "cancel", "cancel", { reason });
    await this.#append(id, "end", "cancelled", {});
    this.#ended.add(id);
    return { seq };
  }

  status(id: string): SessionStatus {
    const size = this.#writers.get(id)?.nextSeq ?? 0;
    if (this.#ended.has(id)) return { phase: "ended", outcome: "cancelled", size };
    return { phase: this.#writers.has(id) ? "waiting" : "parked", size };
  }

  async fork(id: string, { at, overrides }: Parameters<SessionEngine["fork"]>[1]) {
    const fork = await this.start("echo", { forked: id, at, overrides: overrides?.size ?? 0 });
    return { id: fork.id };
  }

  figures() {
    return {
      active: this.#writers.size - this.#ended.size,
      utilization: 0.5,
      leasesExpired: 2,
      runnerRssBytes: [90_000_000, 120_000_000],
      runnerRssBytesMax: 512_000_000,
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async #append(id: string, kind: NewEvent["kind"], type: string, data: unknown): Promise<number> {
    const writer = this.#writers.get(id);
    if (!writer) throw new ReachError("NOT_FOUND", `there is no session ${id}`);
    const bytes = encodeValue(data);
    const event = { kind, type, time: Date.now(), ref: null, form: "cbor", bytes } as const;
    const { seq, durable } = writer.append(event);
    await durable;
    return seq;
  }
}
