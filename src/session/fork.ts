/**
 * Forking: a new session that begins with events of another one, byte for byte, so that the root
 * over them is the same, and goes on by itself. Large payloads and states are shared; the events
 * are written again, which makes a fork a session like any other: its source may be removed, a
 * bundle of it is whole, and nothing that reads, verifies or recovers knows of forks.
 */
import {
  codeOf,
  encodeValue,
  newSessionId,
  ReachError,
  type SessionId,
  systemClock,
  systemEntropy,
} from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import type { Directory } from "./directory.ts";
import type { ForkData } from "./fork-data.ts";
import {
  checkPlace,
  eventsAtOnce,
  type ForkPlan,
  type ForkRequest,
  othersTurn,
  planFork,
} from "./fork-plan.ts";
import { type Manifest, secretsOf } from "./manifest.ts";
import type { SessionReader } from "./session-reader.ts";

/** How a fork is made. */
export interface ForkOptions extends ForkRequest {
  readonly id?: SessionId;
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface ForkReport {
  readonly id: SessionId;
  /** Events that it has of its source; more than were asked for when they belong together. */
  readonly at: number;
  readonly events: number;
  /** Calls that were open, and have a result now. */
  readonly settled: number;
  /** Calls that are open, and are run again. */
  readonly open: readonly number[];
}

/** Why a state is not taken along. */
const cacheCodes: ReadonlySet<string | undefined> = new Set([
  "BLOB_MISSING",
  "BLOB_CORRUPT",
  "DISK_FULL",
  "IO_FAILED",
]);

const nothingSettled: Omit<ForkPlan, "cut"> = { settled: [], inputs: [], open: [] };

/**
 * Makes a fork of a session; when it resolves the fork is durable and signed. Of a session that
 * Reach runs, the fork goes on when it is run. Of a recorded one, events from the first override to
 * `at` follow with their seqs shifted by one. Throws `NOT_FOUND`, `USAGE`, `ALREADY_EXISTS`,
 * `INTERRUPTED`; then there is no fork.
 */
export async function forkSession(
  directory: Directory,
  sourceId: SessionId,
  options: ForkOptions,
): Promise<ForkReport> {
  const source = directory.session(sourceId);
  let writer: BulkWriter | undefined;
  try {
    const { kind } = source.manifest;
    const plan =
      kind === "executed"
        ? await planFork(source, options, options.signal)
        : { cut: recordedCut(source, options), ...nothingSettled };
    const manifest = manifestOfFork(source, plan.cut, options);
    writer = await directory.openBulk({ manifest });
    await copyEvents(source, plan.cut, writer, options.signal);
    appendFork(writer, manifest, plan, options);
    if (kind === "recorded") await appendRest(source, plan.cut, writer, options);
    await directory.closeWriter(writer);
    const { nextSeq: events, id } = writer;
    writer = undefined;
    await copySnapshots(directory, source, manifest);
    const { cut: at, settled, open } = plan;
    return { id, at, events, settled: settled.length, open };
  } catch (error) {
    if (writer) await directory.discardBulk(writer);
    throw error;
  } finally {
    source.close();
  }
}

function recordedCut(source: SessionReader, { at, overrides }: ForkOptions): number {
  checkPlace(source, at);
  const seqs = [...(overrides?.keys() ?? [])];
  const outside = seqs.find((seq) => !Number.isSafeInteger(seq) || seq >= at);
  if (outside !== undefined) {
    throw new ReachError("USAGE", `event ${outside} is not one of the ${at} that the fork has`, {
      where: `${source.id}@${outside}`,
      hint: "what is set comes before the place of the fork",
    });
  }
  const cut = Math.min(at, ...seqs);
  if (cut >= 1) return cut;
  throw new ReachError("USAGE", "the first event cannot be overridden", {
    where: `${source.id}@0`,
    hint: "a session that begins otherwise is another session",
  });
}

function manifestOfFork(
  source: SessionReader,
  at: number,
  { id = newSessionId(systemClock, systemEntropy), name }: ForkOptions,
): Manifest {
  const { manifest } = source;
  return {
    ...manifest,
    id,
    name: name ?? manifest.name,
    created: systemClock(),
    secret: systemEntropy(32),
    fork: {
      source: source.id,
      at,
      root: source.root(at),
      secrets: secretsOf(manifest).filter(({ from }) => from < at),
    },
  };
}

async function copyEvents(
  source: SessionReader,
  cut: number,
  writer: BulkWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const event of source.events(0, cut)) {
    writer.appendEncoded(event.bytes);
    if (writer.nextSeq % eventsAtOnce === 0) await turn(writer, signal);
  }
}

/**
 * Others get their turn, and the tree time to grow. Nothing is acknowledged before all of it is
 * there: a crash leaves no fork, not a part of one.
 */
async function turn(writer: BulkWriter, signal: AbortSignal | undefined): Promise<void> {
  await othersTurn(signal);
  await writer.room();
}

function appendFork(
  writer: BulkWriter,
  { fork }: Manifest,
  { settled, inputs }: Omit<ForkPlan, "cut" | "open">,
  { overrides, rerunOpen = false }: ForkOptions,
): void {
  if (!fork) throw new ReachError("BUG", "a fork says where it comes from");
  const { source, at, root } = fork;
  const seqs = [...(overrides?.keys() ?? [])].sort((a, b) => a - b);
  const data: ForkData = { source, at, root, overrides: seqs, rerunOpen, settled, inputs };
  const header = { kind: "fork", type: "fork", time: systemClock(), ref: null } as const;
  writer.append(header, "cbor", encodeValue(data));
}

/** What follows in a recorded source up to `at`, with overrides in place. */
async function appendRest(
  source: SessionReader,
  cut: number,
  writer: BulkWriter,
  { at, overrides, signal }: ForkOptions,
): Promise<void> {
  for (const event of source.events(cut, at)) {
    const { seq, time, kind, type } = event;
    const ref = event.ref === null || event.ref < cut ? event.ref : event.ref + 1;
    const header = { time, kind, type, ref };
    if (overrides?.has(seq)) writer.append(header, "cbor", encodeValue(overrides.get(seq)));
    else writer.append(header, formOf(event), event.payloadBytes);
    if (writer.nextSeq % eventsAtOnce === 0) await turn(writer, signal);
  }
}

function formOf({ payload }: EventView): "cbor" | "json" | "bytes" {
  return payload.form === "blob" ? payload.ref.form : payload.form;
}

/**
 * States of the events that are shared, signed anew for the fork, which is there already: one that
 * cannot be read or finds no room is computed again.
 */
async function copySnapshots(
  directory: Directory,
  source: SessionReader,
  { id, program, fork }: Manifest,
): Promise<void> {
  if (!program || !fork) return;
  for (const record of source.snapshots(program.bundle)) {
    if (record.size >= fork.at) continue;
    const { size, root, stateHash, stateBytes } = record;
    try {
      const state = source.blobs.get(stateHash);
      await directory.keepSnapshots(id, program.bundle, [
        { size, root, stateHash, stateBytes, state },
      ]);
    } catch (error) {
      if (!cacheCodes.has(codeOf(error))) throw error;
    }
  }
}
