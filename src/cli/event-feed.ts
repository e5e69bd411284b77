/**
 * The events of a session as they become durable, in order, each once: for commands that show what
 * a session does while it does it.
 */
import type { SessionId } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import type { Directory } from "../session/index.ts";

/** Follows one session. */
export class EventFeed {
  readonly #directory: Directory;
  readonly #id: SessionId;
  readonly #show: (events: Iterable<EventView>) => Promise<void>;
  readonly #stop: () => void;
  #shown: number;
  #showing: Promise<void> = Promise.resolve();
  /** Resolves the wait for more events. */
  #committed: () => void = () => {};

  /** Calls `show` with what is durable from `from` on, one call after the other. */
  constructor(
    directory: Directory,
    id: SessionId,
    from: number,
    show: (events: Iterable<EventView>) => Promise<void>,
  ) {
    this.#directory = directory;
    this.#id = id;
    this.#shown = from;
    this.#show = show;
    this.#stop = directory.onCommit((committed) => {
      if (committed === id) this.#go();
    });
    this.#go();
  }

  #go(): void {
    this.#showing = this.#showing.then(() => this.#showNew());
    // `end` tells.
    this.#showing.catch(() => {});
    this.#committed();
  }

  async #showNew(): Promise<void> {
    const reader = this.#directory.session(this.#id);
    try {
      const { size } = reader;
      if (size <= this.#shown) return;
      await this.#show(reader.events(this.#shown, size));
      this.#shown = size;
    } finally {
      reader.close();
    }
  }

  /** Ends when the first `size` events have been shown. Throws what showing threw. */
  async end(size: number): Promise<void> {
    for (;;) {
      const more = new Promise<void>((resolve) => {
        this.#committed = resolve;
      });
      await this.#showing;
      if (this.#shown >= size) break;
      await more;
    }
    this.#stop();
  }
}
