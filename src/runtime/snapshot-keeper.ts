/**
 * Keeps the states of a replay as signed snapshots, in the order they come, with a bounded number
 * of bytes in flight. A new state is signed only after the log has been proven to be what it
 * claims: a signature under the root of a damaged log could never be taken back.
 */
import type { SessionId } from "../base/index.ts";
import type { Directory } from "../session/index.ts";
import type { BoundaryState } from "./protocol.ts";

const pendingBytesMax = 16 * 1024 * 1024;

/** The root of the tree at a size; `undefined` while, or if, the log is not proven to be intact. */
export type ProvenRoot = (size: number) => Uint8Array | undefined;

/** What is written one behind the other, with a bounded number of bytes on the way. */
class Writes {
  readonly #mayWrite: () => boolean;
  #pendingBytes = 0;
  #chain: Promise<void> = Promise.resolve();
  failure: unknown;

  /** `mayWrite`: asked before each of them. */
  constructor(mayWrite: () => boolean) {
    this.#mayWrite = mayWrite;
  }

  /** Resolves when there is room for more. */
  async add(states: readonly BoundaryState[], keep: () => Promise<void>): Promise<void> {
    if (states.length === 0) return;
    const bytes = states.reduce((sum, state) => sum + state.bytes.length, 0);
    this.#pendingBytes += bytes;
    this.#chain = this.#chain
      .then(() => (this.#mayWrite() ? keep() : undefined))
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => {
        this.#pendingBytes -= bytes;
      });
    if (this.#pendingBytes > pendingBytesMax) await this.#chain;
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#chain;
  }
}

/** Writes snapshots behind a replay. */
export class SnapshotKeeper {
  readonly #directory: Directory;
  readonly #id: SessionId;
  readonly #program: Uint8Array;
  readonly #proven: Promise<ProvenRoot>;
  readonly #fresh = new Writes(() => this.#failure === undefined);
  /** Apart: the proof that new ones wait for may be waiting for these. */
  readonly #restored = new Writes(() => this.#failure === undefined);
  /** Snapshots kept so far. */
  kept = 0;

  /** `proven` resolves when it is known whether the log is intact. */
  constructor(
    directory: Directory,
    id: SessionId,
    program: Uint8Array,
    proven: Promise<ProvenRoot>,
  ) {
    this.#directory = directory;
    this.#id = id;
    this.#program = program;
    this.#proven = proven;
  }

  get #failure(): unknown {
    return this.#fresh.failure ?? this.#restored.failure;
  }

  /** Takes new states; resolves when there is room for more. Throws what keeping them threw. */
  async add(states: readonly BoundaryState[]): Promise<void> {
    await this.#fresh.add(states, async () => this.#keep(states, await this.#proven));
    this.#check();
  }

  /** Stores states again whose snapshots are signed already, under these roots. */
  async restore(states: readonly BoundaryState[], root: ProvenRoot): Promise<void> {
    await this.#restored.add(states, () => this.#keep(states, root));
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #keep(states: readonly BoundaryState[], rootAt: ProvenRoot): Promise<void> {
    const snapshots = states.flatMap(({ at, hash, bytes }) => {
      const root = rootAt(at);
      if (!root) return [];
      return [{ size: at, root, stateHash: hash, stateBytes: bytes.length, state: bytes }];
    });
    if (snapshots.length === 0) return;
    await this.#directory.keepSnapshots(this.#id, this.#program, snapshots);
    this.kept += snapshots.length;
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await Promise.all([this.#fresh.idle(), this.#restored.idle()]);
  }

  /** Resolves when everything is kept. Throws what keeping it threw. */
  async finish(): Promise<void> {
    await this.idle();
    this.#check();
  }
}
