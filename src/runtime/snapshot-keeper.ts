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

/** Writes snapshots behind a replay. */
export class SnapshotKeeper {
  readonly #directory: Directory;
  readonly #id: SessionId;
  readonly #program: Uint8Array;
  readonly #proven: Promise<ProvenRoot>;
  #pendingBytes = 0;
  #chain: Promise<void> = Promise.resolve();
  #failure: unknown;
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

  /** Takes new states; resolves when there is room for more. Throws what keeping them threw. */
  async add(states: readonly BoundaryState[]): Promise<void> {
    await this.#enqueue(states, async () => this.#keep(states, await this.#proven));
  }

  /** Stores states again whose snapshots are signed already, under these roots. */
  async restore(states: readonly BoundaryState[], root: ProvenRoot): Promise<void> {
    await this.#enqueue(states, () => this.#keep(states, root));
  }

  async #enqueue(states: readonly BoundaryState[], keep: () => Promise<void>): Promise<void> {
    if (states.length === 0) return;
    const bytes = states.reduce((sum, state) => sum + state.bytes.length, 0);
    this.#pendingBytes += bytes;
    this.#chain = this.#chain
      .then(() => (this.#failure === undefined ? keep() : undefined))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#pendingBytes -= bytes;
      });
    if (this.#pendingBytes > pendingBytesMax) await this.finish();
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
    await this.#chain;
  }

  /** Resolves when everything is kept. Throws what keeping it threw. */
  async finish(): Promise<void> {
    await this.#chain;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
