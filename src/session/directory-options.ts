/**
 * How a data directory is opened, what a new session is to be, and what only a directory that is
 * open for writing has.
 */
import type { Clock, Entropy, SessionId } from "../base/index.ts";
import type { PackBlobs } from "../blobs/index.ts";
import type { Disk } from "../disk/index.ts";
import type { Batch } from "../event/index.ts";
import type {
  DirectoryLock,
  DirectoryTargets,
  Journal,
  JournalSizes,
  PlaceLater,
  Processes,
  RestLater,
} from "../log/index.ts";
import type { ManifestRequest } from "./manifest.ts";

/** How large files get before the next one begins; the defaults are the limits of Reach. */
export interface StorageSizes extends JournalSizes {
  /** Largest payload that goes through the journal. */
  readonly journaledPayloadBytesMax: number;
  readonly packBytesMax: number;
}

/** How a directory is opened. */
export interface DirectoryOptions {
  /** Folder of the workspace. */
  readonly path: string;
  /** `write` takes the lock, recovers, and creates the directory when it is missing. */
  readonly mode: "read" | "write";
  /** Name that a new directory signs for; no spaces, no plus. Default `reach.local`. */
  readonly origin?: string;
  /** Last part of the checkpoint origins; default: the folder's name. */
  readonly workspace?: string;
  /** Takes the lock from a writer that is alive; that one is fenced. */
  readonly takeOver?: boolean;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly processes?: Processes;
  /** For tests of what happens at the end of a file. */
  readonly sizes?: Partial<StorageSizes>;
  /**
   * Lets acknowledged events wait for their place in the files of their sessions, where other
   * processes read them; in this one everybody sees them at once. Default: they do not wait.
   */
  readonly placeLater?: PlaceLater;
  /** Chooses when the journal is retired although it is not full. Default: when it is closed. */
  readonly restLater?: RestLater;
  /**
   * Events from which on a session that is written through the journal has an index and a stored
   * tree; whoever needs them of a shorter one computes them. Default 0.
   */
  readonly derivedFrom?: number;
  /** Told of trouble that was survived, for logs. */
  readonly onTrouble?: (trouble: string) => void;
  /** Told how long each group of the journal took to become durable, in seconds, for metrics. */
  readonly onSync?: (seconds: number) => void;
}

/** What a new session is to be. */
export interface NewSession extends ManifestRequest {
  readonly id?: SessionId;
  /** The id has just been made: it is not looked for whether somebody had it before. */
  readonly fresh?: boolean;
}

/**
 * Called after events of a session have become durable: its id, its size, how many they are, and
 * the batches that hold them, whose bytes stay valid; none of those of an import or a fork, when it
 * has ended.
 */
export type CommitListener = (
  id: SessionId,
  size: number,
  count: number,
  batches: readonly Batch[],
) => void;

/** What only a writing directory has. */
export interface WriteSide {
  /** The disk as it is when everything acknowledged is in its place. */
  readonly disk: Disk;
  readonly lock: DirectoryLock;
  readonly journal: Journal;
  readonly targets: DirectoryTargets;
  readonly blobs: PackBlobs;
  readonly journaledBytesMax: number;
  readonly derivedFrom: number;
}
