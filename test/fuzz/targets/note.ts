/** Signed notes, checkpoints and keys: each has one spelling, and nothing unsigned is opened. */
import { equalBytes, fromUtf8, sha256, utf8 } from "../../../src/base/index.ts";
import {
  formatNote,
  formatSignerKey,
  formatVerifierKey,
  fromBase64,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  parseSignerKey,
  parseVerifierKey,
  type ReadCheckpoint,
  type Signer,
  signCheckpoint,
  signNote,
  toBase64,
  type Verifier,
} from "../../../src/merkle/index.ts";
import type { Random } from "../../sim/random.ts";
import { attempt, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf } from "./values.ts";

/** A key whose signatures are a hash of the text: what is tested is the note around them. */
function keyOf(name: string, keyId: number): Signer & Verifier {
  const sign = (message: Uint8Array): Uint8Array => {
    const once = new Uint8Array(sha256(message));
    return new Uint8Array([...once, ...hashOf(`${name} ${fromUtf8(once)}`)]);
  };
  const verify = (message: Uint8Array, signature: Uint8Array): boolean =>
    equalBytes(sign(message), signature);
  return { name, keyId, sign, verify };
}

const keys = [keyOf("reach.local", 0x5ab3c0de), keyOf("wïtness/1", 7), keyOf("other", 0)];
const known = keys.slice(0, 2);

function signedSeeds(random: Random): Uint8Array[] {
  const texts = ["a\n", "two\nlines\n", "ümlaut\n\nempty line\n", "\n", `${"long ".repeat(80)}\n`];
  const notes = texts.map((text) => signNote(text, keys.slice(0, 1 + random.int(3))));
  const sizes = [0, 1, 256, 2 ** 53 - 1];
  const checkpoints = sizes.map((size) => {
    return signCheckpoint({ origin: `reach.local/s/${size}`, size, root: hashOf("r") }, known);
  });
  const many = signNote("many\n", new Array(100).fill(keys[0]));
  return [...notes, ...checkpoints, many];
}

/** Signed notes. */
export const note: FuzzTarget = {
  name: "note",
  weight: 10,
  bytesMax: 16_384,
  words: ["\n\n", "\n", "\u2014 ", " ", "+", "reach.local", "\u2014 reach.local Wg==\n", "\ufeff"],
  seeds: signedSeeds,
  check(input) {
    const parsed = attempt("parseNote", ["NOTE_INVALID"], () => parseNote(input));
    if (parsed) promise(equalBytes(formatNote(parsed), input), "a note has one spelling");
    const codes = ["NOTE_INVALID", "SIGNATURE_INVALID"] as const;
    const opened = attempt("openNote", codes, () => openNote(input, known));
    const checkpoint = attempt("openCheckpoint", codes, () => openCheckpoint(input, known));
    if (!opened) {
      promise(!checkpoint, "a checkpoint that is opened is a note that is");
      return;
    }
    promise(opened.text === parsed?.text, "a note that is opened says what it says");
    promise(opened.verified.length > 0, "somebody known has signed");
    for (const { name, keyId, signature } of opened.verified) {
      const key = known.find((one) => one.name === name && one.keyId === keyId);
      promise(key?.verify(utf8(opened.text), signature), "what was verified verifies");
    }
    if (checkpoint) {
      promise(spelled(checkpoint) === opened.text, "a checkpoint has one spelling");
    }
  },
};

function spelled({ origin, size, root, extensions }: ReadCheckpoint): string {
  return [origin, size, toBase64(root), ...extensions, ""].join("\n");
}

const publicKey = hashOf("public key");

/** The texts of checkpoints and keys, and base64. */
export const noteTexts: FuzzTarget = {
  name: "note-texts",
  weight: 8,
  words: ["PRIVATE+KEY+", "+", "\n", "0", "9007199254740992", "==", "=", "-1", "1e3", "\u2028"],
  seeds() {
    const root = toBase64(hashOf("root"));
    const texts = [
      `reach.local/s/1\n0\n${root}\n`,
      `origin\n9007199254740991\n${root}\nextension\nanother\n`,
      formatVerifierKey("reach.local", publicKey),
      formatSignerKey("reach.local", publicKey, hashOf("seed")),
      ...["", "YQ==", "YWI=", "YWJj"],
    ];
    return texts.map(utf8);
  },
  repair(input, random) {
    // Any 32 bytes are a key: the id that belongs to them.
    if (input.length < 40 || random.chance(0.5)) return;
    const text = formatVerifierKey("k", input.subarray(0, 32));
    input.set(utf8(text).subarray(0, input.length));
  },
  check(input) {
    const text = fromUtf8(input);
    const read = attempt("parseCheckpoint", ["NOTE_INVALID"], () => parseCheckpoint(text));
    if (read) promise(spelled(read) === text, "a checkpoint has one spelling");
    const verifier = attempt("a verifier key", ["NOTE_INVALID"], () => parseVerifierKey(text));
    if (verifier) {
      const again = formatVerifierKey(verifier.name, verifier.publicKey);
      promise(again === text.trim(), "a verifier key has one spelling");
    }
    const signer = attempt("a signer key", ["NOTE_INVALID"], () => parseSignerKey(text));
    promise(!signer || signer.seed.length === 32, "a signer key has a seed of 32 bytes");
    const bytes = fromBase64(text);
    if (bytes) promise(toBase64(bytes) === text, "base64 has one spelling");
    const random = choicesOf(input);
    const other = random.bytes(random.int(50));
    const back = fromBase64(toBase64(other));
    promise(back && equalBytes(back, other), "base64 comes back");
  },
};
