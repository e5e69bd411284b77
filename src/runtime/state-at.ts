/**
 * The state of a program after any number of events of a session. Everything happens in a worker
 * that has the session open; what comes back are the bytes of the state.
 */
import path from "node:path";
import { decodeValue, ReachError, type SessionId, toHex } from "../base/index.ts";
import { type Directory, sessionOrigin } from "../session/index.ts";
import type { LoadedProgram } from "./load-program.ts";
import { workerPool } from "./pool.ts";
import type { TaskOptions } from "./program-watch.ts";

/** A state as its program left it, and how it was found. */
export interface EncodedState {
  /** Events in it. */
  readonly at: number;
  /** CBOR. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly stateHash: string;
  /** Events in the snapshot that it was computed from; `null`: from the beginning. */
  readonly snapshotUsed: number | null;
  readonly seconds: number;
}

/** A state, and how it was found. */
export interface StateReport extends Omit<EncodedState, "bytes"> {
  readonly state: unknown;
}

/** As `encodedStateAt`, with the state decoded. */
export async function stateAt(...of: Parameters<typeof encodedStateAt>): Promise<StateReport> {
  const { bytes, ...found } = await encodedStateAt(...of);
  return { ...found, state: decodeValue(bytes) };
}

/**
 * The state after the first `at` events of session `id`, by default after all. Costs reading one
 * snapshot and folding the events behind it. Throws `NOT_FOUND` for a session or an event that is
 * not there, `GONE`, `PROGRAM_FAILED`, `STATE_UNSUPPORTED`, `CORRUPT`, `BLOB_CORRUPT`,
 * `WORKER_FAILED` when the program does not come back.
 */
export async function encodedStateAt(
  directory: Directory,
  id: SessionId,
  at: number | undefined,
  options: TaskOptions & { readonly program: LoadedProgram },
): Promise<EncodedState> {
  const started = performance.now();
  directory.bringUpToDate(id);
  if (at !== undefined && !(Number.isSafeInteger(at) && at >= 0)) {
    throw new ReachError("USAGE", `${at} is no number of events`);
  }
  const { identity, workspace } = directory;
  const { program, ...watched } = options;
  const task = {
    place: { root: path.resolve(directory.path), id },
    program,
    at: at ?? null,
    verifierKey: identity.verifierKey,
    origin: sessionOrigin({ identity, workspace }, id),
  };
  const answer = isExecuted(directory, id, program)
    ? await workerPool().run<"executed-state">({ kind: "executed-state", ...task }, watched)
    : await workerPool().run<"state">({ kind: "state", ...task }, watched);
  return {
    at: answer.at,
    bytes: answer.bytes,
    stateHash: toHex(answer.hash),
    snapshotUsed: answer.snapshotUsed,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Whether the state is one of a program with steps over the session that it runs. */
function isExecuted(directory: Directory, id: SessionId, program: LoadedProgram): boolean {
  if (!program.hasStep) return false;
  const reader = directory.session(id);
  reader.close();
  return reader.manifest.kind === "executed";
}
