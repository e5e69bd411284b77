/**
 * What the parts of a backup work with, and what they say of a session or of a pack that they have
 * looked at.
 */
import type { Disk } from "../../disk/index.ts";
import type { HeldJournal } from "../../log/index.ts";
import type { Staging } from "./staging.ts";

/** A backup of one workspace under way. */
export interface BackupContext {
  /** The disk of the data directory, and the workspace on it. */
  readonly source: Disk;
  readonly from: string;
  readonly staging: Staging;
  readonly journal: HeldJournal;
  /** Whether everything that is there already is compared, and not only its end. */
  readonly whole: boolean;
  /** Waits, for another process to finish what it is doing. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Lets others have their turn from time to time; throws `INTERRUPTED`. */
  readonly turn: () => Promise<void>;
}

/** Something of the data directory that is not whole in the backup. */
export interface BackupTrouble {
  /** A session id, a pack. */
  readonly where: string;
  readonly message: string;
}

/** What became of one session or pack. */
export interface BackupOutcome {
  readonly events: number;
  /** Bytes that were there already. */
  readonly presentBytes: number;
  readonly trouble: string | undefined;
  /** Events of the data directory, where the backup has more behind them. */
  readonly ahead?: number | undefined;
}
