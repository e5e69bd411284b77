/**
 * Whether a record would take many times its own size once it is parsed: `JSON.parse` needs some 45
 * bytes for each level of nesting and 60 for each `{}` (measured, Node 20), so a line of 32 MiB
 * could take more than a gigabyte. Such a record is kept as it is, and not read.
 */
import type { Buffer } from "node:buffer";
import { ascii } from "./value-scan.ts";

/** Smaller records are parsed whatever they hold. */
const lightBytes = 256 * 1024;
/** Nesting that is read. */
const depthMax = 10_000;
/** Arrays and objects that are read: 128 MiB for the smallest ones. */
const containersMax = 2 ** 21;

/** Whether the record in `bytes` is nested too deeply or holds too many objects to be parsed. */
export function isTooHeavy(bytes: Buffer): boolean {
  if (bytes.length <= lightBytes) return false;
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === ascii.quote) {
      at = closingQuote(bytes, at + 1);
      if (at < 0) return false;
    } else if (byte === ascii.bracketOpen || byte === ascii.braceOpen) {
      depth += 1;
      containers += 1;
      if (depth > depthMax || containers > containersMax) return true;
    } else if (byte === ascii.bracketClose || byte === ascii.braceClose) depth -= 1;
  }
  return false;
}

/** The index of the quote that ends the string which begins at `start`, or -1. */
function closingQuote(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(ascii.quote, start); at >= 0; ) {
    let before = at;
    while (before > start && bytes[before - 1] === ascii.backslash) before -= 1;
    if ((at - before) % 2 === 0) return at;
    at = bytes.indexOf(ascii.quote, at + 1);
  }
  return -1;
}
