/**
 * Events and payloads that wait in a temporary file of this process, in the order in which they
 * came. In memory are only the last megabyte and the names of the payloads. The file has no name
 * any more as soon as it is open: it goes with the process, however that ends.
 *
 *   record  0  u8 what it is   1  u64 bytes of the rest   9  the rest
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { assert, codeOf, ReachError, readU64, toHex, writeU64 } from "../base/index.ts";
import type { BlobStream } from "../blobs/index.ts";
import { type DiskFile, nodeDisk } from "../disk/index.ts";
import { EventView, type PayloadSource } from "../event/index.ts";
import { BlobNames } from "./blob-names.ts";

const records = { payload: 1, event: 2 } as const;
const recordHeaderBytes = 9;
const pieceBytes = 1024 * 1024;

/** Takes events and payloads, then gives them back. */
export class EventSpool implements PayloadSource {
  readonly #file: DiskFile = unnamedFile();
  /** Where the record of each payload begins: what is kept with a name is a place here. */
  readonly #places = new BlobNames();
  readonly #waiting = new Uint8Array(pieceBytes);
  #filled = 0;
  /** Bytes in the file. */
  #written = 0;

  /** Keeps an event; its bytes are copied. */
  addEvent(bytes: Uint8Array): void {
    this.#begin(records.event, bytes.length);
    this.#push(bytes);
  }

  /** Keeps a payload; its bytes are copied. */
  addPayload(bytes: Uint8Array, name: Uint8Array): void {
    const stream = this.payloadStream(name, bytes.length);
    stream.push(bytes);
    stream.finish();
  }

  /** Keeps a payload of which exactly `size` bytes come, before anything else does. */
  payloadStream(name: Uint8Array, size: number): BlobStream {
    const place = this.#end;
    this.#begin(records.payload, size);
    return {
      push: (bytes) => this.#push(bytes),
      finish: () => {
        this.#places.add(name, place);
        return { sha256: name, size };
      },
    };
  }

  /** The events in order; each is valid as long as it is held. Nothing is added any more. */
  *events(): Generator<EventView, void> {
    this.#flush();
    let piece = new Uint8Array(0);
    let start = 0;
    const read = (at: number, size: number): Uint8Array => {
      if (at < start || at + size > start + piece.length) {
        piece = this.#read(at, Math.min(Math.max(size, pieceBytes), this.#end - at));
        start = at;
      }
      return piece.subarray(at - start, at - start + size);
    };
    for (let at = 0; at < this.#end; ) {
      const header = read(at, recordHeaderBytes);
      const size = readU64(header, 1);
      at += recordHeaderBytes;
      if (header[0] === records.event) yield new EventView(read(at, size), this);
      at += size;
    }
  }

  get(sha256: Uint8Array): Uint8Array {
    const place = this.#places.sizeOf(sha256);
    if (place === undefined) {
      throw new ReachError("BLOB_MISSING", `payload ${toHex(sha256)} has not been kept`);
    }
    const size = readU64(this.#read(place, recordHeaderBytes), 1);
    return this.#read(place + recordHeaderBytes, size);
  }

  close(): void {
    this.#file.close();
  }

  get #end(): number {
    return this.#written + this.#filled;
  }

  #begin(record: number, size: number): void {
    const header = new Uint8Array(recordHeaderBytes);
    header[0] = record;
    writeU64(header, 1, size);
    this.#push(header);
  }

  #push(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > pieceBytes) this.#flush();
    if (bytes.length > pieceBytes) this.#write(bytes);
    else {
      this.#waiting.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
  }

  #flush(): void {
    this.#write(this.#waiting.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    try {
      this.#file.write(bytes, this.#written);
    } catch (error) {
      if (codeOf(error) !== "DISK_FULL") throw error;
      throw new ReachError("DISK_FULL", `no room in ${os.tmpdir()} for what is read`, {
        cause: error,
        hint: "free some room, or name another folder with TMPDIR",
      });
    }
    this.#written += bytes.length;
  }

  #read(at: number, size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    const read = this.#file.read(bytes, at);
    assert(read === size, "what has been kept in a temporary file is there");
    return bytes;
  }
}

/** A file for this process alone, without a name. */
function unnamedFile(): DiskFile {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-events-"));
  try {
    return nodeDisk.open(path.join(folder, "spool"), "create");
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
