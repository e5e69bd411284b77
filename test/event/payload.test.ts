// Payloads: a value, the exact text of a record, bytes, or a reference to a blob of one of these;
// whatever a user writes, it is never taken for another form.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf, decodeValue, encodeValue, fromHex, toHex, utf8 } from "../../src/base/index.ts";
import {
  type BlobRef,
  EventView,
  encodeBlobRef,
  encodeEvent,
  encodeInline,
  inlineOverhead,
  type PayloadForm,
  payloadForms,
  payloadOf,
  valueOf,
} from "../../src/event/index.ts";
import { firstDifference } from "../base/exact.ts";
import { plainValues } from "../base/plain-values.ts";

const sha256 = Uint8Array.from({ length: 32 }, (_, i) => i);

function codeThrownBy(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return codeOf(error) ?? `not an error of Reach: ${String(error)}`;
  }
  return undefined;
}

describe("a payload", () => {
  it("inline comes back as its form and its very bytes, and its overhead is foreseen", () => {
    const forms = fc.constantFrom<PayloadForm>("json", "bytes");
    const sizes = fc.oneof(fc.nat(300), fc.constantFrom(23, 24, 255, 256, 4096, 65_535, 65_536));
    fc.assert(
      fc.property(forms, sizes, (form, size) => {
        const bytes = new Uint8Array(size).fill(0x7b);
        const data = encodeInline(form, bytes);
        expect(data.length).toBe(size + inlineOverhead(form, size));
        const payload = payloadOf(data);
        expect(payload).toMatchObject({ form });
        expect("bytes" in payload && toHex(payload.bytes)).toBe(toHex(bytes));
      }),
      { numRuns: 200 },
    );
  });

  it("that a user wrote is a value, or bytes where it is bytes, and nothing else", () => {
    fc.assert(
      fc.property(plainValues, (value) => {
        const data = encodeInline("cbor", encodeValue(value));
        const payload = payloadOf(data);
        expect(payload.form).toBe(value instanceof Uint8Array ? "bytes" : "cbor");
        expect(firstDifference(value, valueOf(payload, undefined))).toBeUndefined();
        expect(inlineOverhead("cbor", data.length)).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it("in the store comes back as its reference, and is fetched as what it is", () => {
    const value = { text: "x".repeat(5000), list: [1, 2n, -0] };
    const stored: Record<PayloadForm, [Uint8Array, unknown]> = {
      cbor: [encodeValue(value), value],
      json: [utf8('{"a":[52.0,1e400,"\\ud83d"]}'), { a: [52, Number.POSITIVE_INFINITY, "\ud83d"] }],
      bytes: [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)],
    };
    for (const form of payloadForms) {
      const [bytes, expected] = stored[form];
      for (const size of [0, bytes.length, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        const ref: BlobRef = { sha256, size, form };
        const payload = payloadOf(encodeBlobRef(ref));
        expect(payload).toEqual({ form: "blob", ref });
        const names: string[] = [];
        const get = (name: Uint8Array): Uint8Array => {
          names.push(toHex(name));
          return bytes;
        };
        expect(firstDifference(expected, valueOf(payload, { get }))).toBeUndefined();
        expect(names).toEqual([toHex(sha256)]);
        expect(codeThrownBy(() => valueOf(payload, undefined))).toBe("BLOB_MISSING");
      }
    }
  });

  it("of version 1 has these bytes for ever", () => {
    const name = toHex(sha256);
    expect(toHex(encodeInline("json", utf8('{"n":52.0}')))).toBe("d901064a7b226e223a35322e307d");
    expect(toHex(encodeInline("bytes", Uint8Array.of(1, 2)))).toBe("420102");
    expect(toHex(encodeBlobRef({ sha256, size: 5000, form: "json" }))).toBe(
      `da524541008358 20${name}19138801`.replace(" ", ""),
    );
    expect(payloadForms).toEqual(["cbor", "json", "bytes"]);
  });

  it.each<[string, string]>([
    ["bytes that are fewer than they say", "43 0102"],
    ["bytes that are more than they say", "41 0102"],
    ["bytes without a length", "5f"],
    ["JSON that is shorter than it says", "d9010643 7b7d"],
    ["JSON that is text", "d9010662 7b7d"],
    ["a reference without a name", "da5245410083 40 00 01"],
    ["a reference of no form", `da5245410083 5820${"07".repeat(32)} 00 03`],
    ["a reference with something more", `da5245410084 5820${"07".repeat(32)} 00 01 00`],
    ["a reference that is cut short", "da5245410083"],
    ["a reference that is a value", "da5245410000"],
  ])("that is damaged is CORRUPT: %s", (_name, hex) => {
    const data = fromHex(hex.replaceAll(" ", "")) as Uint8Array;
    expect(codeThrownBy(() => payloadOf(data))).toBe("CORRUPT");
  });

  it("that does not parse is CORRUPT, not another error", () => {
    for (const text of ["", "{", "nul", '{"a":1}x', '"\n"']) {
      const payload = payloadOf(encodeInline("json", utf8(text)));
      expect(codeThrownBy(() => valueOf(payload, undefined))).toBe("CORRUPT");
    }
    const noUtf8 = payloadOf(encodeInline("json", Uint8Array.of(0x22, 0xff, 0x22)));
    expect(codeThrownBy(() => valueOf(noUtf8, undefined))).toBe("CORRUPT");
    expect(codeThrownBy(() => valueOf(payloadOf(new Uint8Array(0)), undefined))).toBe("CORRUPT");
  });
});

describe("the data of an event", () => {
  const header = { seq: 0, time: 0, kind: "emit", type: "t", ref: null } as const;

  it("is decoded when it is looked at, once", () => {
    const data = encodeBlobRef({ sha256, size: 2, form: "json" });
    let fetched = 0;
    const view = new EventView(encodeEvent(header, new Uint8Array(16), data), {
      get: () => {
        fetched += 1;
        return utf8("[]");
      },
    });
    expect([view.type, view.payload.form, fetched]).toEqual(["t", "blob", 0]);
    const first = view.data;
    expect(view.data).toBe(first);
    expect(fetched).toBe(1);
  });

  it("does not change when the buffer it was read from is used again", () => {
    const value = { bytes: Uint8Array.of(1, 2, 3), text: "abc".repeat(20) };
    for (const data of [encodeValue(value), encodeInline("bytes", Uint8Array.of(1, 2, 3))]) {
      const window = Buffer.from(encodeEvent(header, new Uint8Array(16), data));
      const found = new EventView(window).data;
      const before = toHex(encodeValue(found));
      window.fill(0xff);
      expect(toHex(encodeValue(found))).toBe(before);
      const bytes = found instanceof Uint8Array ? found : (found as typeof value).bytes;
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    }
    const blob = Uint8Array.of(1, 2, 3);
    const payload = payloadOf(encodeBlobRef({ sha256, size: 3, form: "bytes" }));
    const found = valueOf(payload, { get: () => blob }) as Uint8Array;
    blob.fill(9);
    expect([...found]).toEqual([1, 2, 3]);
  });

  it("that is bytes is the same whether it came as a value or as bytes", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(toHex(encodeInline("bytes", bytes))).toBe(toHex(encodeValue(bytes)));
    expect(decodeValue(encodeInline("bytes", bytes))).toEqual(bytes);
  });
});
