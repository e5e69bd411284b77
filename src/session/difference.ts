/**
 * Where two sessions part: the first event at which they differ, what differs there, and what each
 * has from then on. Both are read side by side as streams. Compared are the header and the data of
 * events; salts never, since every session has its own; times only when asked for. Notes, which
 * Reach writes beside what was recorded, are passed over unless they are asked for; between a
 * session and its fork so is what the fork settled.
 */
import { codeOf, equalBytes, fromUtf8, messageOf, pathText } from "../base/index.ts";
import type { EventKind, EventView, Payload } from "../event/index.ts";
import { type Difference, differences, missing, visible } from "../replay/index.ts";
import { type ForkParting, forkPassing } from "./fork-parting.ts";
import type { SessionReader } from "./session-reader.ts";

/** What is compared besides kind, type, ref and data. */
export interface DiffOptions {
  /** Also the times of events. */
  readonly time?: boolean;
  /** Also notes, such as those that an import leaves. */
  readonly notes?: boolean;
  /** Differing paths of the data to name at most; 10. */
  readonly paths?: number;
}

/** The header of an event in one of the two sessions. */
export interface ComparedEvent {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
}

/** A member of the header that differs; both sides as text. */
export interface FieldDifference {
  readonly field: "kind" | "type" | "ref" | "time" | "data";
  readonly a: string;
  readonly b: string;
}

/** Events of one type from the first divergence on, where the two have not as many. */
export interface TypeCount {
  readonly type: string;
  readonly a: number;
  readonly b: number;
}

/** How two sessions differ. `a` and `b` are the two in the order they were given. */
export interface SessionDifference {
  /** `a-is-prefix`: b begins with all events of a and goes on. */
  readonly relation: "identical" | "a-is-prefix" | "b-is-prefix" | "diverged";
  /** Seq in `a` of the first event that is not the same; `null` when all are. */
  readonly firstDivergence: number | null;
  /** Events that are the same, from the first one on. */
  readonly same: number;
  /** Where one of them left the other as its fork; what was settled there is not compared. */
  readonly fork: ForkParting | null;
  /** Events that were compared; without notes, unless those were asked for. */
  readonly events: { readonly a: number; readonly b: number };
  /** The two events at the divergence; `null` where a session has ended. */
  readonly at: { readonly a: ComparedEvent | null; readonly b: ComparedEvent | null };
  /** What differs between these two. */
  readonly fields: readonly FieldDifference[];
  /** Where their data differs; `expected` is that of `a`, `actual` that of `b`. */
  readonly paths: readonly Difference[];
  /** Types of which the rests hold different numbers of events, largest difference first. */
  readonly types: readonly TypeCount[];
}

const typesMax = 1000;
const otherTypes = "(other types)";

/** Compares two sessions. Throws what reading them throws: `CORRUPT`, `BLOB_MISSING` and so on. */
export function diffSessions(
  a: SessionReader,
  b: SessionReader,
  options: DiffOptions = {},
): SessionDifference {
  const forked = forkPassing(a, b);
  const left = new ComparedEvents(a, options, (event) => forked.passes("a", event));
  const right = new ComparedEvents(b, options, (event) => forked.passes("b", event));
  let fields: FieldDifference[] = [];
  let same = 0;
  while (left.event && right.event && fields.length === 0) {
    fields = differingFields(left, right, options);
    if (fields.length > 0) break;
    same += 1;
    left.next();
    right.next();
  }
  const at = { a: markOf(left.event), b: markOf(right.event) };
  const both = left.event && right.event;
  const paths = both ? differingPaths(left.event, right.event, options.paths) : [];
  const firstDivergence = at.a || at.b ? left.seq : null;
  const types = new TypeCounts();
  for (; left.event; left.next()) types.add(left.event.type, "a");
  for (; right.event; right.next()) types.add(right.event.type, "b");
  const relation =
    at.a && at.b ? "diverged" : at.a ? "b-is-prefix" : at.b ? "a-is-prefix" : "identical";
  const events = { a: left.ordinal, b: right.ordinal };
  const parts = { fork: forked.parting, at, fields, paths, types: types.differing() };
  return { relation, firstDivergence, same, events, ...parts };
}

/** The events of one session that are compared, one at a time. */
class ComparedEvents {
  readonly #events: Iterator<EventView, void>;
  readonly #withNotes: boolean;
  readonly #passes: (event: EventView) => boolean;
  /** Seqs of the events that were passed over. */
  readonly #passed: number[] = [];
  event: EventView | undefined;
  /** Seq of the event, behind the last one: where the next would be. */
  seq = 0;
  /** Number of the event among those that are compared. */
  ordinal = -1;

  constructor(
    reader: SessionReader,
    { notes = false }: DiffOptions,
    passes: (event: EventView) => boolean,
  ) {
    this.#passes = passes;
    this.#events = reader.events();
    this.#withNotes = notes;
    this.next();
  }

  next(): void {
    this.ordinal += 1;
    this.event = undefined;
    for (let step = this.#events.next(); !step.done; step = this.#events.next()) {
      const event = step.value;
      this.seq = event.seq;
      if ((event.kind !== "note" || this.#withNotes) && !this.#passes(event)) {
        this.event = event;
        return;
      }
      this.#passed.push(event.seq);
    }
    this.seq += 1;
  }

  /** What an event refers to, as its number among those that are compared. */
  get ref(): number | null {
    const ref = this.event?.ref ?? null;
    if (ref === null) return null;
    let low = 0;
    let high = this.#passed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#passed[middle] as number) < ref) low = middle + 1;
      else high = middle;
    }
    return ref - low;
  }
}

function markOf(event: EventView | undefined): ComparedEvent | null {
  if (!event) return null;
  const { seq, time, kind, type, ref } = event;
  return { seq, time, kind, type, ref };
}

function differingFields(
  left: ComparedEvents,
  right: ComparedEvents,
  { time = false }: DiffOptions,
): FieldDifference[] {
  const a = left.event as EventView;
  const b = right.event as EventView;
  const fields: FieldDifference[] = [];
  if (a.kind !== b.kind) fields.push({ field: "kind", a: a.kind, b: b.kind });
  if (a.type !== b.type) fields.push({ field: "type", a: a.type, b: b.type });
  if (left.ref !== right.ref) fields.push({ field: "ref", a: String(a.ref), b: String(b.ref) });
  if (time && a.time !== b.time) {
    fields.push({ field: "time", a: String(a.time), b: String(b.time) });
  }
  const data = differingData(a, b);
  if (data) fields.push(data);
  return fields;
}

/** Equal bytes are equal data; other bytes may still be the same value spelled in another way. */
function differingData(a: EventView, b: EventView): FieldDifference | undefined {
  if (equalBytes(a.dataBytes, b.dataBytes)) return undefined;
  const texts = { a: payloadText(a.payload), b: payloadText(b.payload) };
  if (differingPaths(a, b, 1).length === 0) return undefined;
  return { field: "data", ...texts };
}

function payloadText(payload: Payload): string {
  if (payload.form === "blob") return `${payload.ref.size} bytes of ${payload.ref.form}`;
  return `${payload.bytes.length} bytes of ${payload.form}`;
}

/** Data that cannot be decoded (a record cut off, kept as it was) is compared by its bytes. */
function differingPaths(
  a: EventView | undefined,
  b: EventView | undefined,
  limit = 10,
): Difference[] {
  try {
    const found = differences(a?.data, b?.data, { limit });
    if (found.length > 0 || !a || !b || !(isJson(a) || isJson(b))) return found;
    const spelled = spelledDifference(jsonText(a), jsonText(b));
    return spelled ? [spelled] : [];
  } catch (error) {
    if (codeOf(error) !== "CORRUPT") throw error;
    const expected = "(cannot be decoded)";
    return [{ path: "$", steps: [], expected, actual: messageOf(error) }];
  }
}

function isJson({ payload }: EventView): boolean {
  return (payload.form === "blob" ? payload.ref.form : payload.form) === "json";
}

/** The JSON text; of data that is none, the text that says the same. */
function jsonText(event: EventView): string {
  return isJson(event) ? fromUtf8(event.payloadBytes) : JSON.stringify(event.data);
}

const betweenTokens = " \t\r\n,:";
const brackets = "[]{}";
const behindWords = `${betweenTokens}${brackets}`;
const closing: ReadonlySet<string | undefined> = new Set(["]", "}", undefined]);
const shownChars = 60;

/**
 * Where two JSON texts say something else though they are read as the same value: a number that no
 * double can tell from its neighbour, a key that stands twice, keys that are read in another order.
 * Numbers are compared by their value (1.50 is 1.5), texts by their characters.
 */
function spelledDifference(a: string, b: string): Difference | undefined {
  const [left, right] = [jsonTokens(a), jsonTokens(b)];
  const walk = new JsonWalk();
  for (;;) {
    const [expected, actual] = [left.next().value, right.next().value];
    if (expected === undefined && actual === undefined) return undefined;
    if (expected !== actual && meaning(expected) !== meaning(actual)) {
      const { steps } = walk;
      const path = visible(pathText(steps));
      return { path, steps, expected: shown(expected), actual: shown(actual) };
    }
    walk.pass(expected as string);
  }
}

/** The tokens of a JSON text in order, without commas and colons. */
function* jsonTokens(text: string): Generator<string, undefined> {
  for (let at = 0; at < text.length; ) {
    const start = at;
    const first = text[at] as string;
    at += 1;
    if (first === '"') at = stringEnd(text, at);
    else if (betweenTokens.includes(first)) continue;
    else if (!brackets.includes(first)) {
      while (at < text.length && !behindWords.includes(text[at] as string)) at += 1;
    }
    yield text.slice(start, at);
  }
  return undefined;
}

/** The place behind the quote that ends a string. */
function stringEnd(text: string, start: number): number {
  for (let at = start; ; at += 1) {
    at = text.indexOf('"', at);
    let escapes = 0;
    while (text[at - 1 - escapes] === "\\") escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
}

/** Knows the path of the next token of a JSON text. */
class JsonWalk {
  /** Where each open container is: at a key, before one (`undefined`), at an index. */
  readonly #open: { readonly list: boolean; at: string | number | undefined }[] = [];

  get steps(): (string | number)[] {
    return this.#open.flatMap(({ at }) => at ?? []);
  }

  pass(token: string): void {
    const inner = this.#open.at(-1);
    if (token === "[" || token === "{") {
      this.#open.push({ list: token === "[", at: token === "[" ? 0 : undefined });
    } else if (token === "]" || token === "}") {
      this.#open.pop();
      this.#passValue(this.#open.at(-1));
    } else if (inner && !inner.list && inner.at === undefined) {
      inner.at = JSON.parse(token) as string;
    } else this.#passValue(inner);
  }

  #passValue(inner: { readonly list: boolean; at: string | number | undefined } | undefined): void {
    if (inner) inner.at = inner.list ? (inner.at as number) + 1 : undefined;
  }
}

/** The same text for tokens that say the same. */
function meaning(token: string | undefined): string | undefined {
  if (token?.startsWith('"')) return `"${JSON.parse(token)}`;
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token ?? "");
  if (!parts) return token;
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  // Whether a zero has a sign has been compared before.
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length - digits.length + significant.length);
  return `${sign}${significant}e${power}`;
}

function shown(token: string | undefined): string {
  if (closing.has(token)) return missing;
  const text = visible(token as string);
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}

/** Counts events by type; beyond a thousand types all others are one. */
class TypeCounts {
  readonly #counts = new Map<string, { a: number; b: number }>();

  add(type: string, side: "a" | "b"): void {
    const known = this.#counts.has(type) || this.#counts.size < typesMax;
    const name = known ? type : otherTypes;
    const count = this.#counts.get(name) ?? { a: 0, b: 0 };
    count[side] += 1;
    this.#counts.set(name, count);
  }

  differing(): TypeCount[] {
    return [...this.#counts]
      .map(([type, count]) => ({ type, ...count }))
      .filter(({ a, b }) => a !== b)
      .sort((x, y) => Math.abs(y.a - y.b) - Math.abs(x.a - x.b));
  }
}
