/**
 * The seam between the simulation and what it tests. A storage engine takes part through a driver:
 * a few calls to write and to look, nothing about how it stores.
 */
import type { Clock, Entropy } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import type { Operation } from "./operations.ts";

/** What an engine may use beside its disk; the same seed gives the same world. */
export interface World {
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** An append that was taken; `durable` rejects when it is not known to be stored. */
export interface Appended {
  readonly firstSeq: number;
  readonly durable: Promise<void>;
}

/** A published, signed claim: the tree of the first `size` events has this root. */
export interface Claim {
  readonly size: number;
  readonly root: Uint8Array;
}

/** What a reader sees of a session. */
export interface SessionView {
  readonly id: string;
  /** The exact bytes of each event, those that the tree is made of. */
  readonly events: readonly Uint8Array[];
  /** What was given to `append`, of each event, blobs resolved and verified. */
  readonly payloads: readonly Uint8Array[];
  /** Root that the engine holds for all events; left out where it keeps no tree. */
  readonly root?: Uint8Array | undefined;
  /** The newest checkpoint the engine shows, its signature verified. */
  readonly checkpoint?: Claim | undefined;
  /** What the engine reports as damaged. No power failure is a reason for that. */
  readonly problem?: string | undefined;
}

/** An engine that is open on a disk. Everything it throws carries a stable code. */
export interface Engine {
  /** Starts a session. It need not outlive a crash before its first event is durable. */
  createSession(): string;
  /** Appends at the end; calls for one session take effect in their order. */
  append(session: string, payloads: readonly Uint8Array[]): Appended;
  /**
   * The same for many events at once, any number of the first of which a crash may leave.
   * `acknowledge` is called with how many are durable already.
   */
  bulk(
    session: string,
    payloads: readonly Uint8Array[],
    acknowledge: (count: number) => void,
  ): Appended;
  /** Appends a payload that is too large to go with others; its place is not known before. */
  appendLarge?(session: string, payload: Uint8Array): Promise<Appended>;
  /** Keeps something derived from a session that its views then check. */
  snapshot?(session: string): Promise<void>;
  /** Removes a session for good. Nothing else is under way. */
  remove?(session: string): Promise<void>;
  /** Gives back the room that nothing needs any more. Nothing else is under way. */
  collect?(): Promise<void>;
  /** Signs and publishes what is durable now. */
  checkpoint(session: string): Promise<Claim>;
  /** Ids of the sessions that readers see. */
  sessions(): readonly string[];
  /** What readers see of one; never what is not durable. */
  view(session: string): Promise<SessionView>;
  close(): Promise<void>;
  /** The process dies: lets go of timers, touches nothing. */
  abandon(): void;
}

/** A session that a reader has read as far as it could, or why it could not. */
export type Glimpse =
  | { readonly view: SessionView; readonly error: undefined }
  | { readonly view: undefined; readonly error: unknown };

/** How the simulation handles one kind of engine. */
export interface EngineDriver {
  readonly name: string;
  /** Opens the data on a disk for writing, after recovering it; creates it where there is none. */
  open(disk: Disk, world: World): Promise<Engine>;
  /** The same while another process has it open: that one acknowledges nothing any more. */
  readonly takeOver?: (disk: Disk, world: World) => Promise<Engine>;
  /** What a process that only reads sees of data that nobody has recovered yet. */
  readonly look?: (disk: Disk, world: World) => Promise<Glimpse[]>;
  /** What the engine is about at an operation, for the table of what the crashes hit. */
  activityOf(operation: Operation): string | undefined;
  /** Whether a file has the same bytes after recovering once and twice. */
  isStable(path: string, size: number): boolean;
  /** Whether the events of one `append` are there together or not at all. */
  readonly appendsAreWhole: boolean;
  /** Whether appends work again, without a restart, when there is room again. */
  readonly resumesAfterFullDisk: boolean;
  /** Whether appends work again, without a restart, after an operation failed once. */
  readonly resumesAfterFault: boolean;
}
