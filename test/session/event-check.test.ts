// Checking an event where it lies: what stands behind it in the same memory makes no difference.

import { expect, test } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { encodeBlobRef, encodeEvent, encodeInline } from "../../src/event/index.ts";
import { EventCheck } from "../../src/session/event-check.ts";

const header = { seq: 300, time: 70_000, kind: "result", type: "sample", ref: 299 } as const;
const salt = new Uint8Array(16).fill(7);

test.each([
  ["JSON", encodeInline("json", utf8(`"${"x".repeat(300)}"`))],
  ["bytes", encodeInline("bytes", new Uint8Array(30))],
  ["a blob", encodeBlobRef({ sha256: new Uint8Array(32), size: 5000, form: "json" })],
])("an event with %s is judged by its own bytes, wherever it ends", (_, data) => {
  const event = encodeEvent(header, salt, data);
  for (const strict of [false, true]) {
    const check = new EventCheck([], strict);
    for (let end = 0; end <= event.length; end++) {
      const alone = check.fault(event.slice(0, end), 0, end, header.seq);
      const inside = new Uint8Array(event.length + 100).fill(0x46);
      inside.set(event, 50);
      expect(check.fault(inside, 50, 50 + end, header.seq)).toBe(alone);
      const whole = end === event.length;
      expect(whole ? alone : undefined).toBe(undefined);
    }
  }
});
