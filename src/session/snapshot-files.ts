/**
 * Which programs a session has snapshots of: the files of its folder `snapshots`, each named by the
 * hash of its program, in full or by its first half.
 */
import { fromHex, type SessionId, toHex } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { sessionFolder } from "../log/index.ts";
import { builtInPrograms } from "../programs/index.ts";

/** The snapshot file of one program. */
export interface SnapshotFile {
  readonly path: string;
  /** Hash of the program, 32 bytes; `undefined` when the name does not tell and nobody knows. */
  readonly program: Uint8Array | undefined;
}

/** The snapshot files of a session; `known` are hashes of programs that may be among them. */
export function snapshotFiles(
  disk: Disk,
  root: string,
  id: SessionId,
  known: readonly Uint8Array[] = [],
): SnapshotFile[] {
  const folder = `${sessionFolder(root, id)}/snapshots`;
  const programs = [...known, ...builtInPrograms.map(({ hash }) => hash)];
  return disk.list(folder).flatMap((name) => {
    const hex = /^([0-9a-f]{32}|[0-9a-f]{64})\.log$/.exec(name)?.[1];
    if (hex === undefined) return [];
    const whole = hex.length === 64 ? fromHex(hex) : undefined;
    const program = whole ?? programs.find((hash) => toHex(hash).startsWith(hex));
    return [{ path: `${folder}/${name}`, program }];
  });
}
