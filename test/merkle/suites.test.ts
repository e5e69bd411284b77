// The suites that others wrote for RFC 6962, C2SP signed notes and tlog-tiles. Where Reach decides
// otherwise, the case is listed here and explained in docs/decisions/0003-merkle-suites.md.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../../src/base/index.ts";
import {
  decodeEntryBundle,
  emptyRoot,
  fromBase64,
  leafHashOf,
  nodeHash,
  openCheckpoint,
  openNote,
  parseNote,
  parseTilePath,
  parseVerifierKey,
  proveConsistency,
  proveInclusion,
  RangeBuilder,
  type Verifier,
  verifyConsistency,
  verifyInclusion,
} from "../../src/merkle/index.ts";
import { verifierOf } from "./node-ed25519.ts";
import { suitePath, withSuite } from "./outside-suites.ts";
import { logReader, treeLog } from "./stored-tree.ts";

interface ProbeFile {
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
  readonly sizes: ReadonlyMap<string, bigint>;
  hash(member: string): Uint8Array;
}

function probesIn(folder: string): [name: string, probe: ProbeFile][] {
  const names = readdirSync(suitePath(folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => [name, readProbe(suitePath(folder, name))]);
}

/** Sizes go up to 2^64-1: they are taken from the text, before JSON rounds them. */
function readProbe(file: string): ProbeFile {
  const text = readFileSync(file, "utf8");
  const matches = text.matchAll(/"(leafIdx|treeSize|size1|size2)": (\d+)/g);
  const sizes = new Map(Array.from(matches, ([, key = "", digits = ""]) => [key, BigInt(digits)]));
  const parsed = JSON.parse(text) as Record<string, string> & Pick<ProbeFile, "desc" | "wantErr">;
  return {
    desc: parsed.desc,
    wantErr: parsed.wantErr,
    proof: (parsed as unknown as ProbeFile).proof,
    sizes,
    hash: (member) => fromBase64(parsed[member] ?? "") as Uint8Array,
  };
}

function proofOf(probe: ProbeFile): Uint8Array[] {
  return (probe.proof ?? []).map((hash) => fromBase64(hash) as Uint8Array);
}

function verifierOfKey(vkey: string): Verifier {
  const key = parseVerifierKey(vkey);
  return verifierOf(key.name, key.publicKey);
}

describe("transparency-dev/merkle inclusion proofs", () => {
  withSuite("merkle/inclusion", () => {
    const probes = probesIn("merkle/inclusion");

    it("are all there", () => expect(probes).toHaveLength(98));

    it.each(probes)("%s", (_name, probe) => {
      const verdict = verifyInclusion({
        index: probe.sizes.get("leafIdx") as bigint,
        size: probe.sizes.get("treeSize") as bigint,
        leafHash: probe.hash("leafHash"),
        root: probe.hash("root"),
        proof: proofOf(probe),
      });
      expect(verdict.ok).toBe(!probe.wantErr);
    });
  });
});

describe("transparency-dev/merkle consistency proofs", () => {
  /** Its roots are 12 bytes of text; Reach calls nothing a root that is not a SHA-256 hash. */
  const deviation = path.join("additional", "sizes-are-equal-one-and-proof-is-empty.json");

  withSuite("merkle/consistency", () => {
    const probes = probesIn("merkle/consistency");

    it("are all there", () => expect(probes).toHaveLength(98));

    it.each(probes)("%s", (name, probe) => {
      const claim = {
        first: probe.sizes.get("size1") as bigint,
        second: probe.sizes.get("size2") as bigint,
        firstRoot: probe.hash("root1"),
        secondRoot: probe.hash("root2"),
        proof: proofOf(probe),
      };
      expect(verifyConsistency(claim).ok).toBe(name === deviation ? false : !probe.wantErr);
      if (name !== deviation) return;
      expect(probe.wantErr).toBe(false);
      const hashed = { ...claim, firstRoot: emptyRoot, secondRoot: emptyRoot };
      expect(verifyConsistency(hashed)).toEqual({ ok: true });
    });
  });
});

describe("transparency-dev/merkle RFC 6962 basics", () => {
  withSuite("merkle/rfc6962-basics.json", () => {
    const suite = JSON.parse(readFileSync(suitePath("merkle/rfc6962-basics.json"), "utf8")) as {
      leafInputsHex: string[];
      nodeHashesHex: string[][];
      rootHashesHexBySize: string[];
      hasher: Record<"emptyRoot" | "emptyLeaf" | "leaf_L123456", string>;
    };
    const leaves = suite.leafInputsHex.map((hex) => leafHashOf(fromHex(hex) as Uint8Array));

    it("hashes leaves and nodes alike", () => {
      expect(toHex(emptyRoot)).toBe(suite.hasher.emptyRoot);
      expect(toHex(leafHashOf(new Uint8Array(0)))).toBe(suite.hasher.emptyLeaf);
      expect(toHex(leafHashOf(utf8("L123456")))).toBe(suite.hasher.leaf_L123456);
      // Its node over two 4-byte texts is one that no tree has: Reach refuses to hash it.
      expect(() => nodeHash(utf8("N123"), utf8("N456"))).toThrow("two 32-byte hashes");
      let level = leaves;
      for (const expected of suite.nodeHashesHex) {
        expect(level.map(toHex)).toEqual(expected);
        level = Array.from({ length: level.length >> 1 }, (_, i) => {
          return nodeHash(level[2 * i] as Uint8Array, level[2 * i + 1] as Uint8Array);
        });
      }
    });

    it("has the same roots for every size from 0 to 8", () => {
      const builder = new RangeBuilder();
      for (const [size, root] of suite.rootHashesHexBySize.entries()) {
        expect(toHex(builder.root())).toBe(root);
        if (size < leaves.length) builder.append(leaves[size] as Uint8Array);
      }
      expect(suite.rootHashesHexBySize).toHaveLength(9);
    });
  });
});

describe("a tlog-tiles log written by Tessera", () => {
  withSuite("tlog-tessera/log", () => {
    const log = (name: string): Uint8Array => readFileSync(suitePath("tlog-tessera/log", name));
    const source = readFileSync(suitePath("tlog-tessera/SOURCE.txt"), "utf8");
    const vkey = /verifier key.*: (\S+)$/m.exec(source)?.[1] ?? "";
    const verifier = verifierOfKey(vkey);
    const checkpoints = Array.from({ length: 16 }, (_, size) => {
      return openCheckpoint(log(`checkpoint.${size}`), [verifier], "example.com/log/testdata");
    });
    const leaves = decodeEntryBundle(log("tile/entries/000.p/15")).map(leafHashOf);
    const read = logReader(treeLog(leaves));

    it("has a checkpoint signed by its key for every size, with the root of its entries", () => {
      const builder = new RangeBuilder();
      for (const [size, checkpoint] of checkpoints.entries()) {
        expect(checkpoint.size).toBe(size);
        expect(toHex(checkpoint.root)).toBe(toHex(builder.root()));
        if (size < 15) builder.append(leaves[size] as Uint8Array);
      }
    });

    it("has the entries and the leaf hashes of each size under the paths of its tiles", () => {
      for (let width = 1; width <= 15; width++) {
        const entries = parseTilePath(`tile/entries/000.p/${width}`);
        expect(entries).toEqual({ level: "entries", index: 0, width });
        const expected = leaves.slice(0, width).map(toHex);
        const bundle = decodeEntryBundle(log(`tile/entries/000.p/${width}`));
        expect(bundle.map((entry) => toHex(leafHashOf(entry)))).toEqual(expected);
        expect(toHex(log(`tile/0/000.p/${width}`))).toBe(expected.join(""));
      }
    });

    it("is consistent between every pair of its checkpoints", () => {
      for (const { size: second, root: secondRoot } of checkpoints) {
        for (const { size: first, root: firstRoot } of checkpoints.slice(0, second + 1)) {
          const proof = proveConsistency(first, second, read);
          const claim = { first, second, firstRoot, secondRoot, proof };
          expect(verifyConsistency(claim)).toEqual({ ok: true });
        }
      }
    });

    it("includes every one of its entries in every tree that has it", () => {
      for (const { size, root } of checkpoints) {
        for (const [index, leafHash] of leaves.slice(0, size).entries()) {
          const proof = proveInclusion(index, size, read);
          expect(verifyInclusion({ index, size, leafHash, root, proof })).toEqual({ ok: true });
        }
      }
    });
  });
});

describe("signed notes of golang.org/x/mod", () => {
  withSuite("signed-note/golang-notes.json", () => {
    const suite = JSON.parse(readFileSync(suitePath("signed-note/golang-notes.json"), "utf8")) as {
      vkeys: Record<string, string>;
      badVkeys: string[];
      good: { msgBase64: string; verified: string[] }[];
      malformedBase64: string[];
      invalidSignatureBase64: string[];
    };
    const bytes = (base64: string): Uint8Array => fromBase64(base64) as Uint8Array;
    const verifiers = Object.values(suite.vkeys).map(verifierOfKey);
    const invalid = (code: string) => expect.objectContaining({ code });

    it("that are good are verified by exactly their keys", () => {
      for (const { msgBase64, verified } of suite.good) {
        const ids = verified.map((name) => parseVerifierKey(suite.vkeys[name] ?? "").keyId);
        const opened = openNote(bytes(msgBase64), verifiers);
        expect(opened.verified.map(({ keyId }) => keyId)).toEqual(ids);
        expect(opened.unverified).toEqual([]);
        expect(openNote(bytes(msgBase64), verifiers.slice(0, 1)).unverified).toHaveLength(1);
        expect(() => openNote(bytes(msgBase64), [])).toThrow(invalid("SIGNATURE_INVALID"));
      }
    });

    it.each(suite.malformedBase64.map((base64, i) => [i, base64]))(
      "that are malformed are refused: number %d",
      (_i, base64) => {
        expect(() => parseNote(bytes(String(base64)))).toThrow(invalid("NOTE_INVALID"));
      },
    );

    it("with a wrong signature are refused, however they are spelled", () => {
      for (const base64 of suite.invalidSignatureBase64) {
        expect(() => openNote(bytes(base64), verifiers)).toThrow(invalid("SIGNATURE_INVALID"));
      }
    });

    it("have keys that are refused if malformed", () => {
      for (const vkey of suite.badVkeys) {
        expect(() => parseVerifierKey(vkey)).toThrow(invalid("NOTE_INVALID"));
      }
    });
  });
});

describe("the example of C2SP signed-note", () => {
  withSuite("signed-note/signed-note-example.json", () => {
    it("verifies with its key", () => {
      const file = suitePath("signed-note/signed-note-example.json");
      const example = JSON.parse(readFileSync(file, "utf8")) as { vkey: string; note: string };
      const opened = openNote(utf8(example.note), [verifierOfKey(example.vkey)]);
      expect(opened.text).toBe("This is an example message.\n");
    });
  });
});
