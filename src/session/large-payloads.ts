/**
 * Payloads above 1 MiB of sessions that go through the journal: they would fill its groups, so they
 * go to a pack of their own, durable up to a watermark before their event is appended.
 */
import type { SessionId } from "../base/index.ts";
import type { BlobName, BulkPackWriter, PackBlobs } from "../blobs/index.ts";
import type { Disk } from "../disk/index.ts";
import { BulkMarker, eventLogStart } from "../log/index.ts";

/** The large payloads of one open directory. */
export class LargePayloads {
  /** Names the marker. */
  readonly id: SessionId;
  readonly #packs: BulkPackWriter;
  readonly #marker: BulkMarker;
  readonly #checkLock: () => void;
  #chain: Promise<unknown> = Promise.resolve();
  /** Why nothing more goes to the pack: what waited behind a failure fails for the same reason. */
  #failure: { readonly error: unknown } | undefined;

  private constructor(
    id: SessionId,
    packs: BulkPackWriter,
    marker: BulkMarker,
    checkLock: () => void,
  ) {
    this.id = id;
    this.#packs = packs;
    this.#marker = marker;
    this.#checkLock = checkLock;
  }

  /** `id` names the marker; it belongs to no session. */
  static async open(
    disk: Disk,
    root: string,
    blobs: PackBlobs,
    id: SessionId,
    checkLock: () => void,
  ): Promise<LargePayloads> {
    const packs = blobs.openBulk();
    // No pack is named before it is durable: its number might be given to another one.
    const watermark = { end: eventLogStart, size: 0, pack: 0, packSize: 0 };
    try {
      const marker = await BulkMarker.create(disk, root, id, watermark, checkLock);
      return new LargePayloads(id, packs, marker, checkLock);
    } catch (error) {
      packs.abandon();
      throw error;
    }
  }

  /** Stores a payload; it is durable when this resolves. Throws `FENCED`. */
  put(bytes: Uint8Array): Promise<BlobName> {
    const put = this.#chain.then(() => this.#put(bytes));
    this.#chain = put.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    return put;
  }

  async #put(bytes: Uint8Array): Promise<BlobName> {
    if (this.#failure) throw this.#failure.error;
    const name = this.#packs.put(bytes);
    const { pack, size: packSize } = await this.#packs.sync();
    await this.#marker.advance({ end: eventLogStart, size: 0, pack, packSize });
    // A writer that took over before the watermark was durable has cut the payload off, and may
    // yet find in the journal whatever frame names it.
    this.#checkLock();
    this.#packs.confirm();
    return name;
  }

  /**
   * After a failure: nobody knows what the pack holds behind its watermark, so nothing more goes to
   * it. The marker stays until it is cut there.
   */
  abandon(): void {
    this.#packs.abandon();
    this.#marker.abandon();
  }

  async close(): Promise<void> {
    await this.#chain;
    this.#packs.close();
    await this.#marker.remove();
  }
}
