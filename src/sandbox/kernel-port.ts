/**
 * What the host may call of the code inside a context. Only numbers and texts cross (primitives
 * belong to no realm), apart from the buffers, which are made inside and read through views of the
 * host. No function here throws; what failed is asked for with `text`.
 */

/** Texts that the kernel keeps for the host. */
export const kernelTexts = {
  programName: 0,
  programVersion: 1,
  faultName: 2,
  faultMessage: 3,
  faultCode: 4,
  faultStack: 5,
} as const;

/**
 * Positions in the numbers that `settle` writes; lists follow behind `lists`, one after
 * another.
 */
export const reportFields = {
  now: 0,
  /** 0 still running, 1 `continue`, 2 `done`, 3 failed. */
  outcome: 1,
  resultStart: 2,
  /** Bytes of the result; -1 when there is none. */
  resultSize: 3,
  operations: 4,
  dropped: 5,
  logs: 6,
  abandoned: 7,
  unread: 8,
  lists: 9,
} as const;

/** Values of `reportFields.outcome`. */
export const outcomes = { running: 0, continues: 1, done: 2, failed: 3 } as const;

/** Kinds of operations as numbers, by position. */
export const operationKinds = ["call", "emit", "timer"] as const;

/** The header of an event; its payload lies at the start of the input buffer. */
export type HeaderArguments = readonly [
  seq: number,
  time: number,
  /** Position in `eventKinds`. */
  kind: number,
  type: string,
  /** -1 for none. */
  ref: number,
  /** Position in `payloadForms`. */
  form: number,
  /** Bytes of the payload. */
  size: number,
  /** The text of a JSON payload; of others their bytes as Latin-1, or nothing. */
  text: string,
];

/** The closures that a kernel hands out. Booleans say whether it went well. */
export interface KernelPort {
  /** Evaluates the program: `evaluate` returns its exports. */
  load(evaluate: unknown): boolean;
  /** Lets go of the session and of the program. */
  unload(): void;
  hasStep(): boolean;
  /** Whether the program left the global object alone, and may be evaluated once more. */
  isReusable(): boolean;
  /** Whether the engine had nothing built in that had to be removed. */
  isExact(): boolean;
  /** Makes room for what comes in; returns a number that changes when `input` does. */
  makeRoom(size: number): number;
  /** The buffer for what comes in. */
  input(): ArrayBuffer;
  init(...header: HeaderArguments): boolean;
  restore(size: number, text: string): boolean;
  fold(...header: HeaderArguments): boolean;
  /** Empties the inbox and sets the time. */
  clearInbox(now: number): void;
  addInput(...header: HeaderArguments): void;
  /** The key of the step lies in the input buffer. Drain afterwards, then `settle`. */
  beginStep(firstSeq: number): void;
  /** Drain afterwards, then `settle`. */
  deliver(...header: HeaderArguments): void;
  /** Closes the activation and reports it; returns `generation()`. */
  settle(): number;
  /** A number that changes when `report` or `output` do: asking for buffers is slow (measured). */
  generation(): number;
  /** Numbers of the report (float64). */
  report(): ArrayBuffer;
  /** Bytes of operations, logs, result or snapshot. */
  output(): ArrayBuffer;
  operationType(index: number): string;
  operationStack(index: number): string;
  /** Writes calls, timers (seq, due) and the number of input types; returns how many numbers. */
  waiting(): number;
  waitingInput(index: number): string;
  /** Bytes of the state in the output, or -1. */
  snapshot(): number;
  /** One of `kernelTexts`; a text that is missing is "". */
  text(which: number): string;
}
