/**
 * What an event says, on one line: the words of a message, the name and input of a tool, an error.
 * It knows the shapes that agents write (Claude Code, Codex, the message APIs of model vendors);
 * of anything else it shows the beginning of the JSON. Data may be anything, and of any depth.
 */
import type { EventObject } from "../client/index.ts";
import { byteSize, clipped } from "./wording.ts";

const charsMax = 200;
const depthMax = 6;
const partsMax = 4;
/** Members that hold what was said, in the order in which they are asked. */
const telling = ["text", "content", "message", "payload", "prompt", "output", "summary", "value"];
const named = ["name", "tool", "command", "action"];
const inputs = ["input", "arguments", "args", "params"];

type Members = Readonly<Record<string, unknown>>;

/** The event on one line, and whether it says that something failed. */
export interface EventSummary {
  readonly text: string;
  readonly failed: boolean;
}

/** See above; at most about 200 characters. */
export function eventSummary({ kind, data, blob, form }: EventObject): EventSummary {
  if (blob) return { text: `${byteSize(blob.size)} of ${form ?? "data"}`, failed: false };
  if (data === undefined) return { text: "", failed: false };
  const error = kind === "result" || kind === "end" ? errorOf(data) : undefined;
  if (error !== undefined) return { text: clipped(error, charsMax), failed: true };
  const told = withoutWrapping(kind, data);
  if (told instanceof Uint8Array) return { text: byteSize(told.length), failed: false };
  if (isMembers(told) && Object.keys(told).length === 0) return { text: "", failed: false };
  return { text: clipped(said(told, 0) ?? json(told), charsMax), failed: false };
}

/** The input of a call and the value of a result, which are what they are about. */
function withoutWrapping(kind: EventObject["kind"], data: unknown): unknown {
  const member = kind === "call" ? "input" : kind === "result" ? "value" : undefined;
  if (member === undefined || !isMembers(data) || !Object.hasOwn(data, member)) return data;
  return data[member];
}

function errorOf(data: unknown): string | undefined {
  if (!isMembers(data) || !isMembers(data["error"])) return undefined;
  const { name, message } = data["error"];
  return [name, message].filter((text) => typeof text === "string").join(": ") || json(data);
}

/** What a value says; nothing where it has none of the members that say something. */
function said(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value;
  if (depth > depthMax) return undefined;
  if (Array.isArray(value)) return partsOf(value, depth);
  if (!isMembers(value)) return undefined;
  const call = toolCall(value);
  if (call !== undefined) return call;
  for (const key of telling) {
    if (!Object.hasOwn(value, key)) continue;
    const found = said(value[key], depth + 1);
    if (found !== undefined && found !== "") return withRole(value, found);
  }
  if (typeof value["thinking"] === "string") return `(thinking) ${value["thinking"]}`;
  return undefined;
}

function partsOf(values: readonly unknown[], depth: number): string | undefined {
  const parts = values.slice(0, partsMax).map((part) => said(part, depth + 1));
  const found = parts.filter((part) => part !== undefined);
  return found.length === 0 ? undefined : found.join(" · ");
}

function withRole({ role }: Members, text: string): string {
  return typeof role === "string" ? `${role}: ${text}` : text;
}

/** `name {input}` of what looks like the call of a tool. */
function toolCall(value: Members): string | undefined {
  const input = inputs.find((key) => Object.hasOwn(value, key));
  const name = named.find((key) => typeof value[key] === "string");
  if (input === undefined || name === undefined) return undefined;
  const given = value[input];
  return `${value[name]} ${typeof given === "string" ? given : json(given)}`;
}

function isMembers(value: unknown): value is Members {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Uint8Array);
}

/**
 * The beginning of the JSON of a value; of a large one only the beginning is written. JSON has no
 * form for bytes, of which it says how many they are, and for integers beyond those of a double.
 */
function json(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  let left = charsMax;
  const text = JSON.stringify(value, (key, member: unknown) => {
    left -= key.length + 4;
    if (typeof member === "bigint") return `${member}n`;
    if (member instanceof Uint8Array) return byteSize(member.length);
    if (typeof member === "string") {
      const shown = member.slice(0, Math.max(left, 0));
      left -= shown.length;
      return shown;
    }
    if (left > 0) return member;
    return typeof member === "object" && member !== null ? undefined : member;
  });
  return text ?? "";
}
