/** Calls of effects as an engine makes them, and what they noted. */
import { decodeValue } from "../../src/base/index.ts";
import type { EffectError, EffectSource } from "../../src/effects/index.ts";

/** What came of a call. */
export interface Called {
  readonly value?: unknown;
  readonly error?: EffectError;
  readonly notes: readonly { readonly type: string; readonly data: unknown }[];
}

/** Calls an effect. */
export async function call(
  source: EffectSource,
  name: string,
  input: unknown = null,
  signal: AbortSignal = new AbortController().signal,
): Promise<Called> {
  const notes: { type: string; data: unknown }[] = [];
  const session = "0199c1f2-0000-7000-8000-000000000000";
  const result = await source.run({
    session,
    seq: 7,
    name,
    input,
    options: undefined,
    key: `${session}/7`,
    signal,
    note: (type, data) => notes.push({ type, data }),
  });
  return "value" in result
    ? { value: decodeValue(result.value), notes }
    : { error: result.error, notes };
}
