// Events: what is in the header comes back, what cannot be an event is refused on both ways, and
// the bytes of version 1 stay what they are.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf, concat, encodeValue, fromHex, toHex, utf8 } from "../../src/base/index.ts";
import {
  checkEventBytes,
  type EventHeader,
  EventView,
  encodeBlobRef,
  encodeEvent,
  encodeInline,
  eventBytesBound,
  eventKinds,
  SaltSource,
  writeEvent,
} from "../../src/event/index.ts";
import { firstDifference } from "../base/exact.ts";
import { plainValues, texts } from "../base/plain-values.ts";
import { suitePath, withSuite } from "../merkle/outside-suites.ts";

const salt = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
const nothing = encodeValue(null);

const types = texts.map((text) => {
  let type = text.toWellFormed();
  while (utf8(type).length > 256) type = [...type].slice(0, -1).join("");
  return type;
});
const headers: fc.Arbitrary<EventHeader> = fc
  .record({
    seq: fc.maxSafeNat(),
    time: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1)),
    kind: fc.constantFrom(...eventKinds),
    type: types,
    before: fc.option(fc.maxSafeNat()),
  })
  .map(({ before, ...header }) => {
    const ref = before === null || header.seq === 0 ? null : before % header.seq;
    return { ...header, ref };
  });

function headerOf(view: EventHeader): EventHeader {
  return { seq: view.seq, time: view.time, kind: view.kind, type: view.type, ref: view.ref };
}

function codeThrownBy(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return codeOf(error) ?? `not an error of Reach: ${String(error)}`;
  }
  return undefined;
}

describe("an event", () => {
  it("gives back its header, its salt and its data, whatever they are", () => {
    fc.assert(
      fc.property(headers, plainValues, (header, value) => {
        const data = encodeValue(value);
        const bytes = encodeEvent(header, salt, data);
        const view = new EventView(bytes);
        expect(headerOf(view)).toEqual(header);
        expect(toHex(view.salt)).toBe(toHex(salt));
        expect(toHex(view.dataBytes)).toBe(toHex(data));
        expect(toHex(view.bytes)).toBe(toHex(bytes));
        expect(bytes.length).toBeLessThanOrEqual(eventBytesBound(data.length));
        if (view.payload.form === "cbor") {
          expect(firstDifference(value, view.data)).toBeUndefined();
        }
        if (bytes.length <= 65_535) expect(checkEventBytes(bytes)).toBeUndefined();
      }),
      { numRuns: 700 },
    );
  });

  it("with the largest header there is stays within the bound", () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const header: EventHeader = {
      seq: largest,
      time: largest,
      kind: "end",
      type: "t".repeat(256),
      ref: largest - 1,
    };
    const bytes = encodeEvent(header, salt, nothing);
    expect(bytes.length).toBe(eventBytesBound(1));
    expect(headerOf(new EventView(bytes))).toEqual(header);
  });

  it("is written in place and touches nothing beside it", () => {
    const header: EventHeader = { seq: 300, time: 70_000, kind: "emit", type: "note", ref: 299 };
    const target = new Uint8Array(100).fill(0xee);
    const end = writeEvent(target, 7, header, salt, nothing);
    expect(toHex(target.subarray(7, end))).toBe(toHex(encodeEvent(header, salt, nothing)));
    expect(target.subarray(0, 7).every((byte) => byte === 0xee)).toBe(true);
    expect(target.subarray(end).every((byte) => byte === 0xee)).toBe(true);
  });

  it("is a CBOR array that anybody can read", () => {
    const header: EventHeader = { seq: 5, time: 1e12, kind: "result", type: "tool", ref: 2 };
    const bytes = encodeEvent(header, salt, encodeValue({ ok: true }));
    const whole = encodeValue([5, 1e12, 3, "tool", 2, salt, { ok: true }]);
    expect(toHex(bytes)).toBe(toHex(whole));
  });

  it("of version 1 has these bytes for ever", () => {
    const header: EventHeader = {
      seq: 48_213,
      time: 1_768_972_550_831,
      kind: "result",
      type: "tool_result",
      ref: 48_211,
    };
    const data = encodeValue({ id: "toolu_1", ok: true, ms: 12.5 });
    const hex =
      "87" +
      "19bc55" +
      "1b0000019bdefb02af" +
      "03" +
      "6b746f6f6c5f726573756c74" +
      "19bc53" +
      "50a0a1a2a3a4a5a6a7a8a9aaabacadaeaf" +
      "a362696467746f6f6c755f31626f6bf5626d73fb4029000000000000";
    expect(toHex(encodeEvent(header, salt, data))).toBe(hex);
    const view = new EventView(fromHex(hex) as Uint8Array);
    expect(headerOf(view)).toEqual(header);
    expect(view.data).toEqual({ id: "toolu_1", ok: true, ms: 12.5 });
  });

  it("has a kind that is a number, which never changes", () => {
    expect(eventKinds.map((kind, number) => `${number} ${kind}`)).toEqual([
      "0 trigger",
      "1 input",
      "2 call",
      "3 result",
      "4 timer",
      "5 cancel",
      "6 emit",
      "7 step",
      "8 note",
      "9 fork",
      "10 end",
    ]);
  });

  withSuite("naughty-strings/blns.json", () => {
    it("has any naughty string as its type, as far as it fits", () => {
      const text = readFileSync(suitePath("naughty-strings/blns.json"), "utf8");
      for (const type of JSON.parse(text) as string[]) {
        const header: EventHeader = { seq: 1, time: 2, kind: "emit", type, ref: null };
        const write = (): Uint8Array => encodeEvent(header, salt, nothing);
        if (utf8(type).length > 256) expect(codeThrownBy(write)).toBe("EVENT_INVALID");
        else expect(new EventView(write()).type).toBe(type);
      }
    });
  });
});

describe("what can be no event is refused when it is written", () => {
  const good: EventHeader = { seq: 7, time: 1, kind: "emit", type: "t", ref: null };
  it.each<[string, object]>([
    ["a type of 257 bytes", { type: "t".repeat(257) }],
    ["a type of 129 characters but 258 bytes", { type: "ä".repeat(129) }],
    ["a type with a lone surrogate", { type: "a\ud83d" }],
    ["a type that is no text", { type: 5 }],
    ["a type that is missing", { type: undefined }],
    ["a negative time", { time: -1 }],
    ["a time with a fraction", { time: 0.5 }],
    ["a time that is not a number", { time: Number.NaN }],
    ["a time that is a text", { time: "2025-01-01" }],
    ["a time above 2^53", { time: 2 ** 53 }],
    ["a reference to itself", { ref: 7 }],
    ["a reference to a later one", { ref: 8 }],
    ["a negative reference", { ref: -1 }],
    ["a reference that is missing", { ref: undefined }],
    ["an unknown kind", { kind: "unknown" }],
    ["a kind that every object has", { kind: "constructor" }],
  ])("%s", (_name, part) => {
    const header = { ...good, ...part } as EventHeader;
    expect(codeThrownBy(() => encodeEvent(header, salt, nothing))).toBe("EVENT_INVALID");
  });

  it.each<[string, () => unknown]>([
    ["a negative seq", () => encodeEvent({ ...good, seq: -1 }, salt, nothing)],
    ["a salt that is too short", () => encodeEvent(good, salt.subarray(1), nothing)],
    ["a salt that is too long", () => encodeEvent(good, concat(salt, salt), nothing)],
    ["no data", () => encodeEvent(good, salt, new Uint8Array(0))],
  ])("%s is a bug of the caller", (_name, write) => {
    expect(codeThrownBy(write)).toBe("BUG");
  });
});

/** Looks at everything of bytes that may be an event; fails on any error but one of Reach. */
function lookAt(bytes: Uint8Array): void {
  const code = codeThrownBy(() => {
    const view = new EventView(bytes, { get: () => utf8('{"a":1}') });
    return [view.type, view.salt, view.payload, view.data];
  });
  expect([undefined, "CORRUPT"]).toContain(code);
  if (checkEventBytes(bytes) !== undefined) return;
  const view = new EventView(bytes);
  if (view.payload.form !== "blob") expect(code).toBeUndefined();
  expect(toHex(encodeEvent(view, view.salt, view.dataBytes))).toBe(toHex(bytes));
}

describe("bytes that may be an event", () => {
  const datas: Uint8Array[] = [
    encodeValue({ a: [1, "text", new Uint8Array(3)] }),
    encodeInline("json", utf8('{"n":52.0,"s":"\\ud83d"}')),
    encodeInline("bytes", Uint8Array.of(1, 2, 3)),
    encodeBlobRef({ sha256: new Uint8Array(32).fill(7), size: 5000, form: "json" }),
  ];
  const header: EventHeader = { seq: 300, time: 1.7e12, kind: "result", type: "tool", ref: 299 };

  it("with any byte set to anything are looked at without another error than CORRUPT", () => {
    for (const data of datas) {
      const bytes = encodeEvent(header, salt, data);
      for (let at = 0; at < bytes.length; at++) {
        for (let byte = 0; byte < 256; byte += at < 30 ? 1 : 17) {
          const changed = bytes.slice();
          changed[at] = byte;
          lookAt(changed);
        }
      }
    }
  });

  it("cut short anywhere, or with something behind, are no event", () => {
    for (const data of datas) {
      const bytes = encodeEvent(header, salt, data);
      for (let length = 0; length < bytes.length; length++) {
        lookAt(bytes.subarray(0, length));
        expect(checkEventBytes(bytes.subarray(0, length))).toBeDefined();
      }
      expect(checkEventBytes(concat(bytes, Uint8Array.of(0)))).toBeDefined();
    }
  });

  it("that are random are looked at without another error than CORRUPT", () => {
    const one = fc.uint8Array({ maxLength: 120 });
    fc.assert(
      fc.property(one, (bytes) => {
        lookAt(bytes);
        lookAt(concat(encodeEvent(header, salt, nothing).subarray(0, 20), bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, number[], string]>([
    ["a head of the seq that is longer than needed", [0x18, 0x05, 0, 0, 0x61, 0x74, 0xf6], "form"],
    ["a reference to itself", [5, 0, 0, 0x61, 0x74, 5], "not before it"],
    ["a type that is no UTF-8", [5, 0, 0, 0x61, 0xff, 0xf6], "form"],
    ["a kind that does not exist", [5, 0, 11, 0x61, 0x74, 0xf6], "none"],
    ["a type of bytes", [5, 0, 0, 0x41, 0x74, 0xf6], "none"],
    [
      "a type of 257 bytes",
      [5, 0, 0, 0x79, 1, 1, ...new Array(257).fill(0x61), 0xf6],
      "of 257 bytes",
    ],
    ["a negative time", [5, 0x20, 0, 0x61, 0x74, 0xf6], "none"],
    ["an undefined reference", [5, 0, 0, 0x61, 0x74, 0xf7], "none"],
  ])("with %s are refused where they come from a stranger", (_name, head, problem) => {
    const bytes = Uint8Array.of(0x87, ...head, 0x50, ...salt, 0xf6);
    expect(checkEventBytes(bytes)).toContain(problem);
  });

  it.each<[string, string]>([
    ["a value in another form", "1801"],
    ["two values", "0000"],
    ["a CBOR item that Reach does not write", "c11a00000000"],
    ["JSON that is none", "d9010642 7b7b"],
    ["JSON that is no UTF-8", "d9010643 22ff22"],
    ["JSON that is longer than it says", "d9010641 7b7d"],
    ["JSON behind a head that is longer than needed", "d901065802 7b7d"],
    ["bytes that are fewer than they say", "43 0102"],
    ["bytes behind a head that is longer than needed", "5801 01"],
    ["a blob reference without a name", "da524541008341000100"],
    ["a blob reference of no form", `da5245410083 5820${"07".repeat(32)} 191388 03`],
    ["a blob reference to a member of an array", `da5245410083 5820${"07".repeat(32)} 00 6361745f`],
    ["a blob reference of a negative size", `da5245410083 5820${"07".repeat(32)} 20 01`],
    ["a blob reference with something more", `da5245410084 5820${"07".repeat(32)} 00 01 00`],
  ])("whose data is %s are refused where they come from a stranger", (_name, hex) => {
    const data = fromHex(hex.replaceAll(" ", "")) as Uint8Array;
    const bytes = encodeEvent(header, salt, data);
    expect(checkEventBytes(bytes)).toBeDefined();
    lookAt(bytes);
  });

  it("more than 65,535 are refused", () => {
    const bytes = encodeEvent(header, salt, encodeInline("bytes", new Uint8Array(65_500)));
    expect(checkEventBytes(bytes)).toContain("larger than an event may be");
  });

  it("hold data nested to the limit of data", () => {
    const nested = concat(new Uint8Array(512).fill(0x81), Uint8Array.of(0));
    expect(checkEventBytes(encodeEvent(header, salt, nested))).toBeUndefined();
    expect(
      checkEventBytes(encodeEvent(header, salt, concat(Uint8Array.of(0x81), nested))),
    ).toContain("too deep");
  });
});

describe("salts", () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

  it("of version 1 are these for ever", () => {
    const source = new SaltSource(secret);
    const found = [0, 1, 2, 3, 1_000_000].map((seq) => toHex(source.at(seq)));
    expect(found).toEqual([
      "c45cff04b2c105707d5e6f4160fd4a93",
      "adea39b8f16f12ebca54bf6629c943a4",
      "72fad4e33606c921bcc9dd431250117c",
      "4a84d5e4a93ed755339be5cb46d3ec82",
      "7a296e539ed0cc5dae42ed48b51a3974",
    ]);
  });

  it("are the same in whatever order they are asked for", () => {
    const prepared = new SaltSource(secret);
    for (const [seq, count] of [
      [5, 4],
      [6, 1],
      [0, 0],
      [3, 50],
    ] as const) {
      prepared.prepare(seq, count);
      const hex = (source: SaltSource): string[] =>
        Array.from({ length: 60 }, (_, i) => toHex(source.at(i)));
      expect(hex(prepared)).toEqual(hex(new SaltSource(secret)));
    }
    const inOrder = new SaltSource(secret);
    const all = Array.from({ length: 200 }, (_, seq) => toHex(inOrder.at(seq)));
    const backwards = new SaltSource(secret);
    for (let seq = 199; seq >= 0; seq--) expect(toHex(backwards.at(seq))).toBe(all[seq]);
  });

  it("differ between events and between sessions", () => {
    const other = secret.slice();
    other[31] = 0;
    const sources = [new SaltSource(secret), new SaltSource(other)];
    const all = sources.flatMap((source) =>
      Array.from({ length: 5000 }, (_, seq) => toHex(source.at(seq))),
    );
    expect(new Set(all).size).toBe(10_000);
    expect(all.every((one) => one.length === 32)).toBe(true);
  });

  it("need a secret of 32 bytes", () => {
    expect(codeThrownBy(() => new SaltSource(secret.subarray(1)))).toBe("BUG");
  });
});
