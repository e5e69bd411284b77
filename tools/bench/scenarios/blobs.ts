// What the store of payloads does per second: cutting, putting, getting. Without goals; the floor
// of putting is hashing and writing the same bytes, that of getting is reading and hashing them.

import { hash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import path from "node:path";
import { nextCut } from "../../../src/blobs/chunker.ts";
import { PackBlobs } from "../../../src/blobs/index.ts";
import { nodeDisk } from "../../../src/disk/index.ts";
import type { Bench } from "../bench.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import type { Row, Scenario } from "../scenario.ts";
import { ratioOf, spreadOf } from "../spread.ts";

const blobBytes = 64 * 1024;
const blobs = 1000;
const megabytes = (blobs * blobBytes) / 1e6;

export const blobStore: Scenario = {
  name: "blobs",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const input = { root: bench.path("blobs") };
    const measurements: Measurement[] = [];
    for (let round = 0; round < bench.rounds(5); round++) {
      measurements.push(await bench.measure({ module: "scenarios/blobs", name: "store", input }));
      bench.remove("blobs");
    }
    const speeds = (fact: string): number[] =>
      measurements.map(({ facts }) => megabytes / Number(facts[fact]));
    const row = (what: string, reach: string, floor: string): Row => ({
      what,
      unit: "MB/s",
      reach: spreadOf(speeds(reach)),
      floor: spreadOf(speeds(floor)),
      ratio: ratioOf(speeds(reach), speeds(floor)),
    });
    return [
      row("cutting new payloads of 64 KiB; SHA-256 of them (floor)", "cut", "hash"),
      row("putting them in bulk; hashed and written (floor)", "put", "write"),
      row("getting them; read and hashed (floor)", "get", "read"),
    ];
  },
};

function seconds(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

/** Cuts, puts and gets payloads that have nothing in common, beside what is compared with. */
export async function store({ root }: { readonly root: string }): Promise<Work> {
  mkdirSync(root, { recursive: true });
  const payloads = Array.from({ length: blobs }, () => randomBytes(blobBytes));
  const folder = path.join(root, "blobs");
  const written = await PackBlobs.open(nodeDisk, folder, "write");
  const bulk = written.openBulk();
  const names: Uint8Array[] = [];
  return measured(async () => {
    const cut = seconds(() => payloads.forEach(cutAll));
    const hashing = seconds(() => {
      for (const payload of payloads) hash("sha256", payload, "buffer");
    });
    const put = seconds(() => {
      for (const payload of payloads) names.push(bulk.put(payload).sha256);
    });
    await bulk.sync();
    bulk.confirm();
    bulk.close();
    written.close();
    const plain = path.join(root, "plain");
    const write = seconds(() => hashAndWrite(plain, payloads));
    const reading = await PackBlobs.open(nodeDisk, folder, "read");
    const get = seconds(() => {
      for (const name of names) reading.get(name);
    });
    reading.close();
    const read = seconds(() => readAndHash(plain));
    return { cut, hash: hashing, put, write, get, read };
  });
}

function cutAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at = nextCut(bytes, at, bytes.length);
}

function hashAndWrite(file: string, payloads: readonly Uint8Array[]): void {
  const descriptor = openSync(file, "w");
  for (const payload of payloads) {
    hash("sha256", payload, "buffer");
    writeSync(descriptor, payload);
  }
  closeSync(descriptor);
}

function readAndHash(file: string): void {
  const descriptor = openSync(file, "r");
  for (let i = 0; i < blobs; i++) {
    const payload = Buffer.allocUnsafeSlow(blobBytes);
    readSync(descriptor, payload, 0, blobBytes, i * blobBytes);
    hash("sha256", payload, "buffer");
  }
  closeSync(descriptor);
}
