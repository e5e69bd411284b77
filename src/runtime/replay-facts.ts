/**
 * What is known of a session before any of its events is read: how far the log goes, what is signed
 * about it, and whether it is known to be damaged.
 */
import { setTimeout as delay } from "node:timers/promises";
import { codeOf, messageOf, ReachError } from "../base/index.ts";
import type { LogExtent } from "../log/index.ts";
import type { Checkpoint } from "../merkle/index.ts";
import type { SessionReader } from "../session/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";

/** A writer that is alive completes a batch in microseconds. */
const tornRetries = 3;
const tornRetryMs = 20;

/** The beginning of a replay. */
export interface ReplayFacts {
  /** Events that can be read. */
  readonly size: number;
  readonly checkpoint: Checkpoint | undefined;
  /** Snapshots of the program whose signatures hold, by size. */
  readonly records: readonly SnapshotRecord[];
  /** What is corrupt; then the rest says nothing. `seq`: the first uncertain event. */
  readonly problem: { readonly seq: number | null; readonly message: string } | null;
}

/**
 * Whether the tail of the log may be mended yet: a writer is alive, or a journal waits for
 * recovery. Then what is missing is not lost.
 */
export function isUnsettled({ log }: SessionReader): boolean {
  const torn = { kind: "torn", offset: 0, seq: 0, message: "" } as const;
  return log.error(torn).code === "UNRECOVERED";
}

/** The error for something that is missing but may come back with recovery. */
export function unrecovered({ id }: SessionReader, message: string): ReachError {
  return new ReachError("UNRECOVERED", message, {
    where: id,
    hint: "open the data directory for writing, or run `reach doctor --recover`",
  });
}

async function settledExtent(reader: SessionReader): Promise<LogExtent> {
  for (let attempt = 0; ; attempt++) {
    const { extent } = reader;
    if (!extent.problem) return extent;
    const error = reader.log.error(extent.problem);
    if (error.code !== "UNRECOVERED") return extent;
    if (attempt === tornRetries) throw error;
    await delay(tornRetryMs);
    reader.refresh();
  }
}

/** Gathers the facts; `program` is the hash. Throws `UNRECOVERED`. */
export async function replayFacts(
  reader: SessionReader,
  program: Uint8Array,
): Promise<ReplayFacts> {
  const extent = await settledExtent(reader);
  const { size } = extent;
  const damaged = (seq: number | null, message: string): ReplayFacts => {
    return { size, checkpoint: undefined, records: [], problem: { seq, message } };
  };
  if (extent.problem) return damaged(extent.problem.seq, extent.problem.message);
  const { quarantine } = reader;
  if (quarantine) return damaged(quarantine.seq, quarantine.reason);
  let checkpoint: Checkpoint | undefined;
  try {
    checkpoint = reader.checkpoint();
  } catch (error) {
    const code = codeOf(error);
    if (code !== "NOTE_INVALID" && code !== "SIGNATURE_INVALID") throw error;
    return damaged(null, `the checkpoint: ${messageOf(error)}`);
  }
  const records = reader.snapshots(program);
  const signed = Math.max(checkpoint?.size ?? 0, records.at(-1)?.size ?? 0);
  if (signed <= size) return { size, checkpoint, records, problem: null };
  const message = `the log has ${size} events, and ${signed} were signed`;
  if (isUnsettled(reader)) throw unrecovered(reader, message);
  return damaged(size, message);
}
