/**
 * What a format reads from one record, and the small words that formats share: members of objects
 * that may be missing or of another type, and types of events made from them.
 */
import { limits, utf8 } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";
import type { CallIds } from "./calls.ts";

/** What a format makes of one record. */
export interface Reading {
  /** Milliseconds since the Unix epoch, or `null`. */
  readonly time: number | null;
  readonly kind: EventKind;
  readonly type: string;
  /** Ids under which later records answer this one. */
  readonly opens?: CallIds | undefined;
  /** Ids of the calls that this record answers. */
  readonly answers?: CallIds | undefined;
}

/** Where in its source a record stands. */
export interface RecordPlace {
  /** In a document the key it stands under, or the key of its array; `null` on lines. */
  readonly member: string | null;
  /** An element of an array of records, or a line; else a member of a document, whole. */
  readonly element: boolean;
}

/** The place of every record of a line format. */
export const onLine: RecordPlace = { member: null, element: true };

/**
 * Makes a reading of a parsed record. Strings of `value` that are not ASCII may be misread; when
 * one of them gets into the type or the ids, `read` is called again with the exact value.
 */
export interface RecordMapper {
  read(value: unknown, place: RecordPlace): Reading;
}

/** A parsed JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/** The value if it is an object, and no array. */
export function objectOf(value: unknown): JsonObject | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

/** The value if it is a string. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The text of an id, which some formats write as a number. */
export function idOf(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : textOf(value);
}

/** The type of a record that says nothing about itself. */
export const plainType = "record";

/** Whether an event can have this text as its type. */
export function isType(text: string): boolean {
  return text.isWellFormed() && utf8(text).length <= limits.eventTypeBytesMax;
}

/**
 * `text` if an event can have it as its type, else `undefined`. What may be UTF-8 misread as
 * Latin-1 has one character per byte, and passes if those fit: of the exact text, `isType` decides.
 */
export function typeWord(text: string | undefined): string | undefined {
  if (text === undefined || text.length === 0 || text.length > limits.eventTypeBytesMax) {
    return undefined;
  }
  if (isAsciiText(text)) return text;
  const maybeMisread = !/[\u0100-\uffff]/.test(text);
  return maybeMisread || isType(text) ? text : undefined;
}

/** `word`, or `word/sub` where there is a `sub`; `record` where that is no type. */
export function typeOf(word: string | undefined, sub?: string | undefined): string {
  const whole = word !== undefined && sub ? `${word}/${sub}` : word;
  return typeWord(whole) ?? typeWord(word) ?? plainType;
}

/** Whether every character is ASCII. */
export function isAsciiText(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}

/** A reading of which nothing is known but its type and time. */
export function plain(type: string, time: number | null = null): Reading {
  return { time, kind: "emit", type };
}
