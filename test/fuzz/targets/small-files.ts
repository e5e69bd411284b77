/**
 * Small files of a data directory: the index of an event log, the marker of a bulk import, the
 * snapshots of a program, the manifest. What is read from any of them is something that could have
 * been written.
 */
import {
  crc32,
  encodeValue,
  equalBytes,
  isSessionId,
  limits,
  sessionIdBytes,
  writeU32,
} from "../../../src/base/index.ts";
import { positionCrc } from "../../../src/event/index.ts";
import { BulkMarker, bulkMarkerPath, EventIndex, readBulkMarker } from "../../../src/log/index.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../../src/session/manifest.ts";
import { appendSnapshots, readSnapshots } from "../../../src/snapshots/index.ts";
import { MemoryDisk } from "../../blobs/memory-disk.ts";
import { attempt, type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf } from "./values.ts";

const id = "0199c1f2-0000-7000-8000-000000000001";
const identity = sessionIdBytes(id);

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function diskWith(path: string, bytes: Uint8Array): MemoryDisk {
  const disk = new MemoryDisk();
  disk.replace(path, bytes);
  return disk;
}

const indexPath = "s/events.idx";

/** `events.idx`. */
export const eventIndex: FuzzTarget = {
  name: "event-index",
  weight: 8,
  words: ["REACHIDX", new Uint8Array(24)],
  seeds() {
    return [0, 1, 5, 40].map((count) => {
      const disk = new MemoryDisk();
      const index = new EventIndex(identity);
      for (let i = 1; i <= count; i++) index.add(50 * i, 64 + 70_000 * i);
      if (count === 0) return new Uint8Array(0);
      index.save(disk, indexPath);
      return disk.bytesOf(indexPath);
    });
  },
  repair(input) {
    for (let at = 32; at + 24 <= input.length; at += 24) {
      const crc = crc32(input.subarray(at, at + 16), positionCrc(identity, at));
      writeU32(input, at + 16, crc);
    }
  },
  check(input) {
    const disk = diskWith(indexPath, input);
    const index = EventIndex.load(disk, indexPath, identity);
    const last = index.last();
    let before = { seq: -1, offset: -1 };
    for (const seq of [0, 1, 49, 50, 51, 100, 2000, last.seq - 1, last.seq, 2 ** 53 - 1]) {
      if (seq < 0) continue;
      const found = index.find(seq);
      promise(isCount(found.seq) && isCount(found.offset), "an index names places");
      promise(found.seq <= seq && found.offset >= 64, "a batch begins at or before its events");
    }
    for (let seq = 0; seq <= Math.min(last.seq, 3000); seq += 50) {
      const found = index.find(seq);
      promise(found.seq >= before.seq && found.offset >= before.offset, "an index ascends");
      before = found;
    }
    if (isCount(last.seq + 50) && isCount(last.offset + 70_000)) {
      index.add(last.seq + 50, last.offset + 70_000);
      index.save(disk, indexPath);
      const again = EventIndex.load(disk, indexPath, identity).last();
      promise(again.offset >= last.offset + 70_000, "an index that was read can be added to");
    }
    index.cut(0);
    promise(index.last().offset === 64, "an index can be cut");
  },
};

const root = "data";

/** `bulk/<session>`. */
export const bulkMarker: FuzzTarget = {
  name: "bulk-marker",
  weight: 5,
  bytesMax: 1100,
  words: ["RBLK"],
  async seeds() {
    const disk = new MemoryDisk();
    const watermark = { end: 4096, size: 50, pack: 3, packSize: 12_000 };
    const marker = await BulkMarker.create(disk, root, id, watermark);
    const first = disk.bytesOf(bulkMarkerPath(root, id));
    await marker.advance({ end: 2 ** 40, size: 2 ** 33, pack: 9, packSize: 2 ** 31 });
    const second = disk.bytesOf(bulkMarkerPath(root, id));
    const torn = second.slice();
    torn.set(first.subarray(512), 512);
    return [first, second, torn, second.subarray(0, 48)];
  },
  repair(input) {
    for (const at of [0, 512]) {
      if (input.length < at + 48) continue;
      writeU32(input, at + 4, crc32(input.subarray(at + 8, at + 48), positionCrc(identity, at)));
    }
  },
  check(input) {
    const disk = diskWith(bulkMarkerPath(root, id), input);
    const found = readBulkMarker(disk, root, id);
    promise(found !== undefined, "a marker that is there is seen");
    if (found === "damaged") return;
    promise(Object.values(found).every(isCount), "a watermark is made of counts");
  },
};

const program = hashOf("program");
const snapshotsPath = "s/snapshots/p.log";

/** `snapshots/<program>.log`. */
export const snapshots: FuzzTarget = {
  name: "snapshots",
  weight: 5,
  words: ["RSNP", new Uint8Array(160)],
  seeds() {
    return [1, 2, 12].map((count) => {
      const disk = new MemoryDisk();
      const records = Array.from({ length: count }, (_, i) => ({
        size: 1000 * (count - i),
        root: hashOf(`root ${i}`),
        stateHash: hashOf(`state ${i}`),
        stateBytes: 5000 + i,
        signature: new Uint8Array([...hashOf("a"), ...hashOf("b")]),
      }));
      appendSnapshots(disk, snapshotsPath, program, records);
      return disk.bytesOf(snapshotsPath);
    });
  },
  repair(input) {
    for (let at = 0; at + 160 <= input.length; at += 160) {
      const crc = crc32(input.subarray(at + 8, at + 160), positionCrc(program, at));
      writeU32(input, at + 4, crc);
    }
  },
  check(input) {
    const { records, damaged } = readSnapshots(
      diskWith(snapshotsPath, input),
      snapshotsPath,
      program,
    );
    const places = Math.ceil(input.length / 160);
    promise(records.length + damaged <= places, "there are no more snapshots than places");
    let size = -1;
    for (const record of records) {
      promise(isCount(record.size) && isCount(record.stateBytes), "a snapshot has counts");
      promise(record.size > size, "snapshots come by size");
      promise(record.stateBytes <= limits.stateBytesMax, "a state is not larger than it may be");
      const { root: treeRoot, stateHash, signature } = record;
      const sizes = [treeRoot.length, stateHash.length, signature.length];
      promise(sizes.join() === "32,32,64", "a snapshot is whole");
      size = record.size;
    }
  },
};

function sealManifest(input: Uint8Array): void {
  if (input.length < 12) return;
  writeU32(input, 4, input.length - 12);
  writeU32(input, 8, crc32(input.subarray(12), crc32(identity)));
}

function manifestOf(content: unknown): Uint8Array {
  const encoded = encodeValue(content);
  const bytes = new Uint8Array(12 + encoded.length);
  bytes.set([0x52, 0x4d, 0x41, 0x4e]);
  bytes.set(encoded, 12);
  sealManifest(bytes);
  return bytes;
}

/** `manifest.cbor`. */
export const manifest: FuzzTarget = {
  name: "manifest",
  weight: 6,
  words: ["RMAN", "version", "recorded", "executed", "secret", Uint8Array.of(0x01)],
  seeds() {
    const whole: Manifest = {
      id,
      kind: "recorded",
      created: 1_700_000_000_000,
      secret: hashOf("secret"),
      name: "session.jsonl",
      format: "claude-code",
    };
    return [encodeManifest(whole), encodeManifest({ ...whole, name: "", kind: "executed" })];
  },
  repair(input, random) {
    if (random.chance(0.1)) {
      const odd = random.pick<unknown>([null, 5, [], "text", { version: 1 }, undefined]);
      const bytes = manifestOf(odd);
      if (bytes.length <= input.length) input.set(bytes);
    }
    sealManifest(input);
  },
  check(input) {
    const codes = ["CORRUPT", "FORMAT_UNSUPPORTED"] as const;
    const found = attempt("decodeManifest", codes, () => decodeManifest(input, id));
    if (!found) return;
    promise(found.id === id && isSessionId(found.id), "a manifest is of its session");
    promise(found.kind === "recorded" || found.kind === "executed", "its kind is known");
    promise(isCount(found.created), "it was created at some time");
    promise(found.secret instanceof Uint8Array && found.secret.length === 32, "it has a secret");
    const named = typeof found.name === "string" && typeof found.format === "string";
    promise(named, "it has a name and a format");
    const again = decodeManifest(encodeManifest(found), id);
    promise(equalBytes(encodeManifest(again), encodeManifest(found)), "it comes back");
  },
};
