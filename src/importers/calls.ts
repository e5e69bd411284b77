/**
 * Which event opened a call: the ids that records give their calls, with the seq of the event, so
 * that the record of the result can refer to it. Bounded: of very many ids the ones used last stay.
 */

/** Ids remembered at most. */
export const openCallsMax = 65_536;
/** A longer id is not remembered, so that the memory taken is bounded too. */
const idCharsMax = 256;

/** One id or several; the first one known counts. */
export type CallIds = string | readonly string[];

/** Ids of calls and the seq of the event of each. */
export class OpenCalls {
  readonly #seqs = new Map<string, number>();

  /** Remembers that event `seq` opened the call, or the calls, with these ids. */
  open(ids: CallIds, seq: number): void {
    if (typeof ids === "string") this.#remember(ids, seq);
    else for (const id of ids) this.#remember(id, seq);
  }

  /** The seq of the event that opened the call; `null` when nothing is known of it. */
  seqOf(ids: CallIds): number | null {
    if (typeof ids === "string") return this.#seqs.get(ids) ?? null;
    for (const id of ids) {
      const seq = this.#seqs.get(id);
      if (seq !== undefined) return seq;
    }
    return null;
  }

  #remember(id: string, seq: number): void {
    if (id.length > idCharsMax) return;
    // A map keeps the order of insertion: deleted and set again, the id is the newest.
    this.#seqs.delete(id);
    this.#seqs.set(id, seq);
    if (this.#seqs.size <= openCallsMax) return;
    const oldest = this.#seqs.keys().next();
    if (!oldest.done) this.#seqs.delete(oldest.value);
  }
}
