/**
 * Where two values differ: the first paths in document order, with both values shortened for
 * people. It sees all that the encoding of a state sees (the order of keys, -0, bytes, big
 * integers), so two states with different hashes always have a difference.
 */
import { limits, pathText } from "../base/index.ts";
import { displayed, displayedBytes, displayedTexts, visible } from "./display.ts";

/** One place where two values differ, as plain text: safe to print and to send as JSON. */
export interface Difference {
  /** `$.messages[3].text`. */
  readonly path: string;
  /** The same path in steps: keys and indexes. */
  readonly steps: readonly (string | number)[];
  /** The value there, shortened; `(missing)` where there is none. */
  readonly expected: string;
  readonly actual: string;
}

/** The text that stands for a member that is not there. */
export const missing = "(missing)";

/** Two containers of one kind that are being walked side by side, and how far. */
interface Pair {
  readonly expected: Container;
  readonly actual: Container;
  /** The keys of both records; for arrays the indexes below `length` are walked. */
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  index: number;
}

type Container = Readonly<Record<string | number, unknown>>;
type List = Container & { readonly length: number };

/**
 * The first differences of two plain values in document order: members as `expected` has them,
 * then those that only `actual` has. At most `limit` (10). Takes memory in proportion to the
 * depth of the values, not to their size, and no stack.
 */
export function differences(
  expected: unknown,
  actual: unknown,
  options: { readonly limit?: number } = {},
): Difference[] {
  return new Comparison(options.limit ?? 10).run(expected, actual);
}

class Comparison {
  readonly #limit: number;
  readonly #found: Difference[] = [];
  readonly #steps: (string | number)[] = [];
  readonly #pairs: Pair[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  run(expected: unknown, actual: unknown): Difference[] {
    if (this.#limit > 0) this.#compare(expected, actual);
    while (this.#found.length < this.#limit) {
      const pair = this.#pairs.at(-1);
      if (!pair) break;
      if (pair.index < pair.length) this.#compareMember(pair, pair.index++);
      else this.#leave();
    }
    return this.#found;
  }

  #leave(): void {
    this.#pairs.pop();
    this.#steps.pop();
  }

  #compareMember(pair: Pair, index: number): void {
    const step = pair.keys ? (pair.keys[index] as string) : index;
    const inExpected = Object.hasOwn(pair.expected, step);
    const inActual = Object.hasOwn(pair.actual, step);
    this.#steps.push(step);
    if (!inActual) this.#add(displayed(pair.expected[step]), missing);
    else if (!inExpected) this.#add(missing, displayed(pair.actual[step]));
    else if (this.#compare(pair.expected[step], pair.actual[step])) return;
    this.#steps.pop();
  }

  /** Compares the values at the current path; true when their members are to be walked now. */
  #compare(expected: unknown, actual: unknown): boolean {
    if (Object.is(expected, actual)) return false;
    const kind = kindOf(expected);
    if (kind === "leaf" || kind !== kindOf(actual)) this.#addLeaves(expected, actual);
    else if (kind === "bytes") this.#compareBytes(expected as Uint8Array, actual as Uint8Array);
    else if (this.#pairs.length > limits.dataDepthMax) this.#add("(too deep)", "(too deep)");
    else return this.#enter(kind, expected as Container, actual as Container);
    return false;
  }

  #addLeaves(expected: unknown, actual: unknown): void {
    const texts = typeof expected === "string" && typeof actual === "string";
    if (texts) this.#add(...displayedTexts(expected, actual));
    else this.#add(displayed(expected), displayed(actual));
  }

  #compareBytes(expected: Uint8Array, actual: Uint8Array): void {
    const length = Math.max(expected.length, actual.length);
    for (let i = 0; i < length; i++) {
      if (expected[i] === actual[i]) continue;
      this.#add(displayedBytes(expected, i), displayedBytes(actual, i));
      return;
    }
  }

  #enter(kind: "array" | "record", expected: Container, actual: Container): boolean {
    if (kind === "array") {
      const length = Math.max((expected as List).length, (actual as List).length);
      this.#pairs.push({ expected, actual, keys: undefined, length, index: 0 });
      return true;
    }
    const keys = Object.keys(expected);
    const others = Object.keys(actual);
    const added = others.filter((key) => !Object.hasOwn(expected, key));
    const sameKeys = added.length === 0 && keys.length === others.length;
    const moved = sameKeys ? keys.findIndex((key, i) => key !== others[i]) : -1;
    // The bytes of a state keep the order of its keys, so another order is another state.
    if (moved >= 0) this.#add(orderOf(keys, moved), orderOf(others, moved));
    const all = [...keys, ...added];
    this.#pairs.push({ expected, actual, keys: all, length: all.length, index: 0 });
    return true;
  }

  #add(expected: string, actual: string): void {
    const steps = [...this.#steps];
    this.#found.push({ path: visible(pathText(steps)), steps, expected, actual });
  }
}

function orderOf(keys: readonly string[], from: number): string {
  const some = keys.slice(from, from + 4).map((key) => displayed(key));
  return `keys in the order ${some.join(", ")}${keys.length > from + 4 ? ", …" : ""}`;
}

function kindOf(value: unknown): "leaf" | "bytes" | "array" | "record" {
  if (typeof value !== "object" || value === null) return "leaf";
  if (value instanceof Uint8Array) return "bytes";
  return Array.isArray(value) ? "array" : "record";
}
