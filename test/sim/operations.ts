/**
 * The operations of a simulated disk: each is counted, remembered, announced to whoever wants to
 * crash the disk at it, and can be made to fail. From the moment the power fails all of them throw.
 */
import { type Fault, PowerLoss } from "./power.ts";

/** Operations that change the disk; each is a point at which the power may fail. */
const changing = [
  "create",
  "write",
  "sync",
  "synced",
  "rename",
  "remove",
  "createFolder",
  "removeFolder",
  "syncFolder",
  "syncedFolder",
] as const;

/** What a program asked of the disk; `synced` and `syncedFolder` are the ends of the two syncs. */
export type OperationKind = (typeof changing)[number] | "open" | "read" | "list";

/** One call; `index` counts all calls of one disk from 1. */
export interface Operation {
  readonly index: number;
  readonly kind: OperationKind;
  readonly path: string;
  readonly position: number;
  readonly size: number;
  /** The new name, for a rename. */
  readonly to: string;
}

const changingKinds: ReadonlySet<OperationKind> = new Set(changing);
const historyMax = 64;

/** One line of a report. */
export function operationText({ index, kind, path, position, size, to }: Operation): string {
  const range = kind === "write" || kind === "read" ? ` ${size} B at ${position}` : "";
  return `#${index} ${kind} ${path}${range}${to === "" ? "" : ` to ${to}`}`;
}

/** What a simulated disk and its tests know about operations. */
export class Operations {
  /** Called before each change, also before a sync takes effect; clone the disk there. */
  onChange: ((operation: Operation) => void) | undefined;
  #count = 0;
  #history: Operation[] = [];
  #powerOffAt = Number.POSITIVE_INFINITY;
  #faults: { matches: (operation: Operation) => boolean; fault: Fault; left: number }[] = [];

  /** Operations so far. */
  get operations(): number {
    return this.#count;
  }

  /** The operation of that index fails. */
  failAt(index: number, fault: Fault): void {
    this.failWhere((operation) => operation.index === index, fault);
  }

  /** The next `times` operations that match fail. */
  failWhere(matches: (operation: Operation) => boolean, fault: Fault, times = 1): void {
    this.#faults.push({ matches, fault, left: times });
  }

  /** No operation fails any more. */
  heal(): void {
    this.#faults = [];
  }

  /** The power fails at the operation of that index: it and all later ones throw `PowerLoss`. */
  powerOffAt(index: number): void {
    this.#powerOffAt = index;
  }

  /** The power fails now. */
  powerOff(): void {
    this.#powerOffAt = 0;
  }

  /** The latest changes, one line each. */
  trace(count = 20): string[] {
    return this.#history.slice(-count).map(operationText);
  }

  /** Throws `PowerLoss` once the power is off. */
  protected alive(): void {
    if (this.#count >= this.#powerOffAt) throw new PowerLoss();
  }

  /** Counts an operation; returns how it is to fail, after `changing` has happened for a change. */
  protected begin(
    kind: OperationKind,
    path: string,
    details: { readonly position?: number; readonly size?: number; readonly to?: string } = {},
  ): Fault | undefined {
    this.alive();
    const index = ++this.#count;
    this.alive();
    const changes = changingKinds.has(kind);
    if (!changes && this.#faults.length === 0) return undefined;
    const { position = 0, size = 0, to = "" } = details;
    const operation = { index, kind, path, position, size, to };
    if (changes) {
      this.#history.push(operation);
      if (this.#history.length > 2 * historyMax) this.#history = this.#history.slice(-historyMax);
      this.onChange?.(operation);
      this.alive();
      this.meanwhile();
    }
    const found = this.#faults.find(({ matches }) => matches(operation));
    if (found === undefined) return undefined;
    if (--found.left === 0) this.#faults = this.#faults.filter((other) => other !== found);
    return found.fault;
  }

  /** What the kernel does by itself between two operations. */
  protected meanwhile(): void {}

  /** Goes on counting where another disk is. */
  protected follow(other: Operations): void {
    this.#count = other.#count;
    this.#history = other.#history.slice(-historyMax);
  }
}
