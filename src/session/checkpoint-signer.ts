/**
 * Signing checkpoints: only over what is durable, never a smaller one after a larger one, and
 * durable before anybody can see it.
 */
import { assert, codeOf, type SessionId } from "../base/index.ts";
import { readFile, replaceFile } from "../disk/index.ts";
import { checkpointPath, entryKinds } from "../log/index.ts";
import { openCheckpoint, signCheckpoint } from "../merkle/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import type { WriteSide } from "./directory-options.ts";
import { type ReaderContext, sessionOrigin } from "./session-reader.ts";
import type { SessionTail } from "./session-tail.ts";

/** Signs for the sessions of one directory. */
export class CheckpointSigner {
  readonly #context: ReaderContext;
  readonly #write: WriteSide;
  readonly #signing = new Map<SessionId, Promise<void>>();

  constructor(context: ReaderContext, write: WriteSide) {
    this.#context = context;
    this.#write = write;
  }

  /**
   * Signs and stores a checkpoint over everything committed of a session; nothing when the newest
   * one covers it. It is durable before this resolves.
   */
  sign(tail: SessionTail): Promise<void> {
    // One behind the other, so that a smaller one never replaces a larger one.
    const before = this.#signing.get(tail.id) ?? Promise.resolve();
    const signed = before.then(() => this.#sign(tail));
    const settled = signed.catch(() => undefined);
    this.#signing.set(tail.id, settled);
    void settled.then(() => {
      if (this.#signing.get(tail.id) === settled) this.#signing.delete(tail.id);
    });
    return signed;
  }

  /** Resolves when nothing is being signed for a session, or for any; whoever asked hears how. */
  async idle(id?: SessionId): Promise<void> {
    const signing = id === undefined ? [...this.#signing.values()] : [this.#signing.get(id)];
    await Promise.all(signing);
  }

  async #sign(tail: SessionTail): Promise<void> {
    const bytes = this.#checkpointNote(tail);
    if (!bytes) return;
    // Through the journal: durable before anybody can see it, in a folder that may not be yet.
    const kind = entryKinds.checkpoint;
    const id = tail.identity;
    await this.#write.journal.commit([{ kind, id, firstSeq: 0, count: 0, offset: 0, bytes }]);
  }

  /** A checkpoint over what is committed; `undefined` when the newest one covers it. */
  #checkpointNote(tail: SessionTail): Uint8Array | undefined {
    this.#write.lock.check();
    const { size } = tail;
    if (size === 0 || this.#signedSize(tail.id) >= size) return undefined;
    tail.flush();
    const origin = sessionOrigin(this.#context, tail.id);
    const { signer } = this.#context.identity;
    assert(signer, "a writing directory has its key");
    return signCheckpoint({ origin, size, root: tail.root() }, [signer]);
  }

  /**
   * For a bulk import that is about to end: its marker is there until the checkpoint is durable.
   */
  async signBulk(writer: BulkWriter): Promise<void> {
    const note = this.#checkpointNote(writer.tail);
    if (!note) return;
    const { disk, root } = this.#context;
    // Whoever has taken over may have signed a later one.
    const checkLock = (): void => this.#write.lock.check();
    const path = checkpointPath(root, writer.id);
    // An older one may be at work on its way to the disk, or being rebuilt.
    await this.#write.targets.alone(path, () => replaceFile(disk, path, note, checkLock));
  }

  #signedSize(id: SessionId): number {
    const { disk, root, identity } = this.#context;
    const path = checkpointPath(root, id);
    if (!disk.exists(path)) return 0;
    const origin = sessionOrigin(this.#context, id);
    // Nothing else of the session is looked at: on a full disk it may not have found its place, and
    // while a file of it is rebuilt it would look damaged.
    try {
      return openCheckpoint(readFile(disk, path), [identity.verifier], origin).size;
    } catch (error) {
      // A checkpoint that cannot be read is replaced by one that can.
      if (codeOf(error) === "NOTE_INVALID" || codeOf(error) === "SIGNATURE_INVALID") return 0;
      throw error;
    }
  }
}
