/**
 * The line at which a session failed, for people: nothing of it is in the log, since it would name
 * files of one machine.
 */
import path from "node:path";
import { equalBytes, type SessionId } from "../base/index.ts";
import { type Directory, secretsOf, sessionOrigin } from "../session/index.ts";
import { ownProgram } from "./executed/session-program.ts";
import type { LoadedProgram } from "./load-program.ts";
import { workerPool } from "./pool.ts";

/**
 * `file:line:column` of what an executed session threw that has failed, by running its last step
 * once more; no effect is run. Nothing where that cannot be told. The log knows the program by its
 * name; where it was loaded from `file`, that is named.
 */
export async function failedAt(
  directory: Directory,
  id: SessionId,
  file?: LoadedProgram,
): Promise<string | undefined> {
  const { identity, workspace } = directory;
  directory.bringUpToDate(id);
  const reader = directory.session(id);
  reader.close();
  const own = ownProgram(directory, reader.manifest);
  if (!own) return undefined;
  const program = file && equalBytes(file.hash, own.hash) ? file : own;
  const { source } = await workerPool().run<"failure-place">({
    kind: "failure-place",
    place: { root: path.resolve(directory.path), id },
    program,
    secrets: secretsOf(reader.manifest),
    verifierKey: identity.verifierKey,
    origin: sessionOrigin({ identity, workspace }, id),
  });
  return source ?? undefined;
}
