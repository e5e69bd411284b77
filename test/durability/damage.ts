/**
 * What can happen to the bytes of one file: each case is a name, so that a failure can be repeated,
 * and the bytes that the file has afterwards.
 */

/** One case of damage to one file; `undefined` bytes: the file is gone. */
export interface Damage {
  readonly name: string;
  readonly bytes: Uint8Array | undefined;
}

/** Which byte values a flip gives: every one of the eight bits comes up. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ (1 << ((at * 5 + 3) % 8));
  return copy;
}

/** Where a file is flipped and cut. */
export interface Choice {
  /** Every how many bytes, from which one on. */
  readonly step: number;
  readonly first: number;
  /** Behind this offset only every 64th of them: bytes that mean nothing. */
  readonly dense: number;
}

function* places(size: number, { step, first, dense }: Choice): Generator<number> {
  for (let at = first; at < size; at += at < dense ? step : 64 * step) yield at;
}

/** One byte of the file is another one. */
export function* flips(bytes: Uint8Array, choice: Choice): Generator<Damage> {
  for (const at of places(bytes.length, choice)) {
    yield { name: `flip ${at}`, bytes: flipped(bytes, at) };
  }
}

/** The file ends earlier; length 0 is the empty file. */
export function* cuts(bytes: Uint8Array, choice: Choice): Generator<Damage> {
  for (const at of places(bytes.length, choice)) {
    yield { name: `cut to ${at}`, bytes: bytes.slice(0, at) };
  }
}

/** The file is gone, or empty. */
export function* losses(): Generator<Damage> {
  yield { name: "delete", bytes: undefined };
  yield { name: "empty", bytes: new Uint8Array(0) };
}
