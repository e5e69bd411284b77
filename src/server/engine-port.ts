/**
 * What the server asks of whatever runs sessions. The engine of `src/engine` is one; tests bring
 * their own. A server without one serves recorded sessions only.
 */
import type { SessionId } from "../base/index.ts";
import type {
  EngineFigures,
  InputKey,
  SessionStatus,
  StartOptions,
  TakenInput,
} from "../engine/index.ts";
import type { ForkOptions } from "../session/index.ts";

/**
 * Guarantees: what a call resolves with is durable; a second `start` with the same id answers the
 * same and starts nothing; a call may throw `OVERLOADED` when its queue is full.
 */
export interface SessionEngine {
  start(
    program: string,
    input: unknown,
    options?: StartOptions,
  ): Promise<{ id: SessionId; created: boolean }>;
  /**
   * An input with a key is taken once, whatever dies meanwhile. Throws `NOT_FOUND`, `GONE`,
   * `SESSION_ENDED`, `IDEMPOTENCY_KEY_REUSED`.
   */
  input(id: SessionId, event: { type: string; data: unknown }, key?: InputKey): Promise<TakenInput>;
  cancel(id: SessionId, reason?: string): Promise<{ seq: number }>;
  status(id: SessionId): SessionStatus;
  fork(id: SessionId, options: ForkOptions): Promise<{ id: SessionId }>;
  /** For metrics; cheap. */
  figures?(): EngineFigures;
  close(options?: { graceMs?: number }): Promise<void>;
}
