/**
 * Bodies as messages, and messages as bodies. A stream of bytes has one message for each append; a
 * stream of JSON has one for each value, and an array stands for its items (Durable Streams
 * protocol, section 9.1). Every message is kept as the very bytes that came.
 */
import { parseJson } from "../../base/index.ts";
import type { NewEvent } from "../../session/index.ts";
import { HttpError } from "../problem.ts";
import { messageType } from "./stream-note.ts";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/** The messages of a body. Throws `REQUEST_INVALID` for JSON that is none. */
export function messagesOf(body: Uint8Array, json: boolean, time: number): NewEvent[] {
  if (body.length === 0) return [];
  const form = json ? ("json" as const) : ("bytes" as const);
  const texts = json ? valuesOf(body) : [body];
  return texts.map((bytes) => {
    return { kind: "emit", type: messageType, time, ref: null, form, bytes };
  });
}

/** The values of a JSON text: the items of an array, else the one that it is. */
function valuesOf(body: Uint8Array): Uint8Array[] {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    // What is wrong with it could quote it.
    throw new HttpError("REQUEST_INVALID", "the body is no JSON");
  }
  const text = trimmed(body, 0, body.length);
  return Array.isArray(value) ? itemsOf(text, value.length) : [text];
}

/** The texts of the items of an array that is valid JSON. */
function itemsOf(text: Uint8Array, count: number): Uint8Array[] {
  if (count === 0) return [];
  const items: Uint8Array[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === quote) at = behindText(text, at) - 1;
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    else if (byte === comma && depth === 1) {
      items.push(trimmed(text, start, at));
      start = at + 1;
    }
  }
  items.push(trimmed(text, start, text.length - 1));
  return items;
}

/** The place behind the string that begins at `at`. */
function behindText(text: Uint8Array, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === backslash) i += 1;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function trimmed(text: Uint8Array, from: number, to: number): Uint8Array {
  let start = from;
  let end = to;
  while (start < end && isSpace(text[start])) start += 1;
  while (end > start && isSpace(text[end - 1])) end -= 1;
  return text.subarray(start, end);
}

const opening = Buffer.from("[");
const separator = Buffer.from(",");
const closing = Buffer.from("]");

/** Messages in a row as one body. */
export function bodyOf(messages: readonly Uint8Array[], json: boolean): Buffer {
  if (!json) return Buffer.concat(messages);
  const parts: Uint8Array[] = [opening];
  for (const [i, message] of messages.entries()) {
    if (i > 0) parts.push(separator);
    parts.push(message);
  }
  parts.push(closing);
  return Buffer.concat(parts);
}
