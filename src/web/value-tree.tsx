/**
 * Plain data as a tree that opens where it is clicked. Nothing is rendered before it is looked at,
 * and of long lists only a part, so a state of many megabytes costs what is seen of it.
 */
import { useState } from "preact/hooks";
import { toHex } from "../base/index.ts";
import { byteSize, clipped, count } from "./wording.ts";

const membersShown = 100;
const textShown = 600;
const bytesShown = 32;
const openDepth = 3;
const openMembers = 40;

/** A value, with what it is called in the value around it. */
export function ValueTree({ value, name, depth = 0 }: Branch) {
  const [open, setOpen] = useState(depth === 0 || (depth <= openDepth && isSmall(value)));
  if (!isBranch(value)) {
    return (
      <div class="leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="dim">{outline(value)}</span>
      </summary>
      {open && <Members value={value} depth={depth} />}
    </details>
  );
}

interface Branch {
  readonly value: unknown;
  readonly name?: string;
  readonly depth?: number;
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span class="key">{name}: </span>;
}

function Members({ value, depth }: { readonly value: object; readonly depth: number }) {
  const [shown, setShown] = useState(membersShown);
  const members = Object.entries(value);
  const left = members.length - shown;
  return (
    <div class="members">
      {members.slice(0, shown).map(([key, member]) => (
        <ValueTree key={key} value={member} name={key} depth={depth + 1} />
      ))}
      {left > 0 && (
        <button type="button" onClick={() => setShown(shown + 10 * membersShown)}>
          {count(left)} more
        </button>
      )}
    </div>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  if (typeof value === "string") return <Text text={value} />;
  if (value instanceof Uint8Array) {
    const beginning = toHex(value.subarray(0, bytesShown));
    const more = value.length > bytesShown ? "…" : "";
    return <span class="dim">{`${byteSize(value.length)}: ${beginning}${more}`}</span>;
  }
  if (typeof value === "bigint") return <span class="number">{`${value}n`}</span>;
  if (typeof value === "number") {
    return <span class="number">{Object.is(value, -0) ? "-0" : String(value)}</span>;
  }
  return <span class="word">{String(value)}</span>;
}

function Text({ text }: { readonly text: string }) {
  const [whole, setWhole] = useState(text.length <= textShown);
  const shown = whole ? text : text.slice(0, textShown);
  return (
    <span class={text.includes("\n") ? "text lines" : "text"}>
      {shown}
      {!whole && (
        <button type="button" onClick={() => setWhole(true)}>
          {`… ${count(text.length - textShown)} more characters`}
        </button>
      )}
    </span>
  );
}

function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

function isSmall(value: unknown): boolean {
  return isBranch(value) && Object.keys(value).length <= openMembers;
}

function outline(value: object): string {
  if (Array.isArray(value)) return `[${count(value.length)}]`;
  const keys = Object.keys(value);
  return keys.length === 0 ? "{}" : clipped(`{ ${keys.slice(0, 8).join(", ")} }`, 60);
}
