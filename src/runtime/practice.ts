/**
 * Lets the engine see every kind of value before it compiles the decoder. Code that was compiled
 * before something rare came by is thrown away when it does: without this it happens four times in
 * a thread, at 10 to 20 ms of a processor each (measured).
 */
import { decodeValue, encodeValue } from "../base/index.ts";

/** What is looked at is counted from the eighth or so call on. */
const timesUntilCounted = 40;

const long = "more than the bytes that are decoded one by one";
/** One of each kind, and of each size of a head, that payloads and states may hold. */
const oneOfEach = [
  ...[0, 30, 300, 70_000, 2 ** 40, -1, -300, 1.5],
  ...[2n ** 70n, -(2n ** 70n), true, false, null, undefined],
  ...["text", long, "\u00e4", `${long} \u00e4`, "\ud800"],
  Uint8Array.of(1),
  { key: {}, [long]: [], "\u00e4": [[]] },
  { "\ud800": 1 },
];

/** Takes less than a millisecond. */
export function practiseDecoding(): void {
  const bytes = encodeValue(oneOfEach);
  for (let i = 0; i < timesUntilCounted; i++) decodeValue(bytes);
}
