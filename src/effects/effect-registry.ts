/**
 * Effects by name. Carries calls out under their policies, and turns whatever comes of them into
 * what is recorded: an encoded value, or an error of plain data.
 */
import { encodeValue, messageOf, ReachError } from "../base/index.ts";
import type { EffectDefinition, EffectHandler, EffectPolicy } from "./effect-definition.ts";
import type { EffectError, EffectRequest, EffectResult, EffectSource } from "./effect-source.ts";
import { GuardedEffect } from "./guarded-effect.ts";

/** Effects as a configuration names them: a handler alone, or one with a policy. */
export type EffectMap = Readonly<Record<string, EffectHandler | EffectDefinition>>;

/** Positive numbers of a policy, and the least that makes sense. */
const numbers: readonly (readonly [
  (policy: EffectPolicy) => number | undefined,
  string,
  number,
])[] = [
  [({ timeoutMs }) => timeoutMs, "timeoutMs", 1],
  [({ retries }) => retries?.attempts, "retries.attempts", 1],
  [({ retries }) => retries?.initialMs, "retries.initialMs", 0],
  [({ retries }) => retries?.maxMs, "retries.maxMs", 0],
  [({ retries }) => retries?.factor, "retries.factor", 1],
  [({ breaker }) => breaker?.failures, "breaker.failures", 1],
  [({ breaker }) => breaker?.restMs, "breaker.restMs", 0],
  [({ perSecond }) => perSecond, "perSecond", Number.MIN_VALUE],
  [({ concurrency }) => concurrency, "concurrency", 1],
];

/** Effects that can be called. */
export class EffectRegistry implements EffectSource {
  readonly #effects = new Map<string, GuardedEffect>();

  /** Throws `CONFIG_INVALID` for an effect without handler, or a number that makes no sense. */
  constructor(effects: EffectMap) {
    for (const [name, effect] of Object.entries(effects)) {
      const definition = typeof effect === "function" ? { run: effect } : effect;
      check(name, definition);
      this.#effects.set(name, new GuardedEffect(name, definition));
    }
  }

  /** Names, sorted. */
  names(): string[] {
    return [...this.#effects.keys()].sort();
  }

  async run(request: EffectRequest): Promise<EffectResult> {
    const effect = this.#effects.get(request.name);
    if (!effect) return { error: unknownEffect(request.name, this.names()) };
    try {
      return { value: encodeValue((await effect.run(request)) ?? null) };
    } catch (error) {
      return { error: plainError(error) };
    }
  }
}

function check(name: string, definition: EffectDefinition | undefined): void {
  if (typeof definition?.run !== "function") {
    throw new ReachError("CONFIG_INVALID", `the effect "${name}" has no handler`, {
      hint: "an effect is a function, or an object with `run` and the numbers of its policy",
    });
  }
  for (const [read, what, least] of numbers) {
    const value = read(definition);
    if (value === undefined || (typeof value === "number" && value >= least)) continue;
    const bound = least === Number.MIN_VALUE ? "above 0" : `${least} or more`;
    throw new ReachError("CONFIG_INVALID", `${what} of the effect "${name}" is ${String(value)}`, {
      hint: `it should be a number, ${bound}`,
    });
  }
}

function unknownEffect(name: string, known: readonly string[]): EffectError {
  const registered = known.length === 0 ? "none is" : `there are ${known.join(", ")}`;
  const message = `there is no effect "${name}": ${registered} registered in reach.config.ts`;
  return { name: "Error", message, code: "EFFECT_UNKNOWN" };
}

/** An error as plain data; what cannot be encoded of it is left out. */
function plainError(error: unknown): EffectError {
  const message = messageOf(error);
  if (!(error instanceof Error)) return { name: "Error", message };
  const { name, code, data } = error as { name?: unknown; code?: unknown; data?: unknown };
  return {
    name: typeof name === "string" ? name : "Error",
    message,
    ...(typeof code === "string" ? { code } : {}),
    ...(isEncodable(data) ? { data } : {}),
  };
}

function isEncodable(data: unknown): boolean {
  if (data === undefined) return false;
  try {
    encodeValue(data);
    return true;
  } catch {
    return false;
  }
}
