/**
 * A value as an indented tree for people, as `util.inspect` shows it but the same on every machine
 * and in every version of Node: keys in their order, nothing left out, short things on one line.
 */
import type { Output } from "./output.ts";
import { visible } from "./terminal-text.ts";

/** How words of a tree are set off; the identity where there are no colours. */
export interface TreeStyles {
  key(text: string): string;
  text(text: string): string;
  number(text: string): string;
  dim(text: string): string;
}

/** A tree without colours. */
export const plainStyles: TreeStyles = {
  key: (text) => text,
  text: (text) => text,
  number: (text) => text,
  dim: (text) => text,
};

const columnsMax = 96;
const bytesShown = 32;

/** The lines of the tree, as one text without a last newline. */
export function valueTree(value: unknown, styles: TreeStyles = plainStyles): string {
  return branch(value, 0, 0, styles);
}

/** `used`: columns taken on the line that the value begins on. */
function branch(value: unknown, depth: number, used: number, styles: TreeStyles): string {
  if (!isBranch(value) || fitsOneLine(value, columnsMax - used)) return styled(value, styles);
  const indent = "  ".repeat(depth + 1);
  const end = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const items = value.map((item) => {
      return `${indent}${branch(item, depth + 1, indent.length + 1, styles)}`;
    });
    return `[\n${items.join(",\n")}\n${end}]`;
  }
  const members = Object.entries(value).map(([key, member]) => {
    const name = keyText(key);
    const text = branch(member, depth + 1, indent.length + name.length + 3, styles);
    return `${indent}${styles.key(name)}: ${text}`;
  });
  return `{\n${members.join(",\n")}\n${end}}`;
}

/** Whether the value fits `room` columns on one line. */
function fitsOneLine(value: object, room: number): boolean {
  return membersWithin(value, room) && styled(value, plainStyles).length <= room;
}

/** Whether there are few enough members: so that of a large value only a few are looked at. */
function membersWithin(value: object, room: number): boolean {
  let left = room;
  const pending: object[] = [value];
  for (let one = pending.pop(); one && left >= 0; one = pending.pop()) {
    const members: unknown[] = Array.isArray(one) ? one : Object.values(one);
    // A member takes three columns at least: one character, a comma, a space.
    left -= 3 * members.length;
    if (left < 0) return false;
    for (const member of members) if (isBranch(member)) pending.push(member);
  }
  return left >= 0;
}

function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

/** The value on one line. */
function styled(value: unknown, styles: TreeStyles): string {
  if (!isBranch(value)) return leaf(value, styles);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[ ${value.map((item) => styled(item, styles)).join(", ")} ]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const members = entries.map(([key, member]) => {
    return `${styles.key(keyText(key))}: ${styled(member, styles)}`;
  });
  return `{ ${members.join(", ")} }`;
}

function leaf(value: unknown, styles: TreeStyles): string {
  if (typeof value === "string") return styles.text(visible(JSON.stringify(value)));
  if (typeof value === "bigint") return styles.number(`${value}n`);
  if (typeof value === "number") return styles.number(Object.is(value, -0) ? "-0" : String(value));
  if (value instanceof Uint8Array) return styles.dim(bytesText(value));
  return styles.dim(String(value));
}

function bytesText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, bytesShown)).toString("hex");
  return `<${bytes.length} bytes: ${shown}${bytes.length > bytesShown ? "…" : ""}>`;
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : visible(JSON.stringify(key));
}

/** The styles of a tree that goes where results go. */
export function treeStyles(output: Output): TreeStyles {
  return {
    key: (text) => text,
    text: (text) => output.style("green", text),
    number: (text) => output.style("yellow", text),
    dim: (text) => output.style("dim", text),
  };
}
