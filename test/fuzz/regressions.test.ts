// What fuzzing has found, each by itself: files whose checksums are right and whose content is not,
// and sources that were read differently in two steps than in one.

import { describe, expect, it } from "vitest";
import {
  codeOf,
  crc32,
  encodeValue,
  sessionIdBytes,
  utf8,
  writeU32,
} from "../../src/base/index.ts";
import { PackBlobs } from "../../src/blobs/index.ts";
import { packHeader } from "../../src/blobs/pack-format.ts";
import { EventView, encodeEvent, positionCrc } from "../../src/event/index.ts";
import { formatNamed } from "../../src/importers/detect.ts";
import type { Format } from "../../src/importers/importer.ts";
import { bulkMarkerPath, EventIndex, readBulkMarker } from "../../src/log/index.ts";
import {
  decodeFrame,
  decodeSegmentHeader,
  encodeFrame,
  encodeSegmentHeader,
  entryKinds,
  isGroup,
  parseSegmentName,
  segmentName,
  segmentStart,
} from "../../src/log/journal-frame.ts";
import { importNoteOf, importNoteType, layoutRunsOf } from "../../src/session/layout.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../src/session/manifest.ts";
import { appendSnapshots, readSnapshots } from "../../src/snapshots/index.ts";
import { MemoryDisk } from "../blobs/memory-disk.ts";
import { MemorySink, read } from "../importers/memory-sink.ts";

const id = "0199c1f2-0000-7000-8000-000000000001";
const identity = sessionIdBytes(id);
const salt = new Uint8Array(16).fill(7);
/** As eight little-endian bytes: more than a number can count. */
const tooLarge = new Uint8Array(8).fill(0xff);

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
  return undefined;
}

describe("a file whose checksum is right and whose numbers no file can have is damaged", () => {
  const entry = { id: new Uint8Array(16), firstSeq: 1, count: 1, offset: 64, bytes: salt };

  function frameWith(at: number, bytes: Uint8Array): Uint8Array {
    const entries = [{ ...entry, kind: entryKinds.events }];
    const frame = encodeFrame(5, entries, new Uint8Array(0), salt, segmentStart);
    frame.set(bytes, at);
    const seed = positionCrc(salt, segmentStart);
    writeU32(frame, 24, crc32(frame.subarray(28, 80), crc32(frame.subarray(8, 24), seed)));
    writeU32(frame, 4, crc32(frame.subarray(8, 96), seed));
    return new Uint8Array([...new Uint8Array(segmentStart), ...frame]);
  }

  it.each([
    ["nothing", 4, new Uint8Array(0), true],
    ["the number of the group", 16, tooLarge, false],
    ["the kind of an entry", 32, Uint8Array.of(9), false],
    ["the first seq of an entry", 32 + 24, tooLarge, false],
    ["the place of an entry", 32 + 32, tooLarge, false],
  ])("a frame of the journal, by %s", (_, at, bytes, whole) => {
    expect(isGroup(decodeFrame(frameWith(at, bytes), segmentStart, salt))).toBe(whole);
  });

  it.each([16, 24, 48, 64, 72])("a header of a segment, at byte %i", (at) => {
    const predecessor = { epoch: 1, number: 2, end: 4096 };
    const header = { epoch: 1, number: 3, salt, predecessor, lastGroup: 9 };
    const bytes = encodeSegmentHeader(header);
    expect(decodeSegmentHeader(bytes)).toEqual(header);
    for (const start of [0, 512]) {
      bytes.set(tooLarge, start + at);
      writeU32(bytes, start + 12, crc32(bytes.subarray(start + 16, start + 96)));
    }
    expect(decodeSegmentHeader(bytes)).toBeUndefined();
  });

  it("the name of a segment", () => {
    expect(parseSegmentName(segmentName(3, 123_456_789))).toEqual({
      epoch: 3,
      number: 123_456_789,
    });
    for (const name of ["00000001-123456789012345678901.wal", "000000001-00000002.wal"]) {
      expect(parseSegmentName(name), name).toBeUndefined();
    }
  });

  it("the index of an event log: the entry ends it, and so does one that goes back", () => {
    for (const [at, bytes] of [
      [32 + 24, tooLarge],
      [32 + 24 + 8, tooLarge],
      [32 + 24, Uint8Array.of(1)],
    ] as const) {
      const disk = new MemoryDisk();
      const index = new EventIndex(identity);
      for (let i = 1; i < 4; i++) index.add(50 * i, 70_000 * i);
      index.save(disk, "idx");
      const file = disk.bytesOf("idx");
      file.set(bytes, at);
      const crc = crc32(file.subarray(56, 72), positionCrc(identity, 56));
      writeU32(file, 72, crc);
      disk.replace("idx", file);
      const last = EventIndex.load(disk, "idx", identity).last();
      expect(last).toEqual({ seq: 50, offset: 70_000 });
    }
  });

  it("the marker of a bulk import", () => {
    const disk = new MemoryDisk();
    const slot = new Uint8Array(48);
    slot.set(utf8("RBLK"));
    for (const at of [8, 16, 24, 32, 40]) {
      const bytes = slot.slice();
      bytes.set(tooLarge, at);
      writeU32(bytes, 4, crc32(bytes.subarray(8), positionCrc(identity, 0)));
      disk.replace(bulkMarkerPath("data", id), bytes);
      expect(readBulkMarker(disk, "data", id), `${at}`).toBe("damaged");
    }
  });

  it("a snapshot", () => {
    const program = new Uint8Array(32).fill(1);
    const hash = new Uint8Array(32).fill(2);
    const signature = new Uint8Array(64).fill(3);
    const record = { size: 5, root: hash, stateHash: hash, stateBytes: 9, signature };
    for (const at of [8, 16]) {
      const disk = new MemoryDisk();
      appendSnapshots(disk, "s/p.log", program, [record, { ...record, size: 6 }]);
      const bytes = disk.bytesOf("s/p.log");
      bytes.set(tooLarge, at);
      writeU32(bytes, 4, crc32(bytes.subarray(8, 160), positionCrc(program, 0)));
      disk.replace("s/p.log", bytes);
      const { records, damaged } = readSnapshots(disk, "s/p.log", program);
      expect([records.map(({ size }) => size), damaged]).toEqual([[6], 1]);
    }
  });
});

describe("a manifest that is whole and not one of its session is damaged", () => {
  const secret = new Uint8Array(32);
  const whole: Manifest = { id, kind: "recorded", created: 5, secret, name: "n", format: "json" };

  function withContent(value: unknown): Uint8Array {
    const content = encodeValue(value);
    const bytes = new Uint8Array([...encodeManifest(whole).subarray(0, 12), ...content]);
    writeU32(bytes, 4, content.length);
    writeU32(bytes, 8, crc32(content, crc32(identity)));
    return bytes;
  }

  it.each([
    ["nothing", null],
    ["a text", "manifest"],
    ["another session", { version: 1, ...whole, id: id.replace("1f2", "1f3") }],
    ["no id", { version: 1, kind: "recorded" }],
    ["no secret", { version: 1, ...whole, secret: new Uint8Array(31) }],
    ["an unknown kind", { version: 1, ...whole, kind: "other" }],
    ["no version", { ...whole }],
  ])("%s", (_, value) => {
    expect(codeFrom(() => decodeManifest(withContent(value), id))).toBe("CORRUPT");
  });

  it("and one of a later version is said to be that", () => {
    const later = withContent({ version: 2, ...whole });
    expect(codeFrom(() => decodeManifest(later, id))).toBe("FORMAT_UNSUPPORTED");
    expect(decodeManifest(withContent({ version: 1, ...whole }), id)).toEqual(whole);
  });
});

describe("the note of an import in a session of a stranger", () => {
  function noteOf(value: unknown, type: string): EventView {
    const header = { seq: 3, time: 0, kind: "note", type, ref: null } as const;
    return new EventView(encodeEvent(header, salt, encodeValue(value)));
  }

  const hash = new Uint8Array(32);
  const counts = { version: 1, from: 0, size: 9, records: 2, problemCount: 1 };
  const names = { format: "json", name: "n", interrupted: false, resume: null };
  const problems = [{ line: null, offset: 3, message: "m" }];
  const whole = { ...counts, ...names, sha256: hash, problems, runs: [], tail: salt };

  it("has everything that is asked of it, or is damaged", () => {
    expect(importNoteOf(noteOf(whole, importNoteType))).toEqual(whole);
    const wrong = { name: 5, size: -1, from: 0.5, sha256: salt, problems: [null], resume: {} };
    for (const [key, value] of Object.entries(wrong)) {
      const note = noteOf({ ...whole, [key]: value }, importNoteType);
      expect(
        codeFrom(() => importNoteOf(note)),
        key,
      ).toBe("CORRUPT");
    }
  });

  it("has no layout when it is empty", () => {
    for (const value of [null, undefined, 5, {}]) {
      expect(layoutRunsOf(noteOf(value, "reach.layout"))).toEqual([]);
    }
  });
});

describe("a store with a pack of a later format", () => {
  it("closes its files, though it cannot be closed as it should", async () => {
    const disk = new MemoryDisk();
    const later = packHeader(1, "journaled");
    later[4] = 2;
    writeU32(later, 12, crc32(later.subarray(0, 12)));
    disk.replace("blobs/00000001.pack", new Uint8Array([...later, ...new Uint8Array(50)]));
    const store = await PackBlobs.open(disk, "blobs", "write");
    expect(codeFrom(() => store.get(new Uint8Array(32)))).toBe("FORMAT_UNSUPPORTED");
    expect([undefined, "FORMAT_UNSUPPORTED"]).toContain(codeFrom(() => store.close()));
    expect(disk.openFiles).toBe(0);
  });
});

describe("a source that is read in two steps", () => {
  const format = formatNamed("ndjson") as Format;

  it.each([
    ["a line that has begun with blanks", '{"a":1}\n   {"b":2}\n', 10],
    ["a record behind blanks that more follows", ' {"a":1},\n{"b":2}\n', 8],
  ])("comes to the same records where it was cut behind %s", (_, source, cut) => {
    const whole = read(format, source);
    const reader = format.reader({});
    const first = new MemorySink();
    reader.push(utf8(source).subarray(0, cut), first);
    const point = reader.resumable?.();
    reader.end(first);
    expect(point).toBeDefined();
    const { offset = 0, line = 0, seq = 0 } = point ?? {};
    const options = { firstOffset: offset, firstLine: line, firstSeq: seq };
    const rest = read(format, source.slice(offset), options);
    const texts = [...first.texts.slice(0, seq), ...rest.texts];
    expect(texts).toEqual(whole.texts);
  });
});

describe("the type of a record", () => {
  const format = formatNamed("ndjson") as Format;

  it("may take all the bytes that an event has for it, whatever its letters", () => {
    for (const type of ["é".repeat(128), "€".repeat(85), "😀".repeat(64), "x".repeat(256)]) {
      expect(read(format, JSON.stringify({ type })).records[0]?.type).toBe(type);
    }
    for (const type of ["é".repeat(129), "é".repeat(256), "€".repeat(86), "x".repeat(257)]) {
      expect(read(format, JSON.stringify({ type })).records[0]?.type, type).toBe("record");
    }
  });
});

describe("a record that would take many times its size in memory", () => {
  const format = formatNamed("ndjson") as Format;
  const padding = `"${"x".repeat(300_000)}"`;
  const nested = (depth: number): string => `${"[".repeat(depth)}1${"]".repeat(depth)}`;

  it("is kept unread, and reported as that", () => {
    const { records, messages } = read(format, `[${padding},${nested(20_000)}]\n{"a":1}\n`);
    expect(records.map(({ type }) => type)).toEqual(["reach.unparsed", "record"]);
    expect(messages[0]).toContain("nested too deeply");
  });

  it("is read where it is large and not deep, whatever its texts hold", () => {
    const text = JSON.stringify({ type: "t", text: `${"[".repeat(300_000)}\\"\\` });
    const { records, messages } = read(format, `${text}\n[${padding},${nested(9000)}]\n`);
    expect(records.map(({ form, type }) => `${form} ${type}`)).toEqual(["json t", "json record"]);
    expect(messages).toEqual([]);
  });
});
