/**
 * Snapshot records as claims: who signed them, for which tree, and with which state. Records that a
 * power loss has torn are none: nobody made them durable, they are only a cache.
 */
import { type SessionId, toHex } from "../base/index.ts";
import { readFile } from "../disk/index.ts";
import type { Verifier } from "../merkle/index.ts";
import {
  readSnapshots,
  type SnapshotRecord,
  snapshotText,
  tornRecords,
} from "../snapshots/index.ts";
import type { Directory } from "./directory.ts";
import type { RootClaim } from "./root-marks.ts";
import { sessionOrigin } from "./session-reader.ts";
import { snapshotFiles } from "./snapshot-files.ts";

const recordBytes = 160;

/** A snapshot whose signature holds. */
export interface SignedSnapshot extends SnapshotRecord {
  /** Hash of the program, 32 bytes. */
  readonly program: Uint8Array;
  readonly where: string;
}

/** Whose signatures of snapshots count. */
export interface SnapshotKeys {
  /** A key that was given; otherwise `own`. */
  readonly given: Verifier | undefined;
  /** The key of the data directory, or of the bundle. */
  readonly own: Verifier;
}

/** The snapshot records of one session. */
export class SnapshotClaims {
  readonly counts = { count: 0, damaged: 0, unchecked: 0 };
  readonly faults: { readonly where: string; readonly message: string }[] = [];
  /** Those whose signatures hold. */
  readonly signed: SignedSnapshot[] = [];
  /** Those that were taken of other events, by size. */
  readonly wrong: SignedSnapshot[] = [];
  /** Sizes at which the root was the right one. */
  readonly holding: number[] = [];

  /** Takes a record in; `text` is what its signature should be over. */
  add(snapshot: SignedSnapshot, text: Uint8Array, { given, own }: SnapshotKeys): void {
    const { signature, size, where } = snapshot;
    this.counts.count += 1;
    if ((given ?? own).verify(text, signature)) this.signed.push(snapshot);
    else if (given && own.verify(text, signature)) this.counts.unchecked += 1;
    else this.fault(where, 1, `the signature of the snapshot after ${size} events is wrong`);
  }

  /** Notes that `count` records, already counted, are damaged. */
  fault(where: string, count: number, message: string): void {
    this.counts.damaged += count;
    this.faults.push({ where, message });
  }

  /** The roots to look at. */
  get claims(): RootClaim[] {
    return this.signed.map((snapshot) => {
      const { size, root } = snapshot;
      return { size, root, settle: (holds) => this.#settle(snapshot, holds) };
    });
  }

  #settle(snapshot: SignedSnapshot, holds: boolean | undefined): void {
    if (holds) this.holding.push(snapshot.size);
    if (holds !== false) return;
    this.counts.damaged += 1;
    this.wrong.push(snapshot);
  }
}

/** The snapshot records in the folder of a session; `programs` are hashes there may be some of. */
export function storedSnapshots(
  directory: Directory,
  id: SessionId,
  given: Verifier | undefined,
  programs: readonly Uint8Array[],
): SnapshotClaims {
  const { disk, path, identity, workspace } = directory;
  const origin = sessionOrigin({ identity, workspace }, id);
  const claims = new SnapshotClaims();
  for (const { path: file, program } of snapshotFiles(disk, path, id, programs)) {
    if (!program) {
      const bytes = readFile(disk, file);
      claims.counts.unchecked += Math.ceil(bytes.length / recordBytes) - tornRecords(bytes);
      continue;
    }
    const where = `snapshots/${toHex(program).slice(0, 8)}`;
    const { records, damaged } = readSnapshots(disk, file, program);
    claims.counts.count += damaged;
    if (damaged > 0) claims.fault(where, damaged, `${damaged} records are damaged`);
    for (const record of records) {
      const text = snapshotText(origin, program, record);
      claims.add({ ...record, program, where }, text, { given, own: identity.verifier });
    }
  }
  claims.signed.sort((a, b) => a.size - b.size);
  return claims;
}
