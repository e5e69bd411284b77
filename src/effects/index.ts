/** Effects: what programs cannot do by themselves, by name and under policies. */
export { isPublicAddress } from "./address-rules.ts";
export {
  type BreakerPolicy,
  type EffectCall,
  type EffectDefinition,
  type EffectHandler,
  type EffectPolicy,
  GiveUp,
  type RetryPolicy,
  TryAgain,
} from "./effect-definition.ts";
export { type EffectMap, EffectRegistry } from "./effect-registry.ts";
export type { EffectError, EffectRequest, EffectResult, EffectSource } from "./effect-source.ts";
export {
  type HostLookup,
  type HttpFetchOptions,
  type HttpRequest,
  type HttpResponse,
  httpFetch,
} from "./http-fetch.ts";
