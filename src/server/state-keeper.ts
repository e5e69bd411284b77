/**
 * Keeps states of sessions that somebody looks into. The first look at a long session folds it from
 * its beginning, seconds of a thread; what a replay then keeps makes those that follow take
 * milliseconds. It goes on beside everything else, one session at a time, and nobody waits for it.
 */
import { type SessionId, toHex } from "../base/index.ts";
import { type LoadedProgram, replaySession } from "../runtime/index.ts";
import type { Directory } from "../session/index.ts";

/** A look that folded fewer events is not worth a replay: it took some ten milliseconds. */
const foldedEventsMin = 5000;
/** A session is replayed again only when it has grown by this share: each event a few times. */
const growthMin = 0.25;
const sessionsKnownMax = 10_000;

/** What computing a state took. */
export interface StateLook {
  readonly at: number;
  readonly snapshotUsed: number | null;
}

/** Keeps states of the sessions of one workspace. */
export class StateKeeper {
  readonly #directory: Directory;
  readonly #onFailure: (id: SessionId, error: unknown) => void;
  readonly #controller = new AbortController();
  /** Events of a session and program when its states were last kept, or could not be. */
  readonly #sizes = new Map<string, number>();
  #running: Promise<void> | undefined;

  constructor(directory: Directory, onFailure: (id: SessionId, error: unknown) => void) {
    this.#directory = directory;
    this.#onFailure = onFailure;
  }

  /** Hears what a look at a recorded session took; begins to keep its states if that was much. */
  looked(id: SessionId, program: LoadedProgram, { at, snapshotUsed }: StateLook): void {
    const key = `${id} ${toHex(program.hash)}`;
    const folded = at - (snapshotUsed ?? 0);
    const grown = at - (this.#sizes.get(key) ?? 0);
    if (folded < foldedEventsMin || grown < growthMin * at) return;
    if (this.#running || this.#controller.signal.aborted) return;
    this.#running = this.#keep(id, program, key)
      .catch((error: unknown) => {
        if (!this.#controller.signal.aborted) this.#onFailure(id, error);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #keep(id: SessionId, program: LoadedProgram, key: string): Promise<void> {
    const reader = this.#directory.session(id);
    const { reliableSize } = reader;
    reader.close();
    this.#sizes.delete(key);
    this.#sizes.set(key, reliableSize);
    for (const oldest of this.#sizes.keys()) {
      if (this.#sizes.size <= sessionsKnownMax) break;
      this.#sizes.delete(oldest);
    }
    const { signal } = this.#controller;
    await replaySession(this.#directory, id, { program, workers: 1, keep: true, signal });
  }

  /** Interrupts what is being kept, and begins nothing more. */
  stop(): void {
    this.#controller.abort();
  }

  /** Resolves when nothing is being kept. */
  async idle(): Promise<void> {
    await this.#running;
  }
}
