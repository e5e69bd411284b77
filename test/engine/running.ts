/**
 * Engines over scratch directories, for tests: programs as source text, effects as functions, and
 * the operations of a session as something that can be compared.
 */
import * as path from "node:path";
import { encodeValue, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import type { EffectRequest, EffectResult } from "../../src/effects/index.ts";
import { Engine, type EngineOptions } from "../../src/engine/index.ts";
import type { LoadedProgram } from "../../src/runtime/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

/** The stand-in for the sandbox. */
export const plainContexts: string = path.resolve(import.meta.dirname, "plain-contexts.mjs");

/** A program that is its source text. */
export function programOf(name: string, code: string): LoadedProgram {
  return { name, version: "1", hash: sha256(utf8(code)), where: name, code, map: "{}" };
}

/** What a test's effect does; what it throws is the error of the call. */
export type TestEffect = (input: never, request: EffectRequest) => unknown;

/** Effects as an engine wants them. */
export function effectsOf(handlers: Readonly<Record<string, TestEffect>>): {
  run(request: EffectRequest): Promise<EffectResult>;
} {
  return {
    async run(request): Promise<EffectResult> {
      const handler = handlers[request.name];
      if (!handler) return { error: { name: "Error", message: `no effect ${request.name}` } };
      try {
        return { value: encodeValue((await handler(request.input as never, request)) ?? null) };
      } catch (error) {
        return { error: { name: "Error", message: (error as Error).message } };
      }
    },
  };
}

/** A data directory with engines over it, one after the other. */
export class Running {
  readonly scratch = new Scratch();
  readonly troubles: string[] = [];
  readonly #disk: Disk;
  #directory: Directory | undefined;
  #engine: Engine | undefined;

  constructor(disk: Disk = nodeDisk) {
    this.#disk = disk;
  }

  get directory(): Directory {
    return this.#directory as Directory;
  }

  get engine(): Engine {
    return this.#engine as Engine;
  }

  async open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    this.#directory = await Directory.open({
      path: this.scratch.at("data", "default"),
      mode: "write",
      takeOver: true,
      disk: this.#disk,
    });
    this.#engine = await Engine.open({
      effects: effectsOf({}),
      runners: { kind: "inline" },
      contexts: plainContexts,
      onTrouble: (trouble) => this.troubles.push(trouble),
      ...options,
      directory: this.#directory,
    });
    return this.#engine;
  }

  /** Closes in order. */
  async close(options: { graceMs?: number } = {}): Promise<void> {
    await this.#engine?.close(options);
    await this.#directory?.close();
    this.#engine = undefined;
    this.#directory = undefined;
  }

  /** Leaves everything as a crash of the process would. */
  async crash(): Promise<void> {
    this.#directory?.crash();
    await this.#engine?.close({ graceMs: 0 }).catch(() => {});
    this.#engine = undefined;
    this.#directory = undefined;
  }

  async end(): Promise<void> {
    await this.close({ graceMs: 1000 }).catch(() => {});
    this.scratch.remove();
  }

  /** The events of a session, as `kind:type data`. */
  events(id: SessionId): string[] {
    const reader = this.directory.session(id);
    try {
      return [...reader.events()].map(({ kind, type, ref, data }) => {
        const at = ref === null ? "" : `@${ref}`;
        return `${kind}:${type}${at} ${JSON.stringify(data, plain)}`;
      });
    } finally {
      reader.close();
    }
  }
}

function plain(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
}

/** Resolves once `holds` does. */
export async function until(holds: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error("it does not come");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
