/**
 * What has been signed about a session: its checkpoints (of this directory and of those it came
 * from) and its snapshot records. Signatures are checked when they are read, roots while the events
 * go by, and afterwards it is said which stretch of the session does not hold what was signed.
 */
import type { SessionId } from "../base/index.ts";
import { readFile } from "../disk/index.ts";
import {
  keyText,
  type OpenedCheckpoint,
  openCheckpoint,
  parseNote,
  type Verifier,
} from "../merkle/index.ts";
import {
  checkpointFault,
  foreignCheckpointNames,
  openCheckpointOf,
  openKeyedCheckpoint,
  readForeignCheckpoint,
  signerOf,
} from "./checkpoint-files.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { Directory } from "./directory.ts";
import { verifierOf } from "./keys.ts";
import type { RootClaim } from "./root-marks.ts";
import { checkpointPath } from "./session-reader.ts";
import { type SignedSnapshot, SnapshotClaims } from "./snapshot-claims.ts";
import type { ProblemList, VerifiedCheckpoint } from "./verify-report.ts";

/** Whose signatures count. */
export interface TrustOptions {
  /** C2SP vkey to check signatures with, instead of the one that the directory names. */
  readonly verifierKey?: string;
  /** Hashes of programs that may have snapshots, where the names of their files do not tell. */
  readonly programs?: readonly Uint8Array[];
}

interface CheckpointState {
  readonly where: string;
  readonly foreign: boolean;
  readonly checkpoint: OpenedCheckpoint;
  holds: boolean | undefined;
}

/** Everything signed about one session. */
export class SignedClaims {
  readonly #problems: ProblemList;
  readonly #checkpoints: CheckpointState[] = [];
  readonly #snapshots: SnapshotClaims;
  /** The roots to look at while the events go by. */
  readonly claims: readonly RootClaim[];

  constructor(directory: Directory, id: SessionId, trust: TrustOptions, problems: ProblemList) {
    this.#problems = problems;
    const key = trust.verifierKey === undefined ? undefined : verifierOf(trust.verifierKey);
    this.#readOwn(directory, id, key);
    this.#readForeign(directory, id, key);
    if (key && this.#checkpoints.length === 0) {
      problems.add("checkpoint", `no checkpoint of this session is signed by ${keyText(key)}`);
    }
    this.#snapshots = new SnapshotClaims(directory, id, { key, programs: trust.programs ?? [] });
    this.claims = [...this.#checkpoints.map(claimOf), ...this.#snapshots.claims];
  }

  #readOwn(directory: Directory, id: SessionId, key: Verifier | undefined): void {
    const { disk, path, identity, workspace } = directory;
    const file = checkpointPath(path, id);
    if (!disk.exists(file)) return;
    const origin = `${identity.origin}/${workspace}/s/${id}`;
    this.#add("checkpoint", false, () => {
      const note = readFile(disk, file);
      if (!key) return openCheckpoint(note, [identity.verifier], origin);
      return isSignedBy(note, key) ? openCheckpointOf(note, key, id) : undefined;
    });
  }

  #readForeign(directory: Directory, id: SessionId, key: Verifier | undefined): void {
    const { disk, path } = directory;
    for (const name of foreignCheckpointNames(disk, path, id)) {
      this.#add(name, true, () => {
        const keyed = readForeignCheckpoint(disk, path, id, name);
        if (!key) return openKeyedCheckpoint(keyed, id);
        return isSignedBy(keyed.note, key) ? openCheckpointOf(keyed.note, key, id) : undefined;
      });
    }
  }

  #add(where: string, foreign: boolean, open: () => OpenedCheckpoint | undefined): void {
    try {
      const checkpoint = open();
      if (checkpoint) this.#checkpoints.push({ where, foreign, checkpoint, holds: undefined });
    } catch (error) {
      this.#problems.add(where, checkpointFault(error));
    }
  }

  /** Events that the newest checkpoint covers, 0 when there is none. */
  get size(): number {
    return this.newest?.size ?? 0;
  }

  /** The newest checkpoint whose signature holds; of the same size, that of this directory. */
  get newest(): VerifiedCheckpoint | undefined {
    const ours = this.verified.toSorted((a, b) => {
      return b.size - a.size || Number(a.foreign) - Number(b.foreign);
    });
    return ours[0];
  }

  /** The checkpoints whose signatures hold. */
  get verified(): VerifiedCheckpoint[] {
    return this.#checkpoints.map(({ foreign, checkpoint, holds = null }) => {
      const { origin, size } = checkpoint;
      return { origin, size, signedBy: signerOf(checkpoint), foreign, holds };
    });
  }

  /** How many snapshot records there are, damaged, and impossible to check. */
  get snapshots(): { count: number; damaged: number; unchecked: number } {
    return this.#snapshots.counts;
  }

  /** The snapshots whose records hold: their states are to be looked at. */
  get states(): readonly SignedSnapshot[] {
    return this.#snapshots.signed;
  }

  /** The state of a snapshot is not what its record says. */
  stateFault(snapshot: SignedSnapshot, fault: string): void {
    this.#snapshots.counts.damaged += 1;
    this.#problems.add(snapshot.where, `the state after ${snapshot.size} events: ${fault}`);
  }

  /** Says what does not hold, after `end` events have gone by. */
  finish(end: number, derived: DerivedCheck): void {
    for (const fault of this.#snapshots.faults) this.#problems.add(fault.where, fault.message);
    this.#reportChanged(derived);
    this.#reportMissing(end);
  }

  /** Roots that are wrong: which event was changed, or in which stretch one was. */
  #reportChanged(derived: DerivedCheck): void {
    const wrong = this.#checkpoints.filter(({ holds }) => holds === false);
    for (const { where, checkpoint } of wrong) {
      const signed = `the root that ${signerOf(checkpoint)} signed over ${checkpoint.size} events`;
      const seq = derived.firstChanged(checkpoint);
      if (seq === undefined) {
        const from = this.#lastHolding(checkpoint.size);
        const message = `an event from ${from} on is not the one under ${signed}`;
        this.#problems.event(from, where, message);
      } else this.#problems.event(seq, where, `event ${seq} is not the one under ${signed}`);
    }
    const [first] = this.#snapshots.wrong;
    if (!first) return;
    const count = this.#snapshots.wrong.length;
    const from = this.#lastHolding(first.size);
    const message = `${count} snapshots were taken of other events; first that after ${first.size}`;
    if (wrong.length > 0) this.#problems.add(first.where, message);
    else this.#problems.event(from, first.where, message);
  }

  /** The largest size below `size` up to which everything is known to be what was signed. */
  #lastHolding(size: number): number {
    const sizes = [
      ...this.#checkpoints.filter(({ holds }) => holds).map(({ checkpoint }) => checkpoint.size),
      ...this.#snapshots.holding,
    ];
    return Math.max(0, ...sizes.filter((holding) => holding < size));
  }

  #reportMissing(end: number): void {
    const { newest } = this;
    const last = this.#snapshots.signed.at(-1);
    const bySnapshot = last && last.size > Math.max(end, newest?.size ?? 0);
    if (bySnapshot) {
      const message = `events from ${end} on are missing: there is a snapshot after ${last.size}`;
      this.#problems.missing(end, last.where, message, last.size - end);
    } else if (newest && newest.size > end) {
      const signed = `${newest.signedBy} signed ${newest.size}`;
      const message = `events from ${end} on are missing: there are ${end}, and ${signed}`;
      this.#problems.missing(end, "events.log", message, newest.size - end);
    }
  }
}

function claimOf(state: CheckpointState): RootClaim {
  const { size, root } = state.checkpoint;
  return {
    size,
    root,
    settle: (holds) => {
      state.holds = holds;
    },
  };
}

function isSignedBy(note: Uint8Array, { name, keyId }: Verifier): boolean {
  return parseNote(note).signatures.some((line) => line.name === name && line.keyId === keyId);
}
