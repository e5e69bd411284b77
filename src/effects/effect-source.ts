/**
 * What a call of a program is to whoever carries it out, and what comes back: the types that the
 * engine and the registry of effects share.
 */
import type { SessionId } from "../base/index.ts";

/** A call of a program that is to be carried out. */
export interface EffectRequest {
  readonly session: SessionId;
  readonly seq: number;
  readonly name: string;
  readonly input: unknown;
  readonly options: unknown;
  /** The same for every try of this call, also after a crash: `<session>/<seq>`. */
  readonly key: string;
  /** Aborted when nobody waits for the call any more: the session has ended, the engine closes. */
  readonly signal: AbortSignal;
  /** Records something about the call that no program sees: a retry, a breaker that opened. */
  note(type: string, data: unknown): void;
}

/** An error as a program sees it. */
export interface EffectError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly data?: unknown;
}

/** What became of a call: the encoded value, or an error. */
export type EffectResult = { readonly value: Uint8Array } | { readonly error: EffectError };

/** Who carries calls out. Never rejects; a handler starts only after its call is durable. */
export interface EffectSource {
  run(request: EffectRequest): Promise<EffectResult>;
}
