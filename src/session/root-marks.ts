/**
 * Roots that somebody claims of a session at certain sizes: checkpoints and snapshot records. A
 * walk over the events compares each when it passes that size, so one pass checks all of them.
 */
import { equalBytes } from "../base/index.ts";

/** "After `size` events the tree has this root." */
export interface RootClaim {
  readonly size: number;
  readonly root: Uint8Array;
  /**
   * Called once, when the size has been reached; not at all when there are fewer events.
   * `undefined`: events before are missing, so nobody can tell.
   */
  settle(holds: boolean | undefined): void;
}

/** Claims in the order of their sizes. */
export class RootMarks {
  readonly #claims: RootClaim[];
  #settled = 0;
  /** Size at which the next claim is due; infinite when none is. */
  next: number;

  constructor(claims: readonly RootClaim[]) {
    this.#claims = [...claims].sort((a, b) => a.size - b.size);
    this.next = this.#claims[0]?.size ?? Number.POSITIVE_INFINITY;
  }

  /** Settles the claims at `next`, the size reached now; no `root` where nobody knows it. */
  reached(root: Uint8Array | undefined): void {
    const size = this.next;
    for (let claim = this.#claims[this.#settled]; claim?.size === size; ) {
      claim.settle(root && equalBytes(claim.root, root));
      this.#settled += 1;
      claim = this.#claims[this.#settled];
    }
    this.next = this.#claims[this.#settled]?.size ?? Number.POSITIVE_INFINITY;
  }

  /** The sizes behind `from` and up to `to` at which claims are due, ascending. */
  sizes(from: number, to: number): number[] {
    const due = this.#claims.filter(({ size }) => size > from && size <= to);
    return [...new Set(due.map(({ size }) => size))];
  }

  /** Claims about sizes that were never reached. */
  get left(): readonly RootClaim[] {
    return this.#claims.slice(this.#settled);
  }
}
