/**
 * What one session has of the lanes: at most one entry in their queues, and at most one slot.
 * Nothing is taken out of a queue before its turn, so a turn may come that nobody wants any more.
 */
import type { Lane } from "./lanes/lane.ts";

/** How slots are asked for and given back. */
export interface SlotSource {
  enter(): void;
  release(lane: Lane): void;
}

/** The slot of a session. */
export class LaneSlot {
  readonly #source: SlotSource;
  #isEntered = false;
  #lane: Lane | undefined;

  constructor(source: SlotSource) {
    this.#source = source;
  }

  /** Whether there is one. */
  get isHeld(): boolean {
    return this.#lane !== undefined;
  }

  /** Asks for one, unless that has been done. */
  ask(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    this.#source.enter();
  }

  /** Its turn has come; returns whether there is a slot now: not when none `isWanted`. */
  take(lane: Lane, isWanted: boolean): boolean {
    this.#isEntered = false;
    if (isWanted) this.#lane = lane;
    // Whoever hands out slots is in the middle of that.
    else queueMicrotask(() => this.#source.release(lane));
    return isWanted;
  }

  release(): void {
    const lane = this.#lane;
    this.#lane = undefined;
    if (lane) this.#source.release(lane);
  }
}
