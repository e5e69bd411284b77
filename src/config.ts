/**
 * The public entry "reach-replay/config": what `reach.config.ts` imports.
 *
 *   import { defineConfig, httpFetch } from "reach-replay/config";
 *
 *   export default defineConfig({
 *     programs: ["agent.ts"],
 *     effects: {
 *       "http.fetch": httpFetch({ allow: ["api.example.com"], retries: { attempts: 4 } }),
 *       "llm.chat": { run: (input, { key }) => ask(input, key), timeoutMs: 60_000 },
 *     },
 *   });
 */
export { defineConfig, type ReachConfig, type ServerSettings } from "./config/index.ts";
export {
  type BreakerPolicy,
  type EffectCall,
  type EffectDefinition,
  type EffectHandler,
  type EffectPolicy,
  GiveUp,
  type HostLookup,
  type HttpFetchOptions,
  type HttpRequest,
  type HttpResponse,
  httpFetch,
  type RetryPolicy,
  TryAgain,
} from "./effects/index.ts";
