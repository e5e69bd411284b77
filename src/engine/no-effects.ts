/**
 * Effects where none are registered: every call of a program gets an error that says so, which the
 * program can catch like any other.
 */
import type { EffectSource } from "./engine-options.ts";

/** Knows no effect. */
export const noEffects: EffectSource = {
  run: async ({ name }) => ({
    error: {
      name: "Error",
      message: `there is no effect "${name}": nothing is registered under that name`,
      code: "EFFECT_UNKNOWN",
    },
  }),
};
