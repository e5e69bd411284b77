/**
 * The parts of a bundle, each for itself: the values in its sections, the operations that say its
 * payloads, the notes of an import that it may hold.
 */
import {
  concat,
  decodeValue,
  encodeValue,
  equalBytes,
  isSessionId,
  readU16,
  readU32,
  sessionIdBytes,
  sha256,
} from "../../../src/base/index.ts";
import { EventView, encodeEvent } from "../../../src/event/index.ts";
import {
  decodeBundleHeader,
  encodeBundleHeader,
  readSectionHeader,
} from "../../../src/session/bundle-format.ts";
import {
  readCheckpoint,
  readHead,
  readSnapshotRecords,
  readTrailer,
  snapshotsValue,
} from "../../../src/session/bundle-values.ts";
import { PayloadReader, PayloadWriter } from "../../../src/session/chunk-window.ts";
import {
  importNoteOf,
  importNoteType,
  LayoutCursor,
  layoutNoteType,
  layoutRunsOf,
} from "../../../src/session/layout.ts";
import { noise } from "../../blobs/samples.ts";
import { attempt, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf, valueOf } from "./values.ts";

const id = "0199c1f2-0000-7000-8000-000000000001";
const identity = sessionIdBytes(id);
const faults = ["BUNDLE_INVALID", "CORRUPT"] as const;

/** The values of sections: the first byte chooses which one is meant. */
export const bundleValues: FuzzTarget = {
  name: "bundle-values",
  weight: 8,
  words: [Uint8Array.of(0xf6), Uint8Array.of(0x80), Uint8Array.of(0xa0), identity, "id", "events"],
  seeds() {
    const manifest = {
      id,
      kind: "recorded",
      created: 5,
      secret: hashOf("secret"),
      name: "n",
      format: "json",
    };
    const root = hashOf("root");
    const common = { manifest, origin: "o/s/1", verifierKey: "key", events: 3, root };
    const quarantine = { seq: 2, reason: "r" };
    const signature = new Uint8Array(64);
    const record = { size: 1, root, stateHash: root, stateBytes: 9, signature };
    const counts = { events: 3, root, payloads: 1, payloadBytes: 5000, states: 0, snapshots: 0 };
    const values: unknown[] = [
      { ...common, quarantine: null },
      ["key", Uint8Array.of(1, 2)],
      snapshotsValue({ program: root, records: [record, record] }),
      { ...counts, bytes: 700, sha256: root, note: null },
      { ...common, quarantine },
    ];
    const sections = values.map((value, i) => concat(Uint8Array.of(i % 4), encodeValue(value)));
    return [...sections, concat(Uint8Array.of(4), encodeBundleHeader(id))];
  },
  repair(input, random) {
    // As `decodeValue` understands it, in the one form that is accepted, or something else.
    if (input.length < 2) return;
    const value = random.chance(0.1) ? { value: valueOf(random) } : attemptValue(input.subarray(1));
    if (!value) return;
    const encoded = encodeValue(value.value);
    if (encoded.length <= input.length - 1) input.set(encoded, 1);
  },
  check(input) {
    const content = input.subarray(1);
    switch ((input[0] ?? 0) % 5) {
      case 0: {
        const header = { id, redacted: (input[0] ?? 0) >= 128 };
        const head = attempt("readHead", faults, () => readHead(content, header));
        if (!head) return;
        promise(head.manifest.id === id && head.root.length === 32, "a head is of its session");
        promise(head.origin.length <= 65_536, "an origin is not long");
        return;
      }
      case 1:
        attempt("readCheckpoint", faults, () => readCheckpoint(content));
        return;
      case 2: {
        const found = attempt("snapshots", faults, () => readSnapshotRecords(content));
        if (found) promise(found.program.length === 32, "a program is named by its hash");
        return;
      }
      case 3: {
        const trailer = attempt("readTrailer", faults, () => readTrailer(content));
        if (trailer) promise(trailer.sha256.length === 32, "a trailer has a hash");
        return;
      }
      default: {
        const codes = [...faults, "FORMAT_UNSUPPORTED"] as const;
        const found = attempt("a bundle header", codes, () => decodeBundleHeader(content));
        if (found) promise(isSessionId(found.id), "a bundle is of a session");
        if (content.length >= 12) readSectionHeader(content);
      }
    }
  },
};

function attemptValue(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: decodeValue(bytes) };
  } catch {
    return undefined;
  }
}

const windowBytes = 66_000;

/** What operations say, by the shortest reading of their description; `undefined`: invalid. */
function follow(input: Uint8Array): Uint8Array[] | undefined {
  let said: Uint8Array = new Uint8Array(0);
  const payloads: Uint8Array[] = [];
  let open: Uint8Array | undefined;
  let left = 0;
  for (let at = 0; at < input.length; ) {
    let bytes: Uint8Array = new Uint8Array(0);
    const operation = input[at];
    if (operation === 1) {
      if (open || at + 39 > input.length) return undefined;
      left = readU16(input, at + 33) + readU32(input, at + 35) * 2 ** 16;
      if (left > 2 ** 40) return undefined;
      open = new Uint8Array(0);
      at += 39;
    } else if (operation === 2) {
      if (at + 3 > input.length) return undefined;
      const end = at + 3 + readU16(input, at + 1);
      if (!open || end > input.length) return undefined;
      bytes = input.subarray(at + 3, end);
      said = concat(said, bytes);
      at = end;
    } else if (operation === 3) {
      if (!open || at + 7 > input.length) return undefined;
      const distance = readU32(input, at + 1);
      const count = readU16(input, at + 5);
      const known = Math.min(said.length, windowBytes);
      if (count === 0 || count > 8192 || count > distance || distance > known) return undefined;
      bytes = said.subarray(said.length - distance, said.length - distance + count);
      at += 7;
    } else return undefined;
    if (bytes.length > left) return undefined;
    left -= bytes.length;
    open = concat(open, bytes);
    if (left > 0) continue;
    payloads.push(open);
    open = undefined;
  }
  if (open) payloads.push(open);
  return payloads;
}

/** The operations that say payloads. */
export const bundlePayloads: FuzzTarget = {
  name: "bundle-payloads",
  weight: 6,
  bytesMax: 8192,
  words: [Uint8Array.of(3, 0, 1, 0, 0, 0, 1), Uint8Array.of(2, 0, 0), new Uint8Array(39).fill(1)],
  seeds() {
    const bytes = noise(1500, 1);
    const payloads = [bytes, concat(bytes, noise(200, 2)), new Uint8Array(0), bytes];
    return [1, 2, 3, 4].map((count) => {
      const parts: Uint8Array[] = [];
      const writer = new PayloadWriter(20_000, (content) => parts.push(content.slice()));
      for (const payload of payloads.slice(0, count)) {
        writer.begin(sha256(payload), payload.length);
        writer.push(payload);
        writer.end();
      }
      writer.flush();
      return concat(...parts);
    });
  },
  check(input) {
    const heard: Uint8Array[] = [];
    const sizes: number[] = [];
    const sink = {
      begin: (name: Uint8Array, size: number) => {
        promise(name.length === 32, "a payload has a name");
        heard.push(new Uint8Array(0));
        sizes.push(size);
      },
      data: (bytes: Uint8Array) => {
        heard.push(concat(heard.pop() as Uint8Array, bytes));
      },
      end: () => promise(heard.at(-1)?.length === sizes.at(-1), "a payload is as long as it says"),
    };
    const reader = new PayloadReader(sink, windowBytes);
    const read = attempt("read", ["BUNDLE_INVALID"], () => {
      for (let at = 0; at < input.length; ) at = reader.read(input, at);
      return true;
    });
    const meant = follow(input);
    promise((read === true) === (meant !== undefined), "what is accepted is what is described");
    if (!meant) return;
    const same = meant.length === heard.length;
    promise(same && meant.every((p, i) => equalBytes(p, heard[i] as Uint8Array)), "as it is meant");
  },
};

/** Notes of an import in a session of a stranger. */
export const importNotes: FuzzTarget = {
  name: "import-notes",
  weight: 4,
  words: ["runs", "tail", "size", "from", "sha256", Uint8Array.of(0xf6), Uint8Array.of(0x80)],
  seeds() {
    const runs = [new Uint8Array(0), 1, Uint8Array.of(10), 200];
    const counts = { version: 1, format: "json", name: "n", from: 0, size: 9, records: 2 };
    const more = { interrupted: false, resume: { offset: 9, line: 3 }, problemCount: 1 };
    const problems = [{ line: 1, offset: 0, message: "m" }];
    const note = { ...counts, ...more, problems, sha256: hashOf("s"), runs, tail: runs[0] };
    return [note, { runs }, null, { ...note, resume: null, problems: [] }].map((value) => {
      return encodeValue(value);
    });
  },
  check(input) {
    const random = choicesOf(input);
    const type = random.pick([importNoteType, layoutNoteType]);
    const header = { seq: 5, time: 0, kind: "note", type, ref: null } as const;
    if (input.length === 0) return;
    const view = new EventView(encodeEvent(header, new Uint8Array(16), input));
    const codes = ["CORRUPT", "BLOB_MISSING"] as const;
    const note = attempt("importNoteOf", codes, () => importNoteOf(view));
    if (note) {
      const { size, from, problemCount, problems, records } = note;
      for (const count of [size, from, records, problemCount]) {
        promise(Number.isSafeInteger(count) && count >= 0, "a note counts");
      }
      promise(note.sha256.length === 32 && Array.isArray(problems), "a note is whole");
      promise(typeof note.name === "string", "a note has a name");
    }
    const runs = note?.runs ?? attempt("layoutRunsOf", codes, () => layoutRunsOf(view));
    const cursor = new LayoutCursor(runs ?? []);
    for (let i = 0; i < 1000; i++) if (!cursor.next()) break;
  },
};
