// Proofs over HTTP, checked by a stranger: with SHA-256 of another library and what is written in
// RFC 9162 and C2SP, and no code of Reach.

import { createPublicKey, verify } from "node:crypto";
import * as fs from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";
import { sessionFolder } from "../../src/log/index.ts";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

const leafOf = (entry: Uint8Array): Buffer =>
  Buffer.from(sha256(Buffer.concat([Buffer.of(0), entry])));
const nodeOf = (left: Uint8Array, right: Uint8Array): Buffer =>
  Buffer.from(sha256(Buffer.concat([Buffer.of(1), left, right])));

/** RFC 9162, 2.1.1, as it is written there. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return Buffer.from(sha256(new Uint8Array(0)));
  if (leaves.length === 1) return leaves[0] as Buffer;
  const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return nodeOf(treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

/** RFC 9162, 2.1.3.1: the path of leaf `m`. */
function path(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  if (m < k) return [...path(m, leaves.slice(0, k)), treeHash(leaves.slice(k))];
  return [...path(m - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

/** RFC 9162, 2.1.4.1. */
function subproof(m: number, leaves: readonly Buffer[], whole: boolean): Buffer[] {
  if (m === leaves.length) return whole ? [] : [treeHash(leaves)];
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  if (m <= k) return [...subproof(m, leaves.slice(0, k), whole), treeHash(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), treeHash(leaves.slice(0, k))];
}

interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Opens a C2SP checkpoint with a verifier key: `name+hash+base64(0x01 ‖ key)`. */
function openCheckpoint(note: string, verifierKey: string): Checkpoint {
  const [name = "", keyHash = "", ...rest] = verifierKey.split("+");
  const key = Buffer.from(rest.join("+"), "base64");
  const end = note.indexOf("\n\n") + 1;
  const text = note.slice(0, end);
  const line = note
    .slice(end + 1)
    .split("\n")
    .find((one) => one.startsWith(`— ${name} `));
  const signature = Buffer.from(line?.split(" ")[2] ?? "", "base64");
  expect(signature.subarray(0, 4).toString("hex")).toBe(keyHash);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]);
  const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
  expect(verify(null, Buffer.from(text), publicKey, signature.subarray(4))).toBe(true);
  const [origin = "", size, root = ""] = text.split("\n");
  return { origin, size: Number(size), root: Buffer.from(root, "base64") };
}

/** Fetches a session through its tiles, and nothing else. */
async function fetchLog(
  served: Served,
  id: string,
): Promise<{ checkpoint: Checkpoint; leaves: Buffer[] }> {
  const base = `/v1/sessions/${id}/tlog`;
  const { verifierKey } = (await (await served.get("/v1")).json()) as { verifierKey: string };
  const note = await (await served.get(`${base}/checkpoint`)).text();
  const checkpoint = openCheckpoint(note, verifierKey);
  const fetchTile = async (level: string, index: number, width: number): Promise<Buffer> => {
    const digits = String(index).padStart(3, "0");
    const answer = await served.get(
      `${base}/tile/${level}/${digits}${width === 256 ? "" : `.p/${width}`}`,
    );
    expect(answer.status).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  };
  const leaves: Buffer[] = [];
  for (let index = 0; index * 256 < checkpoint.size; index++) {
    const width = Math.min(256, checkpoint.size - index * 256);
    const bundle = await fetchTile("entries", index, width);
    for (let at = 0; at < bundle.length; ) {
      const length = bundle.readUInt16BE(at);
      leaves.push(leafOf(bundle.subarray(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    const hashes = await fetchTile("0", index, width);
    expect(hashes.equals(Buffer.concat(leaves.slice(index * 256)))).toBe(true);
  }
  const full = Math.floor(checkpoint.size / 256);
  if (full > 0) {
    const above = await fetchTile("1", 0, full);
    const roots = Array.from({ length: full }, (_, i) =>
      treeHash(leaves.slice(i * 256, i * 256 + 256)),
    );
    expect(above.equals(Buffer.concat(roots))).toBe(true);
  }
  return { checkpoint, leaves };
}

describe("a session as tlog-tiles", () => {
  it("is rebuilt and verified by a stranger", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 700);
    const { checkpoint, leaves } = await fetchLog(served, id);
    expect(checkpoint).toMatchObject({ origin: `reach.local/default/s/${id}`, size: 700 });
    expect(treeHash(leaves).equals(checkpoint.root)).toBe(true);
  });

  it("is signed anew when it has grown", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    await served.post(`/v1/sessions/${id}/events`, [{ type: "a" }, { type: "b" }]);
    const { checkpoint, leaves } = await fetchLog(served, id);
    expect(checkpoint.size).toBe(302);
    expect(treeHash(leaves).equals(checkpoint.root)).toBe(true);
  });

  it("has no tiles but its own, under their one name", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const status = async (name: string): Promise<number> =>
      (await served.get(`/v1/sessions/${id}/tlog/${name}`)).status;
    expect(await status("tile/0/000")).toBe(200);
    expect(await status("tile/0/001.p/44")).toBe(200);
    expect(await status("tile/0/001.p/43")).toBe(200);
    for (const name of [
      "tile/0/001.p/45",
      "tile/0/001",
      "tile/0/002",
      "tile/00/000",
      "tile/0/0",
      "tile/0/x000/000",
      "tile/1/000",
      "tile/64/000",
      "tile/entries/000.p/0",
      "nothing",
      "tile/0/%2e%2e/000",
      "..%2f..%2fkeys/signing.key",
    ]) {
      expect([400, 404], name).toContain(await status(name));
    }
  });
});

describe("a proof", () => {
  it("of inclusion is the one of RFC 9162, for every size", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const { leaves } = await fetchLog(served, id);
    for (const [seq, size] of [
      [0, 1],
      [0, 300],
      [299, 300],
      [255, 257],
      [7, 100],
      [128, 129],
    ] as const) {
      const answer = await served.get(`/v1/sessions/${id}/proof/inclusion?seq=${seq}&size=${size}`);
      expect(await answer.json()).toEqual({
        seq,
        size,
        leafHash: leaves[seq]?.toString("hex"),
        root: treeHash(leaves.slice(0, size)).toString("hex"),
        proof: path(seq, leaves.slice(0, size)).map((hash) => hash.toString("hex")),
      });
    }
    const newest = await served.get(`/v1/sessions/${id}/proof/inclusion?seq=4`);
    expect(await newest.json()).toMatchObject({ size: 300 });
    for (const query of [
      "seq=300",
      "seq=4&size=4",
      "seq=0&size=301",
      "seq=0&size=0",
      "seq=-1",
      "seq=1e2",
    ]) {
      const answer = await served.get(`/v1/sessions/${id}/proof/inclusion?${query}`);
      expect(answer.status, query).toBe(400);
    }
  });

  it("of consistency is the one of RFC 9162", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const { leaves } = await fetchLog(served, id);
    for (const [from, to] of [
      [0, 300],
      [1, 300],
      [256, 300],
      [257, 300],
      [100, 101],
      [300, 300],
    ] as const) {
      const answer = await served.get(`/v1/sessions/${id}/proof/consistency?from=${from}&to=${to}`);
      const proof = from === 0 ? [] : subproof(from, leaves.slice(0, to), true);
      expect(await answer.json()).toEqual({
        from,
        to,
        fromRoot: treeHash(leaves.slice(0, from)).toString("hex"),
        toRoot: treeHash(leaves.slice(0, to)).toString("hex"),
        proof: proof.map((hash) => hash.toString("hex")),
      });
    }
    const turned = await served.get(`/v1/sessions/${id}/proof/consistency?from=9&to=8`);
    expect(turned.status).toBe(400);
  });

  it("is right when the stored hashes are gone, or damaged", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const url = `/v1/sessions/${id}/proof/inclusion?seq=17&size=290`;
    const right = await (await served.get(url)).json();
    const file = `${sessionFolder(served.directory.path, id)}/tree.log`;
    const bytes = fs.readFileSync(file);
    // A leaf hash that no signed root stands on directly.
    bytes.writeUInt32BE(0xdeadbeef, 32 * 18);
    fs.writeFileSync(file, bytes);
    expect(await (await served.get(url)).json()).toEqual(right);
    fs.rmSync(file);
    expect(await (await served.get(url)).json()).toEqual(right);
  });
});

describe("a tile", () => {
  it("is right when the stored hashes are damaged, or gone", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 700);
    const names = [
      "tile/0/000",
      "tile/0/001",
      "tile/0/001.p/3",
      "tile/0/002.p/188",
      "tile/1/000.p/2",
    ];
    const tiles = (): Promise<string[]> =>
      Promise.all(
        names.map(async (name) => {
          const answer = await served.get(`/v1/sessions/${id}/tlog/${name}`);
          return Buffer.from(await answer.arrayBuffer()).toString("hex");
        }),
      );
    const right = await tiles();
    const file = `${sessionFolder(served.directory.path, id)}/tree.log`;
    const whole = fs.readFileSync(file);
    // Two leaves, the node above the first 256, a leaf of the second ones, the last leaf.
    for (const place of [0, 18, 256, 260, 701]) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32BE(0xdeadbeef, 32 * place);
      fs.writeFileSync(file, damaged);
      expect(await tiles(), `damaged at ${place}`).toEqual(right);
    }
    fs.rmSync(file);
    expect(await tiles()).toEqual(right);
  });

  it("of entries is whole, or there is none", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const note = { seq: 100, reason: "a test" };
    const folder = sessionFolder(served.directory.path, id);
    fs.writeFileSync(`${folder}/quarantine.json`, JSON.stringify(note));
    const get = (name: string): Promise<Response> => served.get(`/v1/sessions/${id}/tlog/${name}`);
    expect((await get("tile/entries/000.p/100")).status).toBe(200);
    const beyond = await get("tile/entries/000.p/101");
    expect(beyond.status).toBe(500);
    expect(await beyond.json()).toMatchObject({ code: "CORRUPT", where: `${id}@100` });
    expect(beyond.headers.get("cache-control")).toBe("no-store");
    expect((await get("tile/0/000")).status).toBe(200);
  });
});

describe("a session that cannot be signed any further", () => {
  it("has proofs as far as it was signed, and says why there are no others", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 300);
    const folder = sessionFolder(served.directory.path, id);
    const signed = fs.readFileSync(`${folder}/checkpoint`);
    await served.post(`/v1/sessions/${id}/events`, [{ type: "a" }, { type: "b" }]);
    await served.restart();
    fs.writeFileSync(`${folder}/checkpoint`, signed);
    const note = JSON.stringify({ seq: 301, reason: "a test" });
    fs.writeFileSync(`${folder}/quarantine.json`, note);
    const get = (query: string): Promise<Response> => {
      return served.get(`/v1/sessions/${id}/proof/${query}`);
    };
    expect((await get("inclusion?seq=4&size=300")).status).toBe(200);
    expect((await get("consistency?from=4")).status).toBe(200);
    for (const query of [
      "inclusion?seq=300",
      "inclusion?seq=4&size=301",
      "consistency?from=4&to=301",
    ]) {
      const answer = await get(query);
      expect(answer.status, query).toBe(409);
      expect(await answer.json()).toMatchObject({ code: "CONFLICT" });
    }
    expect((await get("inclusion?seq=4&size=302")).status).toBe(400);
  });
});

describe("a session that nobody has asked a checkpoint of", () => {
  it("is signed for the first proof, whichever that is", async () => {
    const served = await serve();
    const begin = await served.post("/v1/sessions", { events: [{ type: "a" }, { type: "b" }] });
    const { id } = (await begin.json()) as { id: string };
    const answer = await served.get(`/v1/sessions/${id}/proof/consistency?from=0`);
    expect(await answer.json()).toMatchObject({ from: 0, to: 2, proof: [] });
  });
});
