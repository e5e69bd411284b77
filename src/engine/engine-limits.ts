/**
 * The limits of an engine, units last. Those of the formats are in `base`; these decide about
 * memory and fairness only and may be changed without changing what any session does.
 */
const MiB = 1024 * 1024;

/** Limits of an engine. */
export interface EngineLimits {
  /** Activations that one thread may have before it: enough that it never idles. */
  readonly laneActivationsMax: number;
  /** Sessions that are being read back from their logs at a time. */
  readonly resumesMax: number;
  /** Events that wait for sessions to take them, in bytes; above that, callers hear OVERLOADED. */
  readonly inboxBytesMax: number;
  /** Sessions that wait for a runner; above that, callers hear OVERLOADED. */
  readonly queueSessionsMax: number;
  /**
   * Contexts in one thread; sessions beyond that wait until one is given back. One takes about
   * 0.4 MiB of a runner, without its state (measured).
   */
  readonly laneContextsMax: number;
  /** A session that has waited for so long gives its context back. */
  readonly idleMs: number;
  /** A thread that one session has kept for so long gives its other sessions away. */
  readonly asideMs: number;
  /** A thread that one session has kept for so long is killed. */
  readonly stuckMs: number;
  /** A cancelled session that has not ended after so long is ended. */
  readonly cancelGraceMs: number;
  /** Tries of an activation whose runner died, before the session ends. */
  readonly triesMax: number;
  /** Tries of one whose runner somebody else killed: a person, or the system for want of memory. */
  readonly foreignTriesMax: number;
  /** Memory of a runner process. */
  readonly runnerRssBytesMax: number;
  /** Between two writings of the registry of unfinished sessions. */
  readonly registryMs: number;
  /** Events between two snapshots. */
  readonly snapshotEvents: number;
}

/** The limits that an engine has when nobody says anything else. */
export const engineLimits: EngineLimits = {
  laneActivationsMax: 16,
  resumesMax: 8,
  inboxBytesMax: 64 * MiB,
  queueSessionsMax: 20_000,
  laneContextsMax: 150,
  idleMs: 30_000,
  asideMs: 250,
  stuckMs: 5000,
  cancelGraceMs: 5000,
  triesMax: 3,
  foreignTriesMax: 15,
  runnerRssBytesMax: 512 * MiB,
  registryMs: 10_000,
  snapshotEvents: 1000,
};
