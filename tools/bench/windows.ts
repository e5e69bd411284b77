// Reading a file from front to back in windows of bounded size, as the bare loops do that Reach is
// compared with: one buffer, no copies but of what a window cuts off.

import { closeSync, openSync, readSync } from "node:fs";

const windowBytes = 1024 * 1024;

/**
 * Calls `take` with all bytes of a file from `position` on, window by window. It returns where the
 * rest begins that it could not take yet: that comes again, in front of the next window.
 */
export function readWindows(
  file: string,
  take: (bytes: Buffer, end: number) => number,
  position = 0,
): void {
  const descriptor = openSync(file, "r");
  let buffer: Buffer = Buffer.allocUnsafeSlow(windowBytes);
  let filled = 0;
  let at = position;
  try {
    for (;;) {
      if (filled === buffer.length) buffer = grown(buffer);
      const read = readSync(descriptor, buffer, filled, buffer.length - filled, at);
      if (read === 0) return;
      at += read;
      filled += read;
      const rest = take(buffer, filled);
      buffer.copyWithin(0, rest, filled);
      filled -= rest;
    }
  } finally {
    closeSync(descriptor);
  }
}

function grown(buffer: Buffer): Buffer {
  const larger = Buffer.allocUnsafeSlow(2 * buffer.length);
  buffer.copy(larger);
  return larger;
}
