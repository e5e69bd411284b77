// What `reach serve` runs here. A bank would be asked over HTTP; this one makes the receipt of the
// key, which is the same for every try of a call, so that a second try is no second refund.

import { defineConfig, type EffectCall } from "reach-replay/config";

export default defineConfig({
  programs: ["refund.ts"],
  effects: {
    "bank.refund": {
      run: (_: { order: string; cents: number }, { key }: EffectCall) => ({ receipt: key }),
      retries: { attempts: 5 },
    },
  },
});
