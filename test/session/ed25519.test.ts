/**
 * Signatures: what Node says natively and what a browser says are the same, for those of the
 * standard, for any bytes, and for odd keys and signatures, where implementations are known to
 * differ (the mixed orders and spellings of "Taming the many EdDSAs" and of ZIP-215).
 */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { concat, fromHex, toHex, utf8 } from "../../src/base/index.ts";
import { ed25519Note, fromBase64, openNote, parseVerifierKey } from "../../src/merkle/index.ts";
import { verifyEd25519, verifyEd25519Portable } from "../../src/session/ed25519.ts";
import { suitePath, withSuite } from "../merkle/outside-suites.ts";

const { Point } = ed25519;
const { Fn } = Point;
type EdPoint = typeof Point.BASE;

const bytesOf = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** What both of them say; fails where they differ. */
function verdict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const native = verifyEd25519(publicKey, message, signature);
  const portable = verifyEd25519Portable(publicKey, message, signature);
  expect(portable, `${toHex(publicKey)} ${toHex(message)} ${toHex(signature)}`).toBe(native);
  return native;
}

/** A key and the signature of a message, both by Node. */
function signed(seed: Uint8Array, message: Uint8Array) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(spki.subarray(-32));
  return { publicKey, signature: new Uint8Array(sign(null, message, key)) };
}

/** RFC 8032, section 7.1: public key, message, signature. */
const standard = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
  [
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589" +
      "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  ],
] as const;

describe("an Ed25519 signature", () => {
  it.each(standard)("of RFC 8032 by %s verifies", (key, message, signature) => {
    expect(verdict(bytesOf(key), bytesOf(message), bytesOf(signature))).toBe(true);
  });

  it("by Node verifies, and with any bit of anything changed does not", () => {
    const bit = fc.nat(7);
    const place = fc.tuple(fc.constantFrom("key", "message", "signature"), fc.nat(), bit);
    fc.assert(
      fc.property(seeds, fc.uint8Array({ minLength: 1 }), place, (seed, message, change) => {
        const { publicKey, signature } = signed(seed, message);
        expect(verdict(publicKey, message, signature)).toBe(true);
        const [what, at, position] = change;
        const parts = { key: publicKey, message, signature };
        const bytes = parts[what as keyof typeof parts];
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << position);
        expect(verdict(publicKey, message, signature)).toBe(false);
      }),
    );
  });

  it("of any other length, or by a key that is no point, is none", () => {
    const { publicKey, signature } = signed(new Uint8Array(32), utf8("x"));
    for (const size of [0, 31, 32, 63]) {
      expect(verdict(publicKey, utf8("x"), signature.subarray(0, size))).toBe(false);
    }
    expect(verdict(publicKey, utf8("x"), concat(signature, new Uint8Array(1)))).toBe(false);
    expect(verdict(publicKey.subarray(1), utf8("x"), signature)).toBe(false);
    fc.assert(fc.property(seeds, (key) => !verdict(key, utf8("x"), signature)));
  });
});

/** The eight points of small order, in every one of their spellings of 32 bytes. */
function smallOrderSpellings(): Uint8Array[] {
  const torsion = Point.fromBytes(
    bytesOf("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
  );
  const canonical = Array.from({ length: 8 }, (_, i) => timesSmall(torsion, i).toBytes());
  const field = 2n ** 255n - 19n;
  const shifted = [0n, 1n].map((y) => littleEndian(y + field));
  const all = [...canonical, ...shifted].flatMap((bytes) => [bytes, withSign(bytes)]);
  return [...new Map(all.map((bytes) => [toHex(bytes), bytes])).values()];
}

function timesSmall(point: EdPoint, count: number): EdPoint {
  let sum = Point.ZERO;
  for (let i = 0; i < count; i++) sum = sum.add(point);
  return sum;
}

function withSign(bytes: Uint8Array): Uint8Array {
  const other = Uint8Array.from(bytes);
  other[31] = (other[31] as number) ^ 0x80;
  return other;
}

function littleEndian(value: bigint): Uint8Array {
  return bytesOf(value.toString(16).padStart(64, "0")).reverse();
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}

describe("odd keys and signatures", () => {
  const spellings = smallOrderSpellings();

  it("of small order, however they are spelled, are taken by both or by neither", () => {
    expect(spellings.length).toBeGreaterThanOrEqual(14);
    const verdicts = new Set<boolean>();
    for (const key of spellings) {
      for (const r of spellings) {
        for (const message of [utf8("Zcash"), utf8("a"), utf8("b"), utf8("c")]) {
          verdicts.add(verdict(key, message, concat(r, new Uint8Array(32))));
        }
      }
    }
    // Some of them Node takes, and a strict reading would refuse.
    expect([...verdicts].sort()).toEqual([false, true]);
  });

  /** A signature whose key and R have parts of small order added to them. */
  function mixed(secret: bigint, nonce: bigint, inKey: number, inR: number, message: Uint8Array) {
    const torsion = Point.fromBytes(spellings.find((bytes) => isOfOrder8(bytes)) as Uint8Array);
    const key = Point.BASE.multiplyUnsafe(secret).add(timesSmall(torsion, inKey)).toBytes();
    const r = Point.BASE.multiplyUnsafe(nonce).add(timesSmall(torsion, inR)).toBytes();
    const k = Fn.create(numberOf(sha512(concat(r, key, message))));
    const s = Fn.add(nonce, Fn.mul(k, secret));
    return { key, signature: concat(r, Fn.toBytes(s)), s };
  }

  function isOfOrder8(bytes: Uint8Array): boolean {
    const point = Point.fromBytes(bytes, true);
    return !timesSmall(point, 4).equals(Point.ZERO);
  }

  const scalars = fc.bigInt({ min: 1n, max: Fn.ORDER - 1n });

  it("of mixed order are taken by both or by neither", () => {
    const verdicts = new Set<boolean>();
    const inEach = fc.nat(7);
    fc.assert(
      fc.property(scalars, scalars, inEach, inEach, fc.nat(), (a, n, inKey, inR, salt) => {
        const message = utf8(String(salt));
        const { key, signature } = mixed(a, n, inKey, inR, message);
        const taken = verdict(key, message, signature);
        if (inKey === 0) expect(taken).toBe(inR === 0);
        verdicts.add(taken);
        // Multiplied by the cofactor all of them hold.
        expect(ed25519.verify(signature, message, key, { zip215: true })).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect(verdicts.size).toBe(2);
  });

  it("whose s is not below the order are refused", () => {
    const { key, signature, s } = mixed(5n, 7n, 0, 0, utf8("x"));
    expect(verdict(key, utf8("x"), signature)).toBe(true);
    for (const more of [1n, 2n, 7n]) {
      const other = concat(signature.subarray(0, 32), littleEndian(s + more * Fn.ORDER));
      expect(verdict(key, utf8("x"), other)).toBe(false);
    }
  });
});

describe("signed notes of golang.org/x/mod", () => {
  withSuite("signed-note/golang-notes.json", () => {
    const suite = JSON.parse(readFileSync(suitePath("signed-note/golang-notes.json"), "utf8")) as {
      vkeys: Record<string, string>;
      good: { msgBase64: string }[];
      invalidSignatureBase64: string[];
    };
    const bytes = (base64: string): Uint8Array => fromBase64(base64) as Uint8Array;
    const verifiers = Object.values(suite.vkeys).map((vkey) => {
      const { name, publicKey } = parseVerifierKey(vkey);
      return ed25519Note(name, publicKey, verdict);
    });

    it("are taken or refused by both", () => {
      for (const { msgBase64 } of suite.good) openNote(bytes(msgBase64), verifiers);
      const code = expect.objectContaining({ code: "SIGNATURE_INVALID" });
      for (const base64 of suite.invalidSignatureBase64) {
        expect(() => openNote(bytes(base64), verifiers)).toThrow(code);
      }
    });
  });
});

describe("where there is nothing of Node", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("signatures are checked in JavaScript", async () => {
    vi.resetModules();
    vi.stubGlobal("process", undefined);
    const browser = await import("../../src/session/ed25519.ts");
    vi.unstubAllGlobals();
    const { publicKey, signature } = signed(new Uint8Array(32).fill(9), utf8("hello"));
    expect(browser.verifyEd25519(publicKey, utf8("hello"), signature)).toBe(true);
    expect(browser.verifyEd25519(publicKey, utf8("hullo"), signature)).toBe(false);
  });
});
