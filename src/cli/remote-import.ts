/**
 * `reach import --url`: sources that are sent to a server, which imports them. What is printed is
 * what is printed of the data directory.
 */
import { codeOf, messageOf, ReachError, type SessionId } from "../base/index.ts";
import type { ImportableSource, ReachClient } from "../client/index.ts";
import { fileSource, type Source } from "../importers/index.ts";
import type { BundleReport, BundleSource } from "../session/index.ts";
import type { Outcome } from "./import-outcome.ts";
import type { Progress } from "./progress.ts";

/** What is sent: a source, or a bundle. */
export type Sendable =
  | { readonly source: Source }
  | { readonly bundle: BundleSource; readonly size: number | null };

/** How it is imported there. */
export interface SendOptions {
  readonly format: string;
  readonly path?: string | undefined;
  readonly id?: SessionId | undefined;
  readonly fresh?: boolean | undefined;
  readonly key?: string | undefined;
}

/** The error for `--restore`, which a running server cannot do. */
export function restoreElsewhere(): ReachError {
  return new ReachError("USAGE", "--restore wants the data directory for itself", {
    hint: "stop the server, then leave --url out and name its directory with --data",
  });
}

/** Has a server import something; what went wrong is the outcome. */
export async function sendOne(
  client: ReachClient,
  file: string,
  what: Sendable,
  options: SendOptions,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<Outcome> {
  const source = "source" in what ? what.source : sourceOfBundle(what.bundle);
  const total = "source" in what ? source.size : what.size;
  try {
    if (source.files) throw noFolder(file);
    const { id, path, fresh, key } = options;
    const answer = await client.import(sendable(source), {
      name: source.name,
      format: "bundle" in what ? "bundle" : options.format,
      ...(id === undefined ? {} : { id }),
      ...(path === undefined ? {} : { path }),
      ...(fresh ? { fresh } : {}),
      ...(key === undefined ? {} : { key }),
      signal,
      onProgress: (done) => progress.update({ done, total, unit: "bytes" }),
    });
    if ("records" in answer) return { source: file, report: answer };
    const { format: _, ...bundle } = answer;
    return { source: file, bundle: { ...bundle, report: answer.report as BundleReport } };
  } catch (error) {
    return { source: file, error: signal.aborted ? interruptedThere(error) : error };
  }
}

function sourceOfBundle(bundle: BundleSource): Source {
  if (typeof bundle === "string") return fileSource(bundle);
  return { name: "stdin", size: null, reopenable: false, open: () => bundle };
}

/** A file can be sent again, from its beginning; a pipe cannot. */
function sendable(source: Source): ImportableSource {
  const { size, reopenable } = source;
  if (!reopenable || size === null) return streamOf(source.open(0));
  return { size, stream: () => streamOf(exactly(source, size)) };
}

function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(stream) {
      const { done, value } = await iterator.next();
      if (done) stream.close();
      else stream.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** The bytes that a file had when it was looked at: what has been added since is left for later. */
async function* exactly(source: Source, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const piece of source.open(0)) {
    yield piece.subarray(0, left);
    left -= Math.min(piece.length, left);
    if (left === 0) return;
  }
  if (left === 0) return;
  throw new ReachError("SOURCE_UNREADABLE", `${source.name} got shorter while it was sent`, {
    where: source.name,
    hint: "import it again",
  });
}

function noFolder(file: string): ReachError {
  return new ReachError("USAGE", `${file} is a folder, and a server takes files`, {
    hint: "import it into a data directory, and send a bundle of that (`reach export`)",
  });
}

function interruptedThere(cause: unknown): ReachError {
  if (codeOf(cause) !== "INTERRUPTED") {
    return new ReachError("INTERRUPTED", `interrupted: ${messageOf(cause)}`, { cause });
  }
  return new ReachError("INTERRUPTED", "interrupted; the server keeps the whole records it has", {
    cause,
    hint: "run the same command again to go on; of a document or a bundle nothing is kept",
  });
}

/** Ids of a server that the beginning of `id` has to be told apart from. */
export async function idsLike(
  client: ReachClient,
  id: SessionId,
): Promise<SessionId[] | undefined> {
  const ids: SessionId[] = [];
  try {
    for await (const one of client.sessions({ prefix: id.slice(0, 13), limit: 100 })) {
      ids.push(one.id);
    }
    return ids;
  } catch {
    // A token that may import may not be allowed to list.
    return undefined;
  }
}
