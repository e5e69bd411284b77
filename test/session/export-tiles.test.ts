/**
 * What the tlog-tiles export promises: anybody can rebuild and verify the log. The verifier here
 * knows only the specification (c2sp.org/tlog-tiles, RFC 6962) and two libraries: nothing of Reach.
 */
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, type SessionId } from "../../src/base/index.ts";
import { checkpointPath, eventLogPath } from "../../src/log/index.ts";
import { Directory, exportTlogTiles } from "../../src/session/index.ts";
import { filesBelow, Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

/** RFC 6962 section 2.1, as it is written there. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let split = 1;
  while (2 * split < leaves.length) split *= 2;
  const left = treeHash(leaves.slice(0, split));
  const right = treeHash(leaves.slice(split));
  return sha256(Uint8Array.from([1, ...left, ...right]));
}

/** "The path of a tile": groups of three digits, all but the last with an x in front. */
function numberPath(index: number): string {
  const digits = String(index).padStart(3 * Math.ceil(String(index).length / 3), "0");
  const groups = digits.match(/.{3}/g) as string[];
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
}

interface Log {
  readonly origin: string;
  readonly size: number;
  readonly entries: Uint8Array[];
  readonly files: Set<string>;
}

/** Reads a log folder and verifies everything in it against the signed checkpoint. */
function verifyLog(folder: string, verifierKey: string): Log {
  const read = (name: string): Buffer => fs.readFileSync(path.join(folder, name));
  const files = new Set(["checkpoint"]);
  const note = read("checkpoint").toString("utf8");
  const [text, signatures] = note.split(/(?<=\n)\n/) as [string, string];
  const [origin, sizeText, root] = text.split("\n") as [string, string, string];
  const [, name, key] = /^([^+]+)\+[0-9a-f]{8}\+(.+)$/.exec(verifierKey) as unknown as string[];
  const publicKey = crypto.createPublicKey({
    key: Buffer.concat([
      Buffer.from("302a300506032b6570032100", "hex"),
      Buffer.from(key as string, "base64").subarray(1),
    ]),
    format: "der",
    type: "spki",
  });
  const [, signer, base64] = /^— (\S+) (\S+)\n$/u.exec(signatures) as unknown as string[];
  expect(signer).toBe(name);
  const signature = Buffer.from(base64 as string, "base64").subarray(4);
  expect(crypto.verify(null, Buffer.from(text), publicKey, signature)).toBe(true);
  const size = Number(sizeText);

  const tiles = (level: string, count: number): Buffer[] => {
    return Array.from({ length: Math.ceil(count / 256) }, (_, index) => {
      const width = Math.min(256, count - 256 * index);
      const file = `tile/${level}/${numberPath(index)}${width < 256 ? `.p/${width}` : ""}`;
      files.add(file);
      return read(file);
    });
  };
  const entries: Uint8Array[] = [];
  for (const bundle of tiles("entries", size)) {
    for (let at = 0; at < bundle.length; ) {
      const end = at + 2 + bundle.readUInt16BE(at);
      entries.push(bundle.subarray(at + 2, end));
      at = end;
    }
  }
  expect(entries).toHaveLength(size);
  let hashes: Uint8Array[] = entries.map((entry) => sha256(Uint8Array.from([0, ...entry])));
  expect(Buffer.from(treeHash(hashes)).toString("base64")).toBe(root);
  for (let level = 0; hashes.length > 0; level++) {
    const stored = Buffer.concat(tiles(String(level), hashes.length));
    expect(stored.equals(Buffer.concat(hashes))).toBe(true);
    const full = Math.floor(hashes.length / 256);
    hashes = Array.from({ length: full }, (_, i) => treeHash(hashes.slice(256 * i, 256 * i + 256)));
  }
  return { origin, size, entries, files };
}

async function exportTo(id: SessionId, folder: string) {
  const reader = directory.session(id);
  try {
    return await exportTlogTiles(reader, folder);
  } finally {
    reader.close();
  }
}

test.each([1, 255, 256, 257, 700, 66_000])(
  "a log of %i events verifies",
  async (count) => {
    const id = await writeSample(directory, count, { largeBytes: 300 });
    const folder = scratch.at("log", "below");
    const summary = await exportTo(id, folder);
    const log = verifyLog(folder, directory.identity.verifierKey);
    expect(log).toMatchObject({ size: count, origin: `reach.local/data/s/${id}` });
    expect(filesBelow(folder)).toEqual([...log.files].sort());
    expect(summary).toMatchObject({ events: count, unsigned: 0, files: log.files.size });
    const reader = directory.session(id);
    for (const seq of [0, Math.floor(count / 2), count - 1]) {
      expect(Buffer.compare(reader.event(seq).bytes, log.entries[seq] as Uint8Array)).toBe(0);
    }
    reader.close();
  },
  60_000,
);

test("events behind the newest checkpoint are left out, and counted", async () => {
  const id = await writeSample(directory, 300);
  const writer = directory.appendTo(id);
  const bytes = Buffer.from("1");
  writer.append({ kind: "emit", type: "late", time: 1, ref: null, form: "json", bytes });
  await writer.flush();
  const summary = await exportTo(id, scratch.at("log"));
  expect(summary).toMatchObject({ events: 300, unsigned: 1 });
  expect(verifyLog(scratch.at("log"), directory.identity.verifierKey).size).toBe(300);
});

test("nothing is overwritten, and nothing unsigned is published", async () => {
  const id = await writeSample(directory, 10);
  fs.mkdirSync(scratch.at("taken"));
  fs.writeFileSync(scratch.at("taken", "file"), "mine");
  const taken = await exportTo(id, scratch.at("taken")).catch((error) => error);
  expect(codeOf(taken)).toBe("ALREADY_EXISTS");
  fs.rmSync(checkpointPath(directory.path, id));
  const unsigned = await exportTo(id, scratch.at("log")).catch((error) => error);
  expect(codeOf(unsigned)).toBe("NOT_FOUND");
});

test("events that are not those signed are never published with the checkpoint", async () => {
  const id = await writeSample(directory, 60);
  const other = await writeSample(directory, 60, { seed: 2 });
  fs.copyFileSync(checkpointPath(directory.path, other), checkpointPath(directory.path, id));
  expect(codeOf(await exportTo(id, scratch.at("a")).catch((error) => error))).toBe("NOTE_INVALID");
  const shorter = await writeSample(directory, 60, { seed: 3 });
  const log = eventLogPath(directory.path, shorter);
  const bytes = fs.readFileSync(log);
  fs.writeFileSync(log, bytes.subarray(0, bytes.length >> 1));
  const error = await exportTo(shorter, scratch.at("b")).catch((thrown) => thrown);
  expect(codeOf(error)).toBe("CORRUPT");
  expect(fs.existsSync(scratch.at("b", "checkpoint"))).toBe(false);
});
