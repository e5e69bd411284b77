/**
 * What the `fork` event of a session says: where it comes from, and what was settled there. Who
 * made the session may have written anything into it, so it is looked at before it is used.
 */
import { decodeValue, ReachError, type SessionId } from "../base/index.ts";
import type { ForkInput, SettledCall } from "./fork-plan.ts";
import type { ManifestFork } from "./manifest.ts";
import type { SessionReader } from "./session-reader.ts";

/** Data of a `fork` event, the first one that a fork has by itself. */
export interface ForkData {
  readonly source: SessionId;
  readonly at: number;
  readonly root: Uint8Array;
  /** Seqs of the source. */
  readonly overrides: readonly number[];
  readonly rerunOpen: boolean;
  /** Results of calls that are open here: they are taken up when the session goes on. */
  readonly settled: readonly SettledCall[];
  /** Inputs that it gets first when it goes on. */
  readonly inputs: readonly ForkInput[];
}

/** What the `fork` event of a fork says. Throws `CORRUPT` where no such event is in its place. */
export function readForkData(reader: SessionReader, { at }: ManifestFork): ForkData {
  const event = reader.event(at);
  const data = event.kind === "fork" ? decodeValue(event.payloadBytes) : undefined;
  if (isForkData(data)) return data;
  throw new ReachError("CORRUPT", `event ${at} does not say what was settled in the fork`, {
    where: `${reader.id}@${at}`,
  });
}

function isForkData(value: unknown): value is ForkData {
  const { overrides, settled, inputs } = fieldsOf<ForkData>(value);
  return (
    isListOf(overrides, Number.isSafeInteger) &&
    isListOf(settled, (one) => {
      const { ref, data } = fieldsOf<SettledCall>(one);
      return Number.isSafeInteger(ref) && data instanceof Uint8Array;
    }) &&
    isListOf(inputs, (one) => {
      const { type, data } = fieldsOf<ForkInput>(one);
      return typeof type === "string" && data instanceof Uint8Array;
    })
  );
}

function fieldsOf<T extends object>(value: unknown): { readonly [K in keyof T]?: unknown } {
  return typeof value === "object" && value !== null ? value : {};
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}
