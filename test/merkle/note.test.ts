// Signed notes, keys and checkpoints: what is written is what others write, what is read was signed
// by a known key, and everything else is refused with a code.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../../src/base/index.ts";
import {
  type Checkpoint,
  ed25519KeyId,
  ed25519Note,
  formatCheckpoint,
  formatNote,
  formatSignerKey,
  formatVerifierKey,
  fromBase64,
  keyText,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  parseSignerKey,
  parseVerifierKey,
  signCheckpoint,
  signNote,
  toBase64,
} from "../../src/merkle/index.ts";
import { goldenNotes } from "./golden.ts";
import { publicKeyOf, signerOf, verifierOf } from "./node-ed25519.ts";

const name = "reach.example";
const seed = fromHex(goldenNotes.seed) as Uint8Array;
const publicKey = fromHex(goldenNotes.publicKey) as Uint8Array;
const signer = signerOf(name, seed);
const verifier = verifierOf(name, publicKey);
const strangerSeed = new Uint8Array(32).fill(5);
const stranger = signerOf("stranger.example/log", strangerSeed);
const strangerVerifier = verifierOf("stranger.example/log", publicKeyOf(strangerSeed));

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const code = (expected: string) => expect.objectContaining({ code: expected });

describe("base64", () => {
  it("is the standard one, and comes back as the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const encoded = toBase64(bytes);
        expect(encoded).toBe(Buffer.from(bytes).toString("base64"));
        expect(toHex(fromBase64(encoded) as Uint8Array)).toBe(toHex(bytes));
      }),
    );
  });

  it.each(["A", "AA", "AAA", "AA=", "A===", "====", "AA==AA==", "AB==", "AAB=", "AA-_", "AAA\n"])(
    "has one spelling: %j is none",
    (spelling) => expect(fromBase64(spelling)).toBeUndefined(),
  );

  it("never reads what it would not write", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."AQz/+=09 "), maxLength: 12 }),
        (spelling) => {
          const bytes = fromBase64(spelling);
          if (bytes) expect(toBase64(bytes)).toBe(spelling);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("keys", () => {
  it("have the golden text forms and the golden id", () => {
    expect(ed25519KeyId(name, publicKey)).toBe(goldenNotes.keyId);
    expect(formatVerifierKey(name, publicKey)).toBe(goldenNotes.verifierKey);
    expect(formatSignerKey(name, publicKey, seed)).toBe(goldenNotes.signerKey);
    expect(keyText(verifier)).toBe("reach.example+1657b388");
  });

  it("come back from their text forms, also from a line of a file", () => {
    const key = parseVerifierKey(`${goldenNotes.verifierKey}\n`);
    expect(key).toMatchObject({ name, keyId: goldenNotes.keyId });
    expect(toHex(key.publicKey)).toBe(goldenNotes.publicKey);
    const secret = parseSignerKey(`${goldenNotes.signerKey}\n`);
    expect(secret).toMatchObject({ name, keyId: goldenNotes.keyId });
    expect(toHex(secret.seed)).toBe(goldenNotes.seed);
  });

  it("call a signature of another length wrong, whatever the platform would say", () => {
    const credulous = ed25519Note(name, publicKey, () => true);
    expect(credulous.verify(utf8("text"), new Uint8Array(64))).toBe(true);
    for (const length of [0, 63, 65, 128]) {
      expect(credulous.verify(utf8("text"), new Uint8Array(length))).toBe(false);
    }
  });

  it("keep an id whose first digits are zeros", () => {
    for (let i = 0; i < 10_000; i++) {
      const keyId = ed25519KeyId(`name${i}`, publicKey);
      if (keyId >= 2 ** 24) continue;
      expect(parseVerifierKey(formatVerifierKey(`name${i}`, publicKey)).keyId).toBe(keyId);
      return;
    }
    throw new Error("none of the names has such an id");
  });

  const id = "1657b388";
  const material = goldenNotes.verifierKey.slice(`${name}+${id}+`.length);
  it.each([
    "",
    "reach.example",
    `+${id}+${material}`,
    `two words+${id}+${material}`,
    `reach.example+${id.toUpperCase()}f+${material}`,
    `reach.example+00000000+${material}`,
    `other.example+${id}+${material}`,
    `reach.example+${id}+${material}AAAA`,
    `reach.example+${id}+AAAA`,
    `reach.example+${id}+${toBase64(Uint8Array.of(4, ...publicKey))}`,
  ])("are refused if malformed: %j", (key) => {
    expect(() => parseVerifierKey(key)).toThrow(code("NOTE_INVALID"));
  });

  it("are not taken for their opposite, and a secret is not repeated in the error", () => {
    expect(() => parseSignerKey(goldenNotes.verifierKey)).toThrow(code("NOTE_INVALID"));
    expect(() => parseVerifierKey(goldenNotes.signerKey)).toThrow(code("NOTE_INVALID"));
    const broken = `${goldenNotes.signerKey}AAAA`;
    expect(() => parseSignerKey(broken)).toThrow(/^(?!.*AZ1hsZ3v)/);
  });
});

describe("a signed note", () => {
  it("is byte for byte the golden one, and verifies", () => {
    for (const golden of goldenNotes.texts) {
      expect(text(signNote(golden.text, [signer]))).toBe(golden.note);
      const opened = openNote(utf8(golden.note), [verifier]);
      expect(opened.text).toBe(golden.text);
      expect(opened.verified.map(keyText)).toEqual(["reach.example+1657b388"]);
    }
  });

  it("comes back with its text, whatever that is, and can be written again", () => {
    const character = fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 });
    const unit = fc.oneof(character, fc.constantFrom("\n", "\u2014", "+", "\u{1f600}", "\x7f"));
    const plain = fc
      .string({ unit })
      .filter((part) => !/\p{Cc}/u.test(part.replaceAll(/[\n\x7f]/g, "")));
    const lines = fc.array(plain, { maxLength: 5 });
    fc.assert(
      fc.property(lines, (parts) => {
        const message = `${parts.join("\n")}\n`;
        const bytes = signNote(message, [signer, stranger]);
        expect(openNote(bytes, [verifier]).text).toBe(message);
        expect(toHex(formatNote(parseNote(bytes)))).toBe(toHex(bytes));
      }),
    );
  });

  it("with one byte changed is never believed", () => {
    const bytes = signNote("one line\nanother\n", [signer]);
    for (let i = 0; i < bytes.length; i++) {
      for (const mask of [1, 2, 0x20, 0x80]) {
        const changed = Uint8Array.from(bytes);
        changed[i]! ^= mask;
        expect(() => openNote(changed, [verifier])).toThrow(/signed note|known key|signature of/);
      }
    }
  });

  it("cut off anywhere is never believed", () => {
    const bytes = signNote("one line\n", [signer]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => openNote(bytes.subarray(0, length), [verifier])).toThrow(code("NOTE_INVALID"));
    }
  });

  it("tells signatures of known keys from those of unknown ones", () => {
    const opened = openNote(signNote("text\n", [stranger, signer]), [verifier]);
    expect(opened.verified.map(keyText)).toEqual([keyText(signer)]);
    expect(opened.unverified.map(keyText)).toEqual([keyText(stranger)]);
    const both = openNote(signNote("text\n", [stranger, signer]), [verifier, strangerVerifier]);
    expect(both.verified.map(keyText)).toEqual([keyText(stranger), keyText(signer)]);
  });

  it("that only unknown keys signed is refused, and says which keys those are", () => {
    const bytes = signNote("text\n", [stranger]);
    expect(() => openNote(bytes, [verifier])).toThrow(code("SIGNATURE_INVALID"));
    expect(() => openNote(bytes, [verifier])).toThrow(keyText(stranger));
    expect(() => openNote(bytes, [])).toThrow(code("SIGNATURE_INVALID"));
  });

  it("with a wrong signature of a known key is refused although another one is right", () => {
    const good = parseNote(signNote("text\n", [signer]));
    const bad = parseNote(signNote("other text\n", [stranger]));
    const note = { text: "text\n", signatures: [...good.signatures, ...bad.signatures] };
    expect(() => openNote(formatNote(note), [verifier, strangerVerifier])).toThrow(
      code("SIGNATURE_INVALID"),
    );
    expect(openNote(formatNote(note), [verifier]).verified).toHaveLength(1);
  });

  it("counts a key once, and refuses a wrong signature after a right one of the same key", () => {
    const [right] = parseNote(signNote("text\n", [signer])).signatures;
    const [wrong] = parseNote(signNote("other\n", [signer])).signatures;
    const twice = formatNote({ text: "text\n", signatures: [right!, right!] });
    expect(openNote(twice, [verifier]).verified).toHaveLength(1);
    const mixed = formatNote({ text: "text\n", signatures: [right!, wrong!] });
    expect(() => openNote(mixed, [verifier])).toThrow(code("SIGNATURE_INVALID"));
  });

  it("is not opened with two keys of one name and id: which of them signed?", () => {
    const twin = { ...verifier, verify: () => true };
    const bytes = signNote("text\n", [signer]);
    expect(() => openNote(bytes, [verifier, twin])).toThrow(code("NOTE_INVALID"));
  });

  it("may have 100 signatures and not one more", () => {
    const signatures = parseNote(signNote("text\n", [signer])).signatures;
    const many = (count: number): Uint8Array =>
      formatNote({ text: "text\n", signatures: new Array(count).fill(signatures[0]) });
    expect(openNote(many(100), [verifier]).verified).toHaveLength(1);
    expect(() => parseNote(many(101))).toThrow(code("NOTE_INVALID"));
  });

  it("is refused above 1 MiB before it is looked at", () => {
    const long = signNote(`${"x".repeat(1024 * 1024)}\n`, [signer]);
    expect(() => parseNote(long)).toThrow("longer than");
  });

  it("is refused, with a code, if it is anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(() => openNote(bytes, [verifier])).toThrow(code("NOTE_INVALID"));
      }),
    );
  });

  it.each(["no newline", "", "tab\there\n", "return\r\n", "lone \ud800 surrogate\n"])(
    "is not written for %j: it could not be read again",
    (message) => expect(() => signNote(message, [signer])).toThrow(code("BUG")),
  );

  it.each(["tab\there\n", "return\r\n", "nul\0\n", "\u001b[31mred\n"])(
    "with control characters is refused although its signature is right: %j",
    (message) => {
      const signature = toBase64(
        Uint8Array.of(0x16, 0x57, 0xb3, 0x88, ...signer.sign(utf8(message))),
      );
      const bytes = utf8(`${message}\n\u2014 ${name} ${signature}\n`);
      expect(() => openNote(bytes, [verifier])).toThrow("control characters");
    },
  );

  const line = parseNote(signNote("text\n", [signer])).signatures[0]!;
  const base64 = toBase64(Uint8Array.of(0x16, 0x57, 0xb3, 0x88, ...line.signature));
  it.each([
    ["a hyphen for the dash", `- ${name} ${base64}`],
    ["no name", `\u2014 ${base64}`],
    ["a name with a plus", `\u2014 a+b ${base64}`],
    ["a name with a no-break space", `\u2014 a\u00a0b ${base64}`],
    ["two spaces", `\u2014  ${name} ${base64}`],
    ["a space at its end", `\u2014 ${name} ${base64} `],
    ["no signature", `\u2014 ${name}`],
    ["an empty signature", `\u2014 ${name} `],
    ["a key id without a signature", `\u2014 ${name} FleziA==`],
    ["base64 without padding", `\u2014 ${name} ${base64.slice(0, -1)}`],
  ])("with %s in a signature line is refused, also beside a good line", (_fault, broken) => {
    const good = `\u2014 ${name} ${base64}\n`;
    expect(openNote(utf8(`text\n\n${good}`), [verifier]).text).toBe("text\n");
    for (const lines of [`${broken}\n`, `${good}${broken}\n`, `${broken}\n${good}`]) {
      expect(() => openNote(utf8(`text\n\n${lines}`), [verifier])).toThrow(code("NOTE_INVALID"));
    }
  });

  it("is not written without a signature, or for a key with an impossible name", () => {
    expect(() => signNote("text\n", [])).toThrow(code("BUG"));
    for (const impossible of ["", "two words", "a+b", "no\u00a0break", "line\nbreak", "nul\0"]) {
      expect(() => signerOf(impossible, seed)).toThrow(code("BUG"));
    }
  });
});

describe("a checkpoint", () => {
  const { origin, size, root: rootHex, note } = goldenNotes.checkpoint;
  const checkpoint: Checkpoint = { origin, size, root: fromHex(rootHex) as Uint8Array };

  it("is byte for byte the golden one, and opens", () => {
    expect(text(signCheckpoint(checkpoint, [signer]))).toBe(note);
    const opened = openCheckpoint(utf8(note), [verifier], origin);
    expect(opened).toMatchObject({ origin, size, extensions: [] });
    expect(toHex(opened.root)).toBe(rootHex);
    expect(opened.note.verified).toHaveLength(1);
  });

  it("comes back as it was, at any size that can be counted", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (n, root) => {
        const read = parseCheckpoint(formatCheckpoint({ origin, size: n, root }));
        expect(read).toMatchObject({ origin, size: n });
        expect(toHex(read.root)).toBe(toHex(root));
      }),
    );
  });

  it("of another log is refused where one is expected: a key may sign for many", () => {
    expect(() => openCheckpoint(utf8(note), [verifier], `${origin}x`)).toThrow(
      code("NOTE_INVALID"),
    );
    expect(openCheckpoint(utf8(note), [verifier]).origin).toBe(origin);
  });

  it("may carry extension lines of others, which mean nothing", () => {
    const opened = openCheckpoint(utf8(goldenNotes.extended), [verifier], origin);
    expect(opened.extensions).toEqual(["extension of somebody else"]);
    expect(opened.size).toBe(size);
  });

  const root = toBase64(checkpoint.root);
  it.each([
    ["no root", "log\n5\n"],
    ["no origin", `\n5\n${root}\n`],
    ["no newline at its end", `log\n5\n${root}`],
    ["no newline after an extension", `log\n5\n${root}\nextension`],
    ["a leading zero", `log\n05\n${root}\n`],
    ["a sign", `log\n+5\n${root}\n`],
    ["a negative size", `log\n-5\n${root}\n`],
    ["an exponent", `log\n5e3\n${root}\n`],
    ["a hexadecimal size", `log\n0x5\n${root}\n`],
    ["no size", `log\n\n${root}\n`],
    ["a size above 2^53-1", `log\n9007199254740992\n${root}\n`],
    ["digits of another script", `log\n٥\n${root}\n`],
    ["a root of 31 bytes", `log\n5\n${toBase64(new Uint8Array(31))}\n`],
    ["a root without padding", `log\n5\n${root.slice(0, -1)}\n`],
    ["an empty extension line", `log\n5\n${root}\n\n`],
    ["an empty line among extensions", `log\n5\n${root}\na\n\nb\n`],
  ])("with %s is refused", (_fault, body) => {
    expect(() => parseCheckpoint(body)).toThrow(code("NOTE_INVALID"));
  });

  it("is not written for an origin of two lines, a wrong root or a wrong size", () => {
    for (const wrong of [
      { ...checkpoint, origin: "" },
      { ...checkpoint, origin: "a\nb" },
      { ...checkpoint, root: new Uint8Array(31) },
      { ...checkpoint, size: -1 },
      { ...checkpoint, size: 2 ** 53 },
    ]) {
      expect(() => formatCheckpoint(wrong)).toThrow(code("BUG"));
    }
  });
});
