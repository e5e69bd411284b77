/**
 * Bundles for tests: written, verified, and taken apart into sections and put together again with
 * right checksums, as a forger would.
 */
import {
  codeOf,
  concat,
  decodeValue,
  encodeValue,
  type SessionId,
  sessionIdBytes,
  sha256,
} from "../../src/base/index.ts";
import {
  bundleHeaderBytes,
  decodeBundleHeader,
  encodeSection,
  readSectionHeader,
  type SectionKind,
  sectionHeaderBytes,
  sectionKinds,
} from "../../src/session/bundle-format.ts";

import {
  type BundleOptions,
  type BundleReport,
  type Directory,
  exportBundle,
  verifyBundle,
} from "../../src/session/index.ts";
import { sampleProgram } from "./sample-session.ts";

/** One section; `offset` is that of its header in the bundle it was read from. */
export interface Section {
  readonly kind: SectionKind;
  readonly content: Uint8Array;
  readonly offset: number;
}

/** The sections of a whole bundle. */
export function sectionsOf(bundle: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let offset = bundleHeaderBytes; offset < bundle.length; ) {
    const header = readSectionHeader(bundle.subarray(offset));
    if (!header) throw new Error(`no section at ${offset}`);
    const start = offset + sectionHeaderBytes;
    const content = Uint8Array.from(bundle.subarray(start, start + header.size));
    sections.push({ kind: header.kind, content, offset });
    offset = start + header.size;
  }
  return sections;
}

/**
 * The bundle of these sections under the header of `bundle`. Checksums are right for every place,
 * and a trailer at the end has the right size and hash, though no signature.
 */
export function rebuilt(bundle: Uint8Array, sections: readonly Section[]): Buffer {
  const header = Uint8Array.from(bundle.subarray(0, bundleHeaderBytes));
  const identity = sessionIdBytes(decodeBundleHeader(header).id);
  let whole = header;
  for (const [i, { kind, content }] of sections.entries()) {
    const last = i === sections.length - 1 && kind === sectionKinds.trailer;
    const fitting = last ? fittingTrailer(content, whole) : content;
    whole = concat(whole, encodeSection(kind, fitting, identity, whole.length)) as typeof header;
  }
  return Buffer.from(whole);
}

function fittingTrailer(content: Uint8Array, before: Uint8Array): Uint8Array {
  let trailer: unknown;
  try {
    trailer = decodeValue(content);
  } catch {
    return content;
  }
  if (typeof trailer !== "object" || trailer === null) return content;
  const sha = Uint8Array.from(sha256(before));
  return encodeValue({ ...trailer, bytes: before.length, sha256: sha, note: null });
}

/** The bundle of a session. */
export async function bundleOf(
  from: Directory,
  id: SessionId,
  options: BundleOptions = {},
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const programs = [sampleProgram];
  const sink = (bytes: Uint8Array): void => void parts.push(bytes);
  const summary = await exportBundle(from, id, sink, { programs, ...options });
  const bundle = Buffer.concat(parts);
  if (summary.bytes !== bundle.length) throw new Error(`${summary.bytes} bytes were announced`);
  return bundle;
}

/** Bytes as a stream. */
export async function* inPieces(
  bytes: Uint8Array,
  size: number = 64 * 1024,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Verifies a bundle, with a key or with its own. */
export function verified(bundle: Uint8Array, verifierKey?: string): Promise<BundleReport> {
  return verifyBundle(inPieces(bundle), verifierKey === undefined ? {} : { verifierKey });
}

/** Whether a bundle is refused outright, or has something wrong reported in it. */
export async function isRefused(bundle: Uint8Array): Promise<boolean> {
  try {
    const { problemCount, integrity, completeness } = await verified(bundle);
    return problemCount > 0 && (integrity === "damaged" || completeness === "incomplete");
  } catch (error) {
    if (["BUNDLE_INVALID", "FORMAT_UNSUPPORTED"].includes(codeOf(error) ?? "")) return true;
    throw error;
  }
}
