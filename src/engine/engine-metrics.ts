/**
 * What an engine counts since it was opened, and how long new sessions took to their first turn:
 * for the metrics of a server, and for tests that want to know whether something happened.
 */
import type { Counter } from "./actor-services.ts";
import type { EngineMetrics, SessionOutcome } from "./engine-options.ts";

/** Spawn times that the percentiles are about. */
const spawnsMax = 1000;

/** Counters and the last spawn times. */
export class EngineCounters {
  readonly #counts: Record<Counter | "started", number> = {
    activations: 0,
    calls: 0,
    resumed: 0,
    started: 0,
  };
  readonly #ended: Record<SessionOutcome, number> = {
    done: 0,
    failed: 0,
    cancelled: 0,
    infrastructure: 0,
  };
  readonly #spawns: number[] = [];
  #spawnAt = 0;

  count(counter: Counter | "started"): void {
    this.#counts[counter] += 1;
  }

  ended(outcome: SessionOutcome): void {
    this.#ended[outcome] += 1;
  }

  spawned(ms: number): void {
    this.#spawns[this.#spawnAt % spawnsMax] = ms;
    this.#spawnAt += 1;
  }

  /** The counters, and the percentiles of the spawn times. */
  report(): Pick<EngineMetrics, Counter | "started" | "ended" | "spawnMs"> {
    const sorted = [...this.#spawns].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    const spawnMs = { p50: at(0.5), p95: at(0.95), max: at(1) };
    return { ...this.#counts, ended: { ...this.#ended }, spawnMs };
  }
}
