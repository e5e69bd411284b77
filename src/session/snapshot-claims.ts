/**
 * The snapshot records of a session as claims: who signed them, for which tree, and with which
 * state. Records that a crash cut off (zeros, or half a record at the end) are none.
 */
import { type SessionId, toHex } from "../base/index.ts";
import { type Disk, readFile } from "../disk/index.ts";
import type { Verifier } from "../merkle/index.ts";
import { readSnapshots, type SnapshotRecord, snapshotText } from "../snapshots/index.ts";
import type { Directory } from "./directory.ts";
import type { RootClaim } from "./root-marks.ts";
import { snapshotFiles } from "./snapshot-files.ts";

const recordBytes = 160;

/** A snapshot whose signature holds. */
export interface SignedSnapshot extends SnapshotRecord {
  readonly program: Uint8Array;
  readonly where: string;
}

/** Whose signatures count, and which programs there may be. */
export interface SnapshotTrust {
  /** A key that was given; otherwise that of the directory. */
  readonly key: Verifier | undefined;
  readonly programs: readonly Uint8Array[];
}

/** All snapshot records of one session. */
export class SnapshotClaims {
  readonly counts = { count: 0, damaged: 0, unchecked: 0 };
  readonly faults: { readonly where: string; readonly message: string }[] = [];
  /** Those whose signatures hold, by size. */
  readonly signed: SignedSnapshot[] = [];
  readonly claims: RootClaim[];
  /** Those that were taken of other events. */
  readonly wrong: SignedSnapshot[] = [];
  /** Sizes at which the root was the right one. */
  readonly holding: number[] = [];

  constructor(directory: Directory, id: SessionId, trust: SnapshotTrust) {
    const { disk, path, identity, workspace } = directory;
    const origin = `${identity.origin}/${workspace}/s/${id}`;
    for (const { path: file, program } of snapshotFiles(disk, path, id, trust.programs)) {
      const torn = tornRecords(disk, file);
      if (!program) {
        this.counts.unchecked += Math.ceil(readFile(disk, file).length / recordBytes) - torn;
        continue;
      }
      const where = `snapshots/${toHex(program).slice(0, 8)}`;
      const { records, damaged } = readSnapshots(disk, file, program);
      this.counts.count += records.length + damaged - torn;
      if (damaged > torn) this.#fault(where, `${damaged - torn} records are damaged`);
      this.counts.damaged += Math.max(damaged - torn, 0);
      for (const record of records) {
        const text = snapshotText(origin, program, record);
        this.#judge({ ...record, program, where }, text, trust.key, identity.verifier);
      }
    }
    this.signed.sort((a, b) => a.size - b.size);
    this.claims = this.signed.map((snapshot) => this.#claim(snapshot));
  }

  #judge(
    snapshot: SignedSnapshot,
    text: Uint8Array,
    key: Verifier | undefined,
    own: Verifier,
  ): void {
    const { signature, size, where } = snapshot;
    if ((key ?? own).verify(text, signature)) this.signed.push(snapshot);
    else if (key && own.verify(text, signature)) this.counts.unchecked += 1;
    else {
      this.counts.damaged += 1;
      this.#fault(where, `the signature of the snapshot after ${size} events is wrong`);
    }
  }

  #claim(snapshot: SignedSnapshot): RootClaim {
    const { size, root } = snapshot;
    return {
      size,
      root,
      settle: (holds) => {
        if (holds) this.holding.push(size);
        if (holds !== false) return;
        this.counts.damaged += 1;
        this.wrong.push(snapshot);
      },
    };
  }

  #fault(where: string, message: string): void {
    this.faults.push({ where, message });
  }
}

/** Records that are all zeros, or cut off at the end of the file: never written as a whole. */
function tornRecords(disk: Disk, path: string): number {
  const bytes = readFile(disk, path);
  let torn = 0;
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const record = bytes.subarray(at, at + recordBytes);
    if (record.length < recordBytes || record.every((byte) => byte === 0)) torn += 1;
  }
  return torn;
}
