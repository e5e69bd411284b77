/**
 * The payloads that living sessions name, for garbage collection: what is in doubt lives. Of a log
 * or a manifest that is damaged, everything counts that looks like the name of a payload; of a
 * snapshot file, every place where the name of a state belongs.
 */
import { codeOf, type SessionId, sessionIdBytes } from "../base/index.ts";
import { type Disk, readFile } from "../disk/index.ts";
import { BatchWalk, encodeBlobRef, payloadOf } from "../event/index.ts";
import { eventLogPath, manifestPath, sessionFolder } from "../log/index.ts";
import { BlobNames } from "./blob-names.ts";
import { dataShape, saltOffset } from "./event-shape.ts";
import { LogScan } from "./log-scan.ts";
import { type Manifest, programPayloads } from "./manifest.ts";
import { readManifest } from "./session-reader.ts";

const hashBytes = 32;
const saltBytes = 16;
const snapshotBytes = 160;
const stateHashAt = 56;
/** Of whatever program and version; other programs leave files of their own. */
const snapshotEnding = ".log";
/** Names that are not given again, as long as they are remembered. */
const rememberedMax = 2 ** 17;
/** What stands in front of the hash in every reference: tag, array of three, byte string. */
const referencePrefix = encodeBlobRef({
  sha256: new Uint8Array(hashBytes),
  size: 0,
  form: "cbor",
}).subarray(0, -hashBytes - 2);
/** What stands in front of every hash that is a value by itself: byte string, 32 bytes. */
const hashPrefix = referencePrefix.subarray(-2);

/** Finds the names of payloads; each is given once or, in very large directories, a few times. */
export class LivePayloads {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #known = new BlobNames(rememberedMax);
  /** Events that have been looked at. */
  events = 0;
  /** Distinct names found, about. */
  count = 0;

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** The names that one session holds; each is valid until the next one is asked for. */
  *of(id: SessionId): Generator<Uint8Array, void> {
    for (const name of this.#allOf(id)) {
      if (this.#known.sizeOf(name) !== undefined) continue;
      this.#known.add(name, 0);
      this.count += 1;
      yield name;
    }
  }

  *#allOf(id: SessionId): Generator<Uint8Array, void> {
    yield* this.#inManifest(id);
    yield* this.#inLog(id);
    const folder = `${sessionFolder(this.#root, id)}/snapshots`;
    for (const name of this.#disk.list(folder)) {
      if (name.endsWith(snapshotEnding)) yield* this.#inSnapshots(`${folder}/${name}`);
    }
  }

  /** The code of the program that the session runs; of a damaged manifest, every hash in it. */
  *#inManifest(id: SessionId): Generator<Uint8Array, void> {
    let manifest: Manifest;
    try {
      manifest = readManifest(this.#disk, this.#root, id);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      const path = manifestPath(this.#root, id);
      if (this.#disk.exists(path)) yield* hashesBehind(hashPrefix, readFile(this.#disk, path));
      return;
    }
    for (const { name } of programPayloads(manifest)) yield name;
  }

  *#inLog(id: SessionId): Generator<Uint8Array, void> {
    const path = eventLogPath(this.#root, id);
    if (!this.#disk.exists(path)) return;
    const file = this.#disk.open(path, "read");
    try {
      const scan = new LogScan(file, sessionIdBytes(id), file.size());
      for (let piece = scan.next(); piece; piece = scan.next()) {
        if ("damage" in piece) {
          yield* this.#inDamage(scan, piece.damage.offset, piece.damage.end);
          continue;
        }
        for (const walk = new BatchWalk(piece.batch); walk.next(); ) {
          this.events += 1;
          yield* this.#inEvent(walk.preimage());
        }
      }
    } finally {
      file.close();
    }
  }

  *#inEvent(preimage: Uint8Array): Generator<Uint8Array, void> {
    const salt = saltOffset(preimage, 1, preimage.length);
    if (salt < 0) {
      yield* hashesBehind(referencePrefix, preimage);
      return;
    }
    const data = salt + saltBytes;
    if (dataShape(preimage, data, preimage.length) !== "blob") return;
    const payload = payloadOf(preimage.subarray(data));
    if (payload.form === "blob") yield payload.ref.sha256;
  }

  *#inDamage(scan: LogScan, offset: number, end: number): Generator<Uint8Array, void> {
    const overlap = referencePrefix.length + hashBytes - 1;
    for (let from = offset; from < end; ) {
      const bytes = scan.read(from, end);
      yield* hashesBehind(referencePrefix, bytes);
      if (bytes.length <= overlap) return;
      from += bytes.length - overlap;
    }
  }

  *#inSnapshots(path: string): Generator<Uint8Array, void> {
    const bytes = readFile(this.#disk, path);
    for (let at = 0; at + snapshotBytes <= bytes.length; at += snapshotBytes) {
      yield bytes.subarray(at + stateHashAt, at + stateHashAt + hashBytes);
    }
  }
}

/** Everything in `bytes` that looks like the name of a payload: it stands behind `prefix`. */
function* hashesBehind(prefix: Uint8Array, bytes: Uint8Array): Generator<Uint8Array, void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf(prefix); at >= 0; ) {
    const start = at + prefix.length;
    if (start + hashBytes <= bytes.length) yield bytes.subarray(start, start + hashBytes);
    at = buffer.indexOf(prefix, at + 1);
  }
}
