/** The engine: runs executed sessions, resumes them, and keeps their programs apart. */
export { Engine } from "./engine.ts";
export { type EngineLimits, engineLimits } from "./engine-limits.ts";
export type {
  EndReport,
  EngineFigures,
  EngineMetrics,
  EngineOptions,
  PhaseListener,
  RunnerMode,
  SessionOutcome,
  SessionPhase,
  SessionStatus,
  StartOptions,
} from "./engine-options.ts";
export type { InputKey, TakenInput } from "./input-keys.ts";
export { enterSession } from "./registry.ts";
