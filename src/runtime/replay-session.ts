/**
 * Replay of a session: every event is read and hashed; the program is folded, or its steps are run
 * again, stretch by stretch on all workers, and what comes out is compared with what was kept.
 * First it is proven that the log is what was signed; only then is anything said about the
 * program.
 */
import * as os from "node:os";
import { ReachError, type SessionId } from "../base/index.ts";
import type { Directory, Progress } from "../session/index.ts";
import { ExecutedReplay } from "./executed/executed-replay.ts";
import { type LoadedProgram, programName } from "./load-program.ts";
import { replayFacts } from "./replay-facts.ts";
import { planReplay } from "./replay-plan.ts";
import type { ReplayReport } from "./replay-report.ts";
import { ReplayRun } from "./replay-run.ts";

/** How a session is replayed. */
export interface ReplayOptions {
  readonly program: LoadedProgram;
  /** Worker threads; default: one per core. */
  readonly workers?: number | undefined;
  /** The events whose states are to be compared, default all: whole stretches that hold them. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Keeps what was computed, and replaces what is damaged; needs a directory open for writing. */
  readonly keep?: boolean | undefined;
  /** Of an executed session: begins every step in a fresh context, and not only some. Slower. */
  readonly strict?: boolean | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long one call into the program may take, in milliseconds. Default 30,000. */
  readonly patienceMs?: number | undefined;
}

/**
 * Replays session `id`. Damage and divergence are verdicts, not errors. Throws `NOT_FOUND`, `GONE`,
 * `USAGE`, `UNRECOVERED` while the tail of a crashed writer waits for recovery, `PROGRAM_FAILED`
 * and `STATE_UNSUPPORTED` where no kept state says that it once worked, `READ_ONLY`,
 * `INTERRUPTED`, `WORKER_FAILED`.
 */
export async function replaySession(
  directory: Directory,
  id: SessionId,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const started = performance.now();
  const { program, keep = false, onProgress, signal, patienceMs } = options;
  const workers = checked(directory, options);
  directory.bringUpToDate(id);
  const reader = directory.session(id);
  try {
    const facts = await replayFacts(reader, program.hash);
    const { size, checkpoint, records, problem } = facts;
    const report: ReplayReport = {
      verdict: "corrupt",
      events: size,
      ...intervalOf(options, size),
      comparedTo: 0,
      snapshots: 0,
      seconds: 0,
      workers,
      program: programName(program),
      stateHash: null,
      root: null,
      signedBy: checkpoint ? signerOf(directory) : null,
      signedSize: checkpoint?.size ?? null,
      kept: false,
      keptSnapshots: 0,
      damagedSnapshots: 0,
      operations: null,
      divergence: null,
      problem,
    };
    let found: Partial<ReplayReport> = {};
    if (!problem) {
      const { from, to } = report;
      const signedSize = report.signedSize;
      const onShare = (share: number): void => {
        onProgress?.({ done: Math.round(share * size), total: size, unit: "events" });
      };
      const about = { directory, reader, program, records, checkpoint, workers, keep };
      const request = { ...about, signal, patienceMs, onShare };
      if (reader.manifest.kind === "executed" && program.hasStep) {
        const renewal = options.strict ? "always" : "sparse";
        found = await new ExecutedReplay({ ...request, size, from, to, renewal }).run();
      } else {
        const plan = planReplay({ size, signedSize, records, from, to, workers });
        found = await new ReplayRun({ ...request, plan }).run();
      }
    }
    return { ...report, ...found, seconds: (performance.now() - started) / 1000 };
  } finally {
    reader.close();
  }
}

/** A thread takes some 20 MiB, whatever it has to do. */
const workersMax = 64;

/** Checks what can be checked before anything is opened; returns the number of workers. */
function checked(directory: Directory, options: ReplayOptions): number {
  if (options.keep && !directory.writable) {
    throw new ReachError("READ_ONLY", `${directory.path} is open for reading: nothing is kept`, {
      hint: "open it for writing, or replay without keeping the states",
    });
  }
  const workers = options.workers ?? os.availableParallelism();
  const most = Math.max(workersMax, os.availableParallelism());
  if (Number.isInteger(workers) && workers > 0 && workers <= most) return workers;
  throw new ReachError("USAGE", `${workers} is no number of workers`, {
    hint: `1 to ${most}: more than there are cores are not faster, and each takes its memory`,
  });
}

/** The key that signs in a directory, as people read it: `reach.local+5ab3c1d2`. */
function signerOf(directory: Directory): string {
  return directory.identity.verifierKey.split("+").slice(0, 2).join("+");
}

function intervalOf({ from = 0, to }: ReplayOptions, size: number): { from: number; to: number } {
  const end = Math.min(to ?? size, size);
  const whole = Number.isInteger(from) && Number.isInteger(end);
  if (whole && from >= 0 && (from < end || (from === 0 && size === 0))) return { from, to: end };
  throw new ReachError("USAGE", `there are no events from ${from} to before ${to ?? size}`, {
    hint: `the session has ${size} events, counted from 0`,
  });
}
