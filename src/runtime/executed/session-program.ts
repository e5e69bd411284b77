/**
 * The program that a session is looked at with when nobody names one: an executed session's own,
 * whose code lies in the blob store under the name that its manifest has, or the built-in one.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { codeOf, fromUtf8, type SessionId } from "../../base/index.ts";
import { builtFile } from "../../disk/index.ts";
import type { Directory, Manifest, ManifestProgram } from "../../session/index.ts";
import { type LoadedProgram, loadProgram } from "../load-program.ts";

/**
 * The program that `spec` names (a file, or a built-in one); without it the session's own. Throws
 * `NOT_FOUND`, `GONE`, `PROGRAM_INVALID`, `BLOB_MISSING` when the code of a session is not there.
 */
export async function programFor(
  directory: Directory,
  id: SessionId,
  spec?: string,
  signal?: AbortSignal,
): Promise<LoadedProgram> {
  if (spec !== undefined) return loadProgram(spec, signal);
  const reader = directory.session(id);
  reader.close();
  return ownProgram(directory, reader.manifest) ?? loadProgram(undefined, signal);
}

/**
 * The program that an executed session was recorded with. Throws `BLOB_MISSING`, `BLOB_CORRUPT`.
 */
export function ownProgram(directory: Directory, manifest: Manifest): LoadedProgram | undefined {
  const { kind, program } = manifest;
  return kind === "executed" && program ? storedProgram(directory, program) : undefined;
}

/** A program whose code lies in the store. Throws `BLOB_MISSING`, `BLOB_CORRUPT`. */
export function storedProgram(
  directory: Directory,
  program: ManifestProgram,
): LoadedProgram & { readonly code: string } {
  const { name, version, bundle } = program;
  const code = fromUtf8(directory.blobs.get(bundle));
  const map = storedMap(directory, program.map);
  return { name, version, hash: bundle, where: name, code, map, hasStep: true };
}

/** Without its map a program runs as well; only lines of the source cannot be told. */
function storedMap({ blobs }: Directory, hash: Uint8Array): string | null {
  try {
    const text = fromUtf8(blobs.get(hash));
    return text === "" ? null : text;
  } catch (error) {
    const code = codeOf(error);
    if (code === "BLOB_MISSING" || code === "BLOB_CORRUPT") return null;
    throw error;
  }
}

/** What runs programs here: `reach 0.1.0 node 20.20.2`. */
export function runtimeName(): string {
  const text = readFileSync(builtFile("../package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return `reach ${version} node ${process.versions.node}`;
}
