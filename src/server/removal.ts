/**
 * Removing a session while the server runs: only one that nobody writes any more, and while it is
 * being removed nobody can begin to. Whoever tails it is told; what is left is its tombstone.
 */
import { codeOf, type SessionId } from "../base/index.ts";
import { removeUnwritten, type SessionWriter } from "../session/index.ts";
import { HttpError } from "./problem.ts";
import { streamFormat } from "./streams/stream-note.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Removes a session for good; durable when it resolves. Throws `NOT_FOUND`, `GONE`, and `CONFLICT`
 * for one that is being written, that has not ended, or that is a stream's.
 */
export async function removeStored(workspace: Workspace, id: SessionId): Promise<void> {
  const { directory, appends, readers, tails, catalogue } = workspace;
  await checkRemovable(workspace, id);
  await appends.release(id);
  const held = hold(workspace, id);
  try {
    await removeUnwritten(directory, id);
  } finally {
    if (held) await directory.closeWriter(held);
  }
  readers.forget(id);
  tails.end(id);
  catalogue.remove(id);
}

async function checkRemovable({ readers, engine }: Workspace, id: SessionId): Promise<void> {
  const { kind, format } = await readers.with(id, ({ manifest }) => manifest);
  if (format === streamFormat) {
    throw new HttpError("CONFLICT", "the session is that of a stream", {
      hint: "delete the stream: DELETE /v1/stream/{name}",
    });
  }
  if (kind !== "executed" || !engine || engine.status(id).phase === "ended") return;
  throw new HttpError("CONFLICT", "the session has not ended", {
    hint: "cancel it first, and wait for its end",
  });
}

/** Its writer, so that it has no other; a damaged session takes none, and nobody writes it. */
function hold({ directory }: Workspace, id: SessionId): SessionWriter | undefined {
  try {
    return directory.appendTo(id);
  } catch (error) {
    const code = codeOf(error);
    if (code === "QUARANTINED" || code === "CORRUPT") return undefined;
    throw error;
  }
}
