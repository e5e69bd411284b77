/**
 * Effects by name. Carries calls out under their policies, and turns whatever comes of them into
 * what is recorded: an encoded value, or an error of plain data.
 */
import { encodeValue, messageOf, ReachError, timerMsMax } from "../base/index.ts";
import type { EffectDefinition, EffectHandler, EffectPolicy } from "./effect-definition.ts";
import type { EffectError, EffectRequest, EffectResult, EffectSource } from "./effect-source.ts";
import { GuardedEffect } from "./guarded-effect.ts";

/** Effects as a configuration names them: a handler alone, or one with a policy. */
export type EffectMap = Readonly<Record<string, EffectHandler | EffectDefinition>>;

/** A number of a policy, the least and the most that make sense. */
type Bounded = readonly [(policy: EffectPolicy) => number | undefined, string, number, number?];

const numbers: readonly Bounded[] = [
  [({ timeoutMs }) => timeoutMs, "timeoutMs", 1, timerMsMax],
  [({ retries }) => retries?.attempts, "retries.attempts", 1],
  [({ retries }) => retries?.initialMs, "retries.initialMs", 0, timerMsMax],
  [({ retries }) => retries?.maxMs, "retries.maxMs", 0, timerMsMax],
  [({ retries }) => retries?.factor, "retries.factor", 1],
  [({ breaker }) => breaker?.failures, "breaker.failures", 1],
  [({ breaker }) => breaker?.restMs, "breaker.restMs", 0],
  [({ perSecond }) => perSecond, "perSecond", Number.MIN_VALUE],
  [({ concurrency }) => concurrency, "concurrency", 1],
];
const needed = ["retries.attempts", "breaker.failures"];
const names = ["run", ...numbers.map(([, what]) => what)];

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
  checkNames(name, definition, "");
  for (const [read, what, least, most = Number.POSITIVE_INFINITY] of numbers) {
    const value = read(definition);
    const [part = ""] = what.split(".");
    const isAbsent = !needed.includes(what) || Reflect.get(definition, part) === undefined;
    if (value === undefined && isAbsent) continue;
    if (typeof value === "number" && value >= least && value <= most) continue;
    const from = least === Number.MIN_VALUE ? "above 0" : `${least} or more`;
    const bound = most === Number.POSITIVE_INFINITY ? from : `from ${least} to ${most}`;
    throw new ReachError("CONFIG_INVALID", `${what} of the effect "${name}" is ${String(value)}`, {
      hint: `it should be a number, ${bound}`,
    });
  }
}

/** Settings that nobody reads are refused: they were meant to be others. */
function checkNames(effect: string, settings: object, before: string): void {
  for (const [key, value] of Object.entries(settings)) {
    const name = before + key;
    const isKnown = names.some((known) => known === name || known.startsWith(`${name}.`));
    if (!isKnown) {
      const message = `the effect "${effect}" has no setting \`${name}\``;
      const hint = `there are ${names.join(", ")}`;
      throw new ReachError("CONFIG_INVALID", message, { hint });
    }
    if (name !== "run" && typeof value === "object" && value !== null) {
      checkNames(effect, value, `${name}.`);
    }
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
