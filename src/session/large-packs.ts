/**
 * Where payloads above 1 MiB go, one pack after the other: a pack in which one could not be stored
 * takes no more of them, and the next payload begins another.
 */
import type { SessionId } from "../base/index.ts";
import type { BlobName } from "../blobs/index.ts";
import type { LargePayloads } from "./large-payloads.ts";

/** The packs for large payloads of one open directory. */
export class LargePacks {
  readonly #open: () => Promise<LargePayloads>;
  readonly #onFailed: (id: SessionId) => void;
  #current: Promise<LargePayloads> | undefined;

  /** `onFailed` is told whose marker says how much of a pack that failed is to be kept. */
  constructor(open: () => Promise<LargePayloads>, onFailed: (id: SessionId) => void) {
    this.#open = open;
    this.#onFailed = onFailed;
  }

  /** Stores a payload; it is durable when this resolves. Throws `DISK_FULL`, `FENCED`. */
  readonly put = async (bytes: Uint8Array): Promise<BlobName> => {
    this.#current ??= this.#open();
    const current = this.#current;
    try {
      return await (await current).put(bytes);
    } catch (error) {
      if (this.#current === current) {
        this.#current = undefined;
        const failed = await current.catch(() => undefined);
        failed?.abandon();
        if (failed) this.#onFailed(failed.id);
      }
      throw error;
    }
  };

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current) await (await current).close();
  }
}
