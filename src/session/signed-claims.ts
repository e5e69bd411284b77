/**
 * What has been signed about a session: its checkpoints (of this directory and of those it came
 * from) and its snapshot records. Signatures are checked when they are read, roots while the events
 * go by, and afterwards it is said which stretch of the session does not hold what was signed.
 */
import { codeOf, messageOf, type SessionId } from "../base/index.ts";
import { readFile } from "../disk/index.ts";
import { checkpointPath } from "../log/index.ts";
import {
  keyText,
  type OpenedCheckpoint,
  openCheckpoint,
  parseNote,
  type Verifier,
} from "../merkle/index.ts";
import {
  foreignCheckpointNames,
  openCheckpointOf,
  openKeyedCheckpoint,
  readForeignCheckpoint,
  signerOf,
} from "./checkpoint-files.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { Directory } from "./directory.ts";
import type { ErrorReport } from "./rebuilding.ts";
import type { RootClaim } from "./root-marks.ts";
import { sessionOrigin } from "./session-reader.ts";
import { type SignedSnapshot, type SnapshotClaims, storedSnapshots } from "./snapshot-claims.ts";
import { verifierOf } from "./verifier.ts";
import type { ProblemList, VerifiedCheckpoint } from "./verify-report.ts";

/** Whose signatures count. */
export interface TrustOptions {
  /** C2SP vkey to check signatures with, instead of the one that the directory names. */
  readonly verifierKey?: string;
  /** Hashes of programs that may have snapshots, where the names of their files do not tell. */
  readonly programs?: readonly Uint8Array[];
}

/** Where a checkpoint comes from. */
export interface CheckpointSource {
  /** The file, or the part of a bundle. */
  readonly where: string;
  /** Whether it is of another data directory than the one that holds it. */
  readonly foreign: boolean;
  /** Whether its key is known otherwise than from what was brought along with the session. */
  readonly trusted: boolean;
}

interface CheckpointState extends CheckpointSource {
  readonly checkpoint: OpenedCheckpoint;
  holds: boolean | undefined;
}

/** Everything signed about one session. */
export class SignedClaims {
  readonly #problems: ProblemList;
  readonly #checkpoints: CheckpointState[] = [];
  readonly snapshots: SnapshotClaims;

  constructor(snapshots: SnapshotClaims, problems: ProblemList) {
    this.snapshots = snapshots;
    this.#problems = problems;
  }

  /** Takes in the checkpoint that `open` gives, if it gives one; what it throws is a problem. */
  add(source: CheckpointSource, open: () => OpenedCheckpoint | undefined): void {
    try {
      const checkpoint = open();
      if (checkpoint) this.#checkpoints.push({ ...source, checkpoint, holds: undefined });
    } catch (error) {
      this.#problems.add(source.where, `the checkpoint does not verify: ${messageOf(error)}`);
    }
  }

  /** A key was given: it is a problem if it has signed no checkpoint. */
  requireSigner(key: Verifier): void {
    if (this.#checkpoints.length > 0) return;
    const message = `no checkpoint of this session is signed by ${keyText(key)}`;
    this.#problems.add("checkpoint", message);
  }

  /** The roots to look at while the events go by. */
  get claims(): RootClaim[] {
    const checkpoints = this.#checkpoints.map((state) => {
      const { size, root } = state.checkpoint;
      const settle = (holds: boolean | undefined): void => {
        state.holds = holds;
      };
      return { size, root, settle };
    });
    return [...checkpoints, ...this.snapshots.claims];
  }

  /** Events that the newest checkpoint covers, 0 when there is none. */
  get size(): number {
    return this.newest?.size ?? 0;
  }

  /** The newest checkpoint whose signature holds; of the same size, one that is not foreign. */
  get newest(): VerifiedCheckpoint | undefined {
    const newestFirst = this.verified.sort((a, b) => {
      return b.size - a.size || Number(a.foreign) - Number(b.foreign);
    });
    return newestFirst[0];
  }

  /** The checkpoints whose signatures hold. */
  get verified(): VerifiedCheckpoint[] {
    return this.#checkpoints.map(({ foreign, checkpoint, holds = null }) => {
      const { origin, size } = checkpoint;
      return { origin, size, signedBy: signerOf(checkpoint), foreign, holds };
    });
  }

  /** Events under a checkpoint of a trusted key. */
  get trustedSize(): number {
    return this.#largestTrusted(() => true);
  }

  /** Events under one of them whose root has turned out to hold. */
  get trustedHolding(): number {
    return this.#largestTrusted(({ holds }) => holds === true);
  }

  #largestTrusted(counts: (state: CheckpointState) => boolean): number {
    const trusted = this.#checkpoints.filter((state) => state.trusted && counts(state));
    return Math.max(0, ...trusted.map(({ checkpoint }) => checkpoint.size));
  }

  /** The state of a snapshot is not what its record says. */
  stateFault(snapshot: SignedSnapshot, fault: string): void {
    this.snapshots.counts.damaged += 1;
    this.#problems.add(snapshot.where, `the state after ${snapshot.size} events: ${fault}`);
  }

  /** Says what does not hold, after `end` events have gone by. */
  finish(end: number, derived?: DerivedCheck): void {
    for (const { where, message } of this.snapshots.faults) this.#problems.add(where, message);
    this.#reportChanged(derived);
    this.#reportMissing(end);
  }

  /** Roots that are wrong: which event was changed, or in which stretch one was. */
  #reportChanged(derived: DerivedCheck | undefined): void {
    const wrong = this.#checkpoints.filter(({ holds }) => holds === false);
    for (const { where, checkpoint } of wrong) {
      const signed = `the root that ${signerOf(checkpoint)} signed over ${checkpoint.size} events`;
      const seq = derived?.firstChanged(checkpoint);
      if (seq === undefined) {
        const from = this.#lastHolding(checkpoint.size);
        const message = `an event from ${from} on is not the one under ${signed}`;
        this.#problems.event(from, where, message);
      } else this.#problems.event(seq, where, `event ${seq} is not the one under ${signed}`);
    }
    const [first] = this.snapshots.wrong;
    if (!first) return;
    const count = this.snapshots.wrong.length;
    const from = this.#lastHolding(first.size);
    const message = `${count} snapshots were taken of other events; first that after ${first.size}`;
    if (wrong.length > 0) this.#problems.add(first.where, message);
    else this.#problems.event(from, first.where, message);
  }

  /** The largest size below `size` up to which everything is known to be what was signed. */
  #lastHolding(size: number): number {
    const sizes = [
      ...this.#checkpoints.filter(({ holds }) => holds).map(({ checkpoint }) => checkpoint.size),
      ...this.snapshots.holding,
    ];
    return Math.max(0, ...sizes.filter((holding) => holding < size));
  }

  #reportMissing(end: number): void {
    const { newest } = this;
    const signed = this.snapshots.signed;
    const last = signed.reduce<SignedSnapshot | undefined>((most, one) => {
      return most && most.size >= one.size ? most : one;
    }, undefined);
    if (last && last.size > Math.max(end, newest?.size ?? 0)) {
      const message = `events from ${end} on are missing: there is a snapshot after ${last.size}`;
      this.#problems.missing(end, last.where, message, last.size - end);
    } else if (newest && newest.size > end) {
      const by = `${newest.signedBy} signed ${newest.size}`;
      const message = `events from ${end} on are missing: there are ${end}, and ${by}`;
      this.#problems.missing(end, "events", message, newest.size - end);
    }
  }
}

/**
 * Everything that a data directory holds of what was signed about a session. A checkpoint of which
 * `reported` says that it has yet to be recovered is none.
 */
export function storedClaims(
  directory: Directory,
  id: SessionId,
  trust: TrustOptions,
  problems: ProblemList,
  reported: ErrorReport,
): SignedClaims {
  const { disk, path, identity, workspace } = directory;
  const key = trust.verifierKey === undefined ? undefined : verifierOf(trust.verifierKey);
  const snapshots = storedSnapshots(directory, id, key, trust.programs ?? []);
  const claims = new SignedClaims(snapshots, problems);
  const own = checkpointPath(path, id);
  if (disk.exists(own)) {
    claims.add({ where: "checkpoint", foreign: false, trusted: true }, () => {
      const note = readFile(disk, own);
      const origin = sessionOrigin({ identity, workspace }, id);
      try {
        if (!key) return openCheckpoint(note, [identity.verifier], origin);
        return isSignedBy(note, key) ? openCheckpointOf(note, key, id) : undefined;
      } catch (error) {
        if (codeOf(reported(error)) === "UNRECOVERED") return undefined;
        throw error;
      }
    });
  }
  for (const name of foreignCheckpointNames(disk, path, id)) {
    claims.add({ where: name, foreign: true, trusted: key !== undefined }, () => {
      const keyed = readForeignCheckpoint(disk, path, id, name);
      if (!key) return openKeyedCheckpoint(keyed, id);
      return isSignedBy(keyed.note, key) ? openCheckpointOf(keyed.note, key, id) : undefined;
    });
  }
  if (key) claims.requireSigner(key);
  return claims;
}

/** Whether a note has a signature line of that key, right or wrong. Throws `NOTE_INVALID`. */
export function isSignedBy(note: Uint8Array, { name, keyId }: Verifier): boolean {
  return parseNote(note).signatures.some((line) => line.name === name && line.keyId === keyId);
}
