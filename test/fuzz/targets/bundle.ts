/**
 * Bundles from strangers: verifying one never believes what its key has not signed, importing one
 * writes below the data directory alone, and leaves nothing behind when it is refused.
 */
import {
  concat,
  decodeValue,
  encodeValue,
  equalBytes,
  type SessionId,
  sessionIdBytes,
  toHex,
} from "../../../src/base/index.ts";
import { BatchWalk, batchHeaderBytes, batchSize, sealBatch } from "../../../src/event/index.ts";
import { eventLogStart } from "../../../src/log/index.ts";
import { leafHash, RangeBuilder } from "../../../src/merkle/index.ts";
import {
  type BundleHeader,
  bundleHeaderBytes,
  decodeBundleHeader,
  encodeBundleHeader,
  encodeSection,
  readSectionHeader,
  sectionHeaderBytes,
  sectionKinds,
} from "../../../src/session/bundle-format.ts";
import {
  type BundleOptions,
  type BundleReport,
  Directory,
  importBundle,
  verifyBundle,
  verifySession,
} from "../../../src/session/index.ts";
import { readRedactedEvents } from "../../../src/session/redacted-events.ts";
import { bundleOf, rebuilt, type Section } from "../../session/bundle-sections.ts";
import { keepSamples, writeSample } from "../../session/sample-session.ts";
import { Random } from "../../sim/random.ts";
import { FolderDisk } from "../folder-disk.ts";
import { attemptAsync, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";

const root = "home/data";
const home = "home";

/** A bundle as it was exported, and what is true of it. */
interface Original {
  readonly bytes: Uint8Array;
  readonly id: SessionId;
  /** Offset of the trailer: its signature covers what lies before it. */
  readonly signedBytes: number;
  readonly events: number;
  readonly root: string;
}

interface World {
  readonly originals: readonly Original[];
  readonly verifierKey: string;
}

async function newDirectory(origin: string): Promise<{ disk: FolderDisk; directory: Directory }> {
  const disk = new FolderDisk(home);
  disk.createFolder(home);
  const random = new Random("directory", origin);
  const entropy = (size: number): Uint8Array => random.bytes(size);
  const clock = (): number => 1_700_000_000_000;
  const directory = await Directory.open({
    path: root,
    mode: "write",
    origin,
    disk,
    entropy,
    clock,
  });
  return { disk, directory };
}

async function originalOf(
  directory: Directory,
  id: SessionId,
  options: BundleOptions,
): Promise<Original> {
  const bytes = new Uint8Array(await bundleOf(directory, id, options));
  const reader = directory.session(id);
  const { size } = reader;
  const treeRoot = toHex(reader.root(size));
  reader.close();
  const signedBytes = sectionsIn(bytes).at(-1)?.offset ?? 0;
  return { bytes, id, signedBytes, events: size, root: treeRoot };
}

let made: Promise<World> | undefined;

/** The same bundles every time: an input is judged by them, also one that is seen again later. */
function world(): Promise<World> {
  made ??= makeWorld();
  return made;
}

async function makeWorld(): Promise<World> {
  const { directory } = await newDirectory("fuzz.origin");
  const originals: Original[] = [];
  for (const [count, sizes, withhold] of [
    [1, []],
    [3, [3]],
    [12, [4, 12]],
    [9, []],
    [8, [], [0, 3, 4]],
  ] as const) {
    const id = await writeSample(directory, count, { seed: count, largeBytes: 4200 });
    if (sizes.length > 0) await keepSamples(directory, id, sizes);
    const options: BundleOptions = withhold
      ? { withhold: ({ seq }) => withhold.some((one) => one === seq) }
      : { snapshots: sizes.length > 0 };
    originals.push(await originalOf(directory, id, options));
  }
  const { verifierKey } = directory.identity;
  await directory.close();
  return { originals, verifierKey };
}

/** The sections of something that may not be a bundle any more, as far as they can be told. */
function sectionsIn(bytes: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let offset = bundleHeaderBytes; offset + sectionHeaderBytes <= bytes.length; ) {
    const header = readSectionHeader(bytes.subarray(offset, offset + sectionHeaderBytes));
    if (!header) break;
    const start = offset + sectionHeaderBytes;
    const content = Uint8Array.from(bytes.subarray(start, start + header.size));
    sections.push({ kind: header.kind, content, offset });
    offset = start + header.size;
  }
  return sections;
}

/** Changes members of the value in a section, if it still is an object. */
function withMembers(section: Section, members: object): Section {
  try {
    const value = decodeValue(section.content);
    if (typeof value !== "object" || value === null) return section;
    return { ...section, content: encodeValue({ ...value, ...members }) };
  } catch {
    return section;
  }
}

/** Makes batches right for their places, and head and trailer for the tree that they make. */
function forge(sections: Section[], identity: Uint8Array): Section[] {
  const range = new RangeBuilder();
  let logOffset = eventLogStart;
  for (const { kind, content } of sections) {
    if (kind === sectionKinds.redactedEvents && !addRedacted(content, range)) return sections;
    if (kind !== sectionKinds.events) continue;
    for (let at = 0; at < content.length; ) {
      const size = batchSize(content, at);
      if (typeof size === "string" || at + size > content.length) return sections;
      sealBatch(content.subarray(at, at + size), identity, logOffset);
      const bodyStart = at + batchHeaderBytes;
      const place = { bytes: content, bodyStart, end: at + size, firstSeq: 0, count: 1 };
      for (const walk = new BatchWalk({ ...place, fileOffset: logOffset }); walk.next(); ) {
        const preimage = walk.preimage();
        if (preimage[0] === 0) range.append(leafHash(preimage));
      }
      at += size;
      logOffset += size;
    }
  }
  const truth = { events: range.end, root: Uint8Array.from(range.root()) };
  return sections.map((section) => {
    const says = section.kind === sectionKinds.head || section.kind === sectionKinds.trailer;
    return says ? withMembers(section, truth) : section;
  });
}

/** Adds the leaves of a section of events, as far as it is one. */
function addRedacted(content: Uint8Array, range: RangeBuilder): boolean {
  try {
    readRedactedEvents(content, {
      shown: (start, end) => range.append(leafHash(content.subarray(start - 1, end))),
      withheld: (hash) => range.append(hash),
    });
    return true;
  } catch {
    return false;
  }
}

/** Makes a bundle that looks right again, more or less so, as a forger would. */
function reform(input: Uint8Array, random: Random): Uint8Array {
  let header: BundleHeader;
  try {
    header = decodeBundleHeader(input);
  } catch {
    return input;
  }
  const { id, redacted } = header;
  const headerBytes = encodeBundleHeader(id, random.chance(0.95) ? redacted : !redacted);
  const identity = sessionIdBytes(id);
  let sections = sectionsIn(input);
  if (random.chance(0.1) && sections.length > 1) {
    const at = random.int(sections.length);
    if (random.chance(0.5)) sections.splice(at, 1);
    else sections.splice(at, 0, random.pick(sections));
  }
  const depth = random.int(3);
  if (depth === 0) {
    let whole: Uint8Array = headerBytes;
    for (const { kind, content } of sections) {
      whole = concat(whole, encodeSection(kind, content, identity, whole.length));
    }
    return whole;
  }
  if (depth === 2) {
    sections = forge(sections, identity);
    // Without what is signed, nobody can tell a session that was made up.
    const unsigned = sections.filter(({ kind }) => kind !== sectionKinds.checkpoint);
    if (random.chance(0.5)) sections = unsigned;
  }
  return new Uint8Array(rebuilt(headerBytes, sections));
}

async function* piecesOf(input: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  const most = random.pick([40, 3000, 70_000]);
  for (let at = 0; at < input.length; ) {
    const size = 1 + random.int(most);
    yield input.slice(at, at + size);
    at += size;
  }
}

/** What is reported as proved by a key is what that key has signed. */
function checkBelief(
  report: BundleReport,
  input: Uint8Array,
  originals: readonly Original[],
): void {
  const { problemCount, integrity, completeness, exportedBy, signedSize } = report;
  promise(problemCount > 0 === report.problems.length > 0, "problems are listed");
  const sound = integrity === "intact" && completeness !== "incomplete";
  promise(sound === (problemCount === 0), `sound (${sound}) is without problems`);
  promise(report.bytes <= input.length, "no more is read than is there");
  const proved = report.keyFrom === "given" && problemCount === 0;
  if (!proved) return;
  const original = originals.find(({ id }) => id === report.id);
  promise(original, "a key that is given proves only sessions that it has signed");
  const { events, signedBytes, bytes } = original;
  const all = report.events + report.withheld;
  if (signedSize !== null) {
    promise(signedSize <= all, "what is signed is there");
    if (signedSize === all) {
      promise(report.root === original.root && all === events, "with its very root");
    }
  }
  promise(completeness !== "complete" || signedSize !== null, "complete is what is signed");
  if (exportedBy === null) return;
  const signed = bytes.subarray(0, signedBytes);
  promise(equalBytes(input.subarray(0, signedBytes), signed), "a signed bundle is unchanged");
}

const importCodes = [
  ...(["BUNDLE_INVALID", "FORMAT_UNSUPPORTED", "CONFLICT", "GONE"] as const),
  ...(["CORRUPT", "NOTE_INVALID", "SIGNATURE_INVALID"] as const),
];

let shared: Promise<{ disk: FolderDisk; directory: Directory }> | undefined;

/** Files that say that there is a session, or that something is unfinished. */
function tracesOf(disk: FolderDisk): string[] {
  return disk.filesBelow(root).filter((path) => !/^(?:blobs|journal|lock)/.test(path));
}

async function checkImport(
  input: Uint8Array,
  random: Random,
  report?: BundleReport,
): Promise<void> {
  shared ??= newDirectory("fuzz.importer");
  const { disk, directory } = await shared;
  const before = tracesOf(disk);
  const imported = await attemptAsync("importBundle", importCodes, () =>
    importBundle(directory, piecesOf(input, random)),
  );
  promise(disk.outside.length === 0, `nothing is written outside, as ${disk.outside[0]} is`);
  if (!imported) {
    promise(directory.sessionIds().length === 0, "a bundle that is refused leaves no session");
    const after = tracesOf(disk);
    promise(after.join() === before.join(), `it leaves nothing: ${before} and ${after}`);
    return;
  }
  shared = undefined;
  promise(report?.problemCount === 0, "only a bundle without problems is imported");
  promise(report.withheld === 0, "nor one that withholds events");
  promise(directory.sessionIds().join() === imported.id, "an imported session is there");
  const stored = await verifySession(directory, imported.id);
  promise(stored.integrity === "intact", "an imported session is intact");
  promise(stored.root === report.root, "with the root of the bundle");
  await directory.close();
}

/** Whole bundles. */
export const bundle: FuzzTarget = {
  name: "bundle",
  weight: 4,
  bytesMax: 48 * 1024,
  words: ["REACHBDL", new Uint8Array(12), "events", "root", "manifest", "note", "sha256", "../"],
  async seeds() {
    return (await world()).originals.map(({ bytes }) => bytes);
  },
  reform,
  async check(input) {
    const { originals, verifierKey } = await world();
    const random = choicesOf(input);
    const options = random.chance(0.5) ? { verifierKey } : {};
    const codes = ["BUNDLE_INVALID", "FORMAT_UNSUPPORTED"] as const;
    const report = await attemptAsync("verifyBundle", codes, () =>
      verifyBundle(piecesOf(input, random), options),
    );
    if (report) checkBelief(report, input, originals);
    const own = await attemptAsync("verifyBundle", codes, () =>
      verifyBundle(piecesOf(input, random)),
    );
    await checkImport(input, random, own);
  },
};
