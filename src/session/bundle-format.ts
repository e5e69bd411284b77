/**
 * The bundle: one session as one file that travels. It is written and read in one pass, in bounded
 * memory, and holds everything that verifying it needs.
 *
 *   header   0  "REACHBDL"   8  u32 version 1   12  u32 CRC-32 of the rest   16  session id
 *   section  0  u16 kind   2  u16 zero   4  u32 bytes of content
 *            8  u32 CRC-32 of session id, offset in the bundle, bytes 0 to 8, content
 *           12  content, at most 1 MiB
 *
 * Sections stand in the order of their kinds; those of payloads and events alternate, and a payload
 * comes before the first event that names it. The trailer is the last section: what there was, the
 * SHA-256 of everything before it, and a signature where the exporter has a key. Nothing follows.
 *
 * Version 2 is a bundle that withholds events (`redacted-events.ts`): it has the hashes of their
 * leaves in their place, no secret of salts and no snapshots, and is verified but not imported.
 */
import {
  checkWellFormed,
  concat,
  crc32,
  decodeValue,
  encodeValue,
  equalBytes,
  messageOf,
  ReachError,
  readU16,
  readU32,
  type SessionId,
  sessionIdBytes,
  sessionIdOf,
  utf8,
  writeU16,
  writeU32,
} from "../base/index.ts";
import { positionCrc } from "../event/index.ts";
import { toBase64 } from "../merkle/index.ts";

const magic = utf8("REACHBDL");
const versions = { whole: 1, redacted: 2 } as const;

/** Whether what begins with `head` is a bundle, of whatever version. */
export function isBundleHead(head: Uint8Array): boolean {
  return equalBytes(head.subarray(0, magic.length), magic);
}

/** Bytes of the header of a bundle. */
export const bundleHeaderBytes = 32;
/** Bytes in front of the content of a section. */
export const sectionHeaderBytes = 12;
/** No section has more content than this. */
export const sectionBytesMax: number = 1024 * 1024;

/** What a section holds; the number is on disk and never changes. */
export const sectionKinds = {
  /** What the session is: `BundleHead`. */
  head: 1,
  /** A signed checkpoint: `[verifier key, note]`. The first is that of the exporting directory. */
  checkpoint: 2,
  /** Snapshot records of one program: `[program, [record...]]`. */
  snapshots: 3,
  /** Payloads, in the operations of `chunk-window.ts`. */
  payloads: 4,
  /** Batches of the event log, as they are; in a whole bundle. */
  events: 5,
  /** The states of the snapshots, in the same operations. */
  states: 6,
  trailer: 7,
  /** Events, and hashes in the place of those that are withheld; in a redacted bundle. */
  redactedEvents: 8,
} as const;

/** One of the numbers of `sectionKinds`. */
export type SectionKind = (typeof sectionKinds)[keyof typeof sectionKinds];

/** Position in the order of a bundle; payloads and events share one. */
export function sectionOrder(kind: SectionKind): number {
  const { events, redactedEvents, payloads } = sectionKinds;
  return kind === events || kind === redactedEvents ? payloads : kind;
}

/** The header of the bundle of a session. */
export function encodeBundleHeader(id: SessionId, redacted = false): Uint8Array {
  const bytes = new Uint8Array(bundleHeaderBytes);
  bytes.set(magic, 0);
  writeU32(bytes, 8, redacted ? versions.redacted : versions.whole);
  bytes.set(sessionIdBytes(id), 16);
  writeU32(bytes, 12, headerCrc(bytes));
  return bytes;
}

function headerCrc(bytes: Uint8Array): number {
  return crc32(bytes.subarray(16, bundleHeaderBytes), crc32(bytes.subarray(0, 12)));
}

/** What the header of a bundle says. */
export interface BundleHeader {
  readonly id: SessionId;
  /** Whether it withholds events. */
  readonly redacted: boolean;
}

/**
 * The session that a bundle is of. Throws `BUNDLE_INVALID` when this is no bundle or its header is
 * damaged, `FORMAT_UNSUPPORTED` for a later version.
 */
export function decodeBundleHeader(bytes: Uint8Array): BundleHeader {
  if (bytes.length < bundleHeaderBytes || !equalBytes(bytes.subarray(0, 8), magic)) {
    throw bundleError("this is no bundle", "make one with `reach export --format bundle`");
  }
  if (readU32(bytes, 12) !== headerCrc(bytes)) throw bundleError("its header is damaged");
  const found = readU32(bytes, 8);
  if (found !== versions.whole && found !== versions.redacted) {
    throw new ReachError("FORMAT_UNSUPPORTED", `the bundle has format version ${found}`, {
      hint: "a newer Reach wrote it; use that or a later one",
    });
  }
  try {
    const id = sessionIdOf(bytes.subarray(16, bundleHeaderBytes));
    return { id, redacted: found === versions.redacted };
  } catch (error) {
    throw bundleError(messageOf(error));
  }
}

/** A section for `offset` of the bundle of the session with these 16 bytes as its id. */
export function encodeSection(
  kind: SectionKind,
  content: Uint8Array,
  identity: Uint8Array,
  offset: number,
): Uint8Array {
  const bytes = new Uint8Array(sectionHeaderBytes + content.length);
  writeU16(bytes, 0, kind);
  writeU32(bytes, 4, content.length);
  bytes.set(content, sectionHeaderBytes);
  writeU32(bytes, 8, sectionCrc(bytes, content, identity, offset));
  return bytes;
}

function sectionCrc(
  header: Uint8Array,
  content: Uint8Array,
  identity: Uint8Array,
  offset: number,
): number {
  return crc32(content, crc32(header.subarray(0, 8), positionCrc(identity, offset)));
}

/** What the header of a section says, unchecked; `undefined` when it cannot be one. */
export function readSectionHeader(
  header: Uint8Array,
): { readonly kind: SectionKind; readonly size: number } | undefined {
  const number = readU16(header, 0);
  const kind = Object.values(sectionKinds).find((known) => known === number);
  const size = readU32(header, 4);
  if (!kind || readU16(header, 2) !== 0 || size > sectionBytesMax) return undefined;
  return { kind, size };
}

/** Whether a section is the one of its place. */
export function sectionHolds(
  header: Uint8Array,
  content: Uint8Array,
  identity: Uint8Array,
  offset: number,
): boolean {
  return readU32(header, 8) === sectionCrc(header, content, identity, offset);
}

/** `BUNDLE_INVALID`. */
export function bundleError(what: string, hint?: string): ReachError {
  return new ReachError("BUNDLE_INVALID", what, hint === undefined ? {} : { hint });
}

/** The value of a section that holds one, checked to be exactly what Reach writes. */
export function decodeSectionValue(content: Uint8Array): unknown {
  const fault = checkWellFormed(content);
  if (fault !== undefined) throw bundleError(`a section holds no value: ${fault}`);
  return decodeValue(content);
}

/** What an exporter signs: the session, and through the hash everything in the bundle. */
export function bundleText(
  origin: string,
  events: number,
  root: Uint8Array,
  sha256: Uint8Array,
): string {
  return `reach/bundle/v1\n${origin}\n${events}\n${toBase64(root)}\n${toBase64(sha256)}\n`;
}

/** Collects sections; each is complete as soon as it is added. */
export class SectionWriter {
  readonly #identity: Uint8Array;
  readonly #onBytes: (bytes: Uint8Array) => void;
  #offset = 0;

  /** `onBytes` gets the bytes of the bundle in order; they are its to keep. */
  constructor(id: SessionId, redacted: boolean, onBytes: (bytes: Uint8Array) => void) {
    this.#identity = sessionIdBytes(id);
    this.#onBytes = onBytes;
    this.#push(encodeBundleHeader(id, redacted));
  }

  /** Bytes so far. */
  get offset(): number {
    return this.#offset;
  }

  add(kind: SectionKind, ...content: readonly Uint8Array[]): void {
    this.#push(encodeSection(kind, concat(...content), this.#identity, this.#offset));
  }

  addValue(kind: SectionKind, value: unknown): void {
    this.add(kind, encodeValue(value));
  }

  #push(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    this.#onBytes(bytes);
  }
}
