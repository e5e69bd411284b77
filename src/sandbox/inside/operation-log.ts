/**
 * What the step made in one activation, encoded once: the bytes that were reduced are the bytes
 * that the host appends. They lie one behind the other in a buffer that the host reads.
 */
import { decodeValue, encodeValue } from "../../base/index.ts";
import { eventKinds } from "../../event/index.ts";
import { operationKinds } from "../kernel-port.ts";
import { faultOf } from "./program-errors.ts";
import { views } from "./state-view.ts";

const firstBytes = 4 * 1024;
const keptBytesMax = 32 * 1024;
/** Logs of one activation; what comes behind is left out. */
const logsMax = 1000;

const operationKind: readonly number[] = eventKinds.map((kind) =>
  (operationKinds as readonly string[]).indexOf(kind),
);

/** Operations and logs, in the order made. */
export class OperationLog {
  #size = firstBytes;
  #bytes = new Uint8Array(firstBytes);
  #generation = 0;
  #end = 0;
  /** Kind, start and size of each. */
  #numbers: number[] = [];
  #types: string[] = [];
  #stacks: string[] = [];
  /** Start and size of each. */
  #logs: number[] = [];

  /** Counts the buffers that there have been. */
  get generation(): number {
    return this.#generation;
  }

  get buffer(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  get types(): readonly string[] {
    return this.#types;
  }

  get stacks(): readonly string[] {
    return this.#stacks;
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  get logs(): readonly number[] {
    return this.#logs;
  }

  clear(): void {
    this.#end = 0;
    if (this.#numbers.length > 0) {
      this.#numbers = [];
      this.#types = [];
    }
    if (this.#logs.length > 0) this.#logs = [];
    if (this.#stacks.length > 0) this.#stacks = [];
    if (this.#size > keptBytesMax) this.#resize(firstBytes);
  }

  add(kind: number, type: string, data: Uint8Array, stacks: boolean): void {
    const start = this.append(data);
    this.#numbers.push(operationKind[kind] as number, start, data.length);
    this.#types.push(type);
    if (stacks) this.#stacks.push(stackHere());
  }

  log(values: readonly unknown[]): void {
    if (this.#logs.length >= 2 * logsMax) return;
    const data = encodeValue(values.map(loggable));
    this.#logs.push(this.append(data), data.length);
  }

  /** Puts bytes behind what is there; returns where they start. */
  append(data: Uint8Array): number {
    const start = this.#end;
    const end = start + data.length;
    if (end > this.#size) {
      const before = this.#bytes.subarray(0, start);
      this.#resize(Math.max(2 * this.#size, end));
      this.#bytes.set(before);
    }
    this.#bytes.set(data, start);
    this.#end = end;
    return start;
  }

  #resize(size: number): void {
    this.#size = size;
    this.#bytes = new Uint8Array(size);
    this.#generation += 1;
  }
}

/** Formatting is done by the host: its errors (the stack may be all but full) stay in here. */
function stackHere(): string {
  try {
    return new Error("here").stack ?? "";
  } catch {
    return "";
  }
}

/** A value for the log: errors by name and message, what is no plain data as a text. */
function loggable(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, code } = faultOf(value, false);
    return code === "" ? { name, message } : { name, message, code };
  }
  try {
    return decodeValue(encodeValue(value, "copy", views));
  } catch {
    return `(${typeof value} that is no plain data)`;
  }
}
