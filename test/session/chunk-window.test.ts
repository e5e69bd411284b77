/** Payloads of a bundle come out as they went in, however far apart repetitions are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf, equalBytes, sha256, utf8 } from "../../src/base/index.ts";
import { PayloadReader, PayloadWriter } from "../../src/session/chunk-window.ts";
import { noise, randomFrom } from "./sample-session.ts";

const windowBytes = 96 * 1024;

/** Sections of payloads, and the literal bytes in them, about. */
function written(payloads: readonly Uint8Array[]): Uint8Array[] {
  const sections: Uint8Array[] = [];
  const emit = (content: Uint8Array): void => void sections.push(Uint8Array.from(content));
  const writer = new PayloadWriter(20_000, emit, windowBytes);
  for (const payload of payloads) {
    writer.begin(sha256(payload), payload.length);
    for (let at = 0; at < payload.length; at += 7001) writer.push(payload.subarray(at, at + 7001));
    writer.end();
  }
  writer.flush();
  return sections;
}

function read(sections: readonly Uint8Array[]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let name: Uint8Array = new Uint8Array(0);
  const reader = new PayloadReader(
    {
      begin: (claimed) => {
        name = claimed;
        parts = [];
      },
      data: (bytes) => void parts.push(Uint8Array.from(bytes)),
      end: () => {
        const payload = Uint8Array.from(Buffer.concat(parts));
        expect(equalBytes(sha256(payload), name)).toBe(true);
        payloads.push(payload);
      },
    },
    windowBytes,
  );
  for (const section of sections) {
    for (let at = 0; at < section.length; ) at = reader.read(section, at);
  }
  expect(reader.open).toBe(false);
  return payloads;
}

function size(sections: readonly Uint8Array[]): number {
  return sections.reduce((sum, section) => sum + section.length, 0);
}

const blocks = Array.from({ length: 7 }, (_, i) => utf8(noise(90_000, randomFrom(i))));

function block(i: number, bytes: number): Uint8Array {
  return (blocks[i] as Uint8Array).subarray(0, bytes);
}

test("payloads of any sizes that share anything come out whole", () => {
  const part = fc.record({ block: fc.nat(6), bytes: fc.constantFrom(0, 1, 700, 9000, 40_000) });
  const payload = fc.array(part, { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 12 }), (recipes) => {
      const payloads = recipes.map((parts) => {
        return Uint8Array.from(Buffer.concat(parts.map(({ block: i, bytes }) => block(i, bytes))));
      });
      const out = read(written(payloads));
      expect(out.length).toBe(payloads.length);
      expect(out.every((one, i) => equalBytes(one, payloads[i] as Uint8Array))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("what was said within the window is said once, what is longer ago again", () => {
  const long = block(1, 50_000);
  const near = size(written([long, block(2, 20_000), long]));
  const far = size(written([long, block(2, 90_000), long]));
  expect(near).toBeLessThan(50_000 + 20_000 + 1500);
  expect(far).toBeGreaterThan(50_000 + 90_000 + 50_000);
});

test("sections are read in order or refused, never taken for other payloads", () => {
  const sections = written([block(1, 30_000), block(2, 30_000), block(1, 30_000)]);
  expect(sections.length).toBeGreaterThan(2);
  const [first, ...rest] = sections;
  let error: unknown;
  try {
    read([...rest, first as Uint8Array]);
  } catch (thrown) {
    error = thrown;
  }
  expect(codeOf(error)).toBe("BUNDLE_INVALID");
});

test("a small section that stands for much is followed in strides", () => {
  const payload = new Uint8Array(20_000_000);
  const sections = written([payload]);
  expect(size(sections)).toBeLessThan(100_000);
  let bytes = 0;
  const strides: number[] = [];
  const data = (more: Uint8Array): void => {
    bytes += more.length;
  };
  const reader = new PayloadReader({ begin: () => {}, data, end: () => {} }, windowBytes);
  for (const section of sections) {
    for (let at = 0; at < section.length; ) {
      const before = bytes;
      at = reader.read(section, at);
      strides.push(bytes - before);
    }
  }
  expect(bytes).toBe(payload.length);
  expect(Math.max(...strides)).toBeLessThan(1.1 * 1024 * 1024);
});
