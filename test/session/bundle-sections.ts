/** A bundle taken apart into its sections and put together again, with right checksums: for forgers. */
import {
  concat,
  encodeValue,
  decodeValue,
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
  const identity = sessionIdBytes(decodeBundleHeader(header));
  let whole = header;
  for (const [i, { kind, content }] of sections.entries()) {
    const last = i === sections.length - 1 && kind === sectionKinds.trailer;
    const fitting = last ? fittingTrailer(content, whole) : content;
    whole = concat(whole, encodeSection(kind, fitting, identity, whole.length)) as typeof header;
  }
  return Buffer.from(whole);
}

function fittingTrailer(content: Uint8Array, before: Uint8Array): Uint8Array {
  const trailer = decodeValue(content) as Record<string, unknown>;
  const sha = Uint8Array.from(sha256(before));
  return encodeValue({ ...trailer, bytes: before.length, sha256: sha, note: null });
}
