/**
 * Which part of a program a worker is in, and at which event: numbers in memory that it shares with
 * the thread that owns it, since whoever is in a loop without end answers nobody. They change with
 * every call into the program, and say that none runs while files are read: neither a long replay
 * nor a slow disk looks like a loop.
 */

/** Parts of a program; none of them while Reach itself is at work. */
export const programParts = ["none", "load", "init", "reduce", "step", "state"] as const;
/** One of them. */
export type ProgramPart = (typeof programParts)[number];

/** Where a worker is. */
export interface Whereabouts {
  readonly part: ProgramPart;
  /** The event that the program was given, or that its step begins behind. */
  readonly seq: number;
  /** Counts the calls into programs. */
  readonly calls: number;
}

const cellOf = { part: 0, seq: 1, calls: 2 } as const;
const cellCount = 3;

/** Memory for the whereabouts of one task. */
export function sharedWhereabouts(): SharedArrayBuffer {
  return new SharedArrayBuffer(cellCount * Float64Array.BYTES_PER_ELEMENT);
}

/** What the worker has written last. */
export function whereaboutsIn(shared: SharedArrayBuffer): Whereabouts {
  const [part = 0, seq = 0, calls = 0] = new Float64Array(shared);
  return { part: programParts[part] ?? "none", seq, calls };
}

/** Of the task at hand: a thread does one at a time. */
let cells: Float64Array = new Float64Array(cellCount);

/** From here on this thread writes its whereabouts there. */
export function tellIn(shared: SharedArrayBuffer): void {
  cells = new Float64Array(shared);
}

const numbers = { none: 0, load: 1, init: 2, reduce: 3, step: 4, state: 5 } as const;

/** Before each call into a program. */
export function enterProgram(part: Exclude<ProgramPart, "none">, seq: number): void {
  cells[cellOf.seq] = seq;
  cells[cellOf.calls] = (cells[cellOf.calls] as number) + 1;
  cells[cellOf.part] = numbers[part];
}

/** Behind it, also when it has thrown. */
export function leaveProgram(): void {
  cells[cellOf.part] = numbers.none;
}

/** Reads something for a program that asks for it while it runs. */
export function outsideOfProgram<Value>(read: () => Value): Value {
  const part = cells[cellOf.part] as number;
  leaveProgram();
  try {
    return read();
  } finally {
    cells[cellOf.calls] = (cells[cellOf.calls] as number) + 1;
    cells[cellOf.part] = part;
  }
}
