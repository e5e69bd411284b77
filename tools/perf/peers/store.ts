// What every store is asked to do: take batches of bytes and say when they are as safe as it makes
// them, and give all of them back in order. One file in `stores` for each.

import type { PreparedEvents } from "./prepared-events.ts";

/** Events of a batch. */
export const batchEvents = 50;
/** Batches that may wait for the disk in the pipelined variant. */
export const batchesAhead = 8;

/** A store, open for appending. */
export interface StoreWriter {
  /** Appends the events from `from` to before `to`; resolves when the store acknowledges them. */
  append(from: number, to: number): Promise<void> | void;
  /** Not on the clock. */
  close(): Promise<void> | void;
}

/** A kind of store, in a folder or at an address. */
export interface Store {
  /** `ahead`: batches that will be under way at a time. */
  openForAppends(place: string, events: PreparedEvents, ahead: number): Promise<StoreWriter>;
  /** Gives every event to `take` in order, from open to close. */
  readAll(place: string, take: (bytes: Uint8Array) => void, count: number): Promise<void>;
}
