/** What bundles promise: they verify offline, nothing wrong in them is accepted, they come in whole. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, encodeValue, type SessionId, utf8, writeU32 } from "../../src/base/index.ts";
import { eventLogPath, manifestPath, sessionFolder } from "../../src/log/index.ts";
import {
  type BundleImportOptions,
  type BundleOptions,
  type BundleReport,
  Directory,
  exportBundle,
  importBundle,
  quarantinePath,
  removeSession,
  verifyBundle,
  verifySession,
} from "../../src/session/index.ts";
import { bundleHeaderBytes, encodeSection, sectionKinds } from "../../src/session/bundle-format.ts";
import {
  filesBelow,
  keepSamples,
  noise,
  randomFrom,
  Scratch,
  sampleProgram,
  writeSample,
} from "./sample-session.ts";
import { rebuilt, type Section, sectionsOf } from "./bundle-sections.ts";

let scratch: Scratch;
let directory: Directory;
let other: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  other = await Directory.open({ path: scratch.at("other"), mode: "write", origin: "elsewhere" });
});
afterEach(async () => {
  await directory.close();
  await other.close();
  scratch.remove();
});

async function bundleOf(
  id: SessionId,
  options: BundleOptions = {},
  from: Directory = directory,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const summary = await exportBundle(from, id, (bytes) => void parts.push(bytes), {
    programs: [sampleProgram],
    ...options,
  });
  const bundle = Buffer.concat(parts);
  expect(summary.bytes).toBe(bundle.length);
  return bundle;
}

async function* inPieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function verified(bundle: Uint8Array, verifierKey?: string): Promise<BundleReport> {
  return verifyBundle(inPieces(bundle), verifierKey === undefined ? {} : { verifierKey });
}

function imported(bundle: Uint8Array, options: BundleImportOptions = {}) {
  return importBundle(other, inPieces(bundle), options);
}

/** Whether a bundle is refused outright, or has something wrong reported in it. */
async function isRefused(bundle: Uint8Array): Promise<boolean> {
  try {
    const { problemCount, integrity, completeness } = await verified(bundle);
    return problemCount > 0 && (integrity === "damaged" || completeness === "incomplete");
  } catch (error) {
    return ["BUNDLE_INVALID", "FORMAT_UNSUPPORTED"].includes(codeOf(error) as string);
  }
}

/** Files of the directory that an import goes to, but for packs that hold nothing yet. */
function filesOfOther(): string[] {
  return filesBelow(other.path).filter((name) => {
    return !name.endsWith(".pack") || fs.statSync(`${other.path}/${name}`).size > 16;
  });
}

function eventBytes(from: Directory, id: SessionId): Buffer[] {
  const reader = from.session(id);
  try {
    return [...reader.events()].map(({ bytes }) => Buffer.from(bytes));
  } finally {
    reader.close();
  }
}

describe("a bundle of an untouched session", () => {
  test("verifies offline with what it holds, and says as much as the session does", async () => {
    const id = await writeSample(directory, 300);
    await keepSamples(directory, id, [100, 300]);
    const bundle = await bundleOf(id, { snapshots: true });
    const stored = await verifySession(directory, id, { programs: [sampleProgram] });
    const { seconds: _, derived: __, ...same } = stored;
    const report = await verified(bundle);
    expect(report).toMatchObject(same);
    expect(report).toMatchObject({
      keyFrom: "bundle",
      verifierKey: directory.identity.verifierKey,
      origin: `reach.local/data/s/${id}`,
      name: "sample",
      exportedBy: stored.signedBy,
      bytes: bundle.length,
    });
  });

  test("is the same however its bytes arrive, and when it is written again", async () => {
    const id = await writeSample(directory, 120);
    const bundle = await bundleOf(id);
    expect((await bundleOf(id)).equals(bundle)).toBe(true);
    const { seconds: _, ...whole } = await verified(bundle);
    fs.writeFileSync(scratch.at("a.bundle"), bundle);
    expect(await verifyBundle(scratch.at("a.bundle"))).toMatchObject(whole);
    for (const size of [1, 13, 4099]) {
      expect(await verifyBundle(inPieces(bundle, size))).toMatchObject(whole);
    }
  });

  test("is proved by a key that is given, and refused for another one", async () => {
    const id = await writeSample(directory, 20);
    const bundle = await bundleOf(id);
    const right = await verified(bundle, directory.identity.verifierKey);
    expect(right).toMatchObject({ keyFrom: "given", integrity: "intact", problemCount: 0 });
    const wrong = await verified(bundle, other.identity.verifierKey);
    expect(wrong).toMatchObject({ integrity: "damaged", completeness: "unknown" });
  });

  test("holds payloads of every size, also those too large to hold in memory", async () => {
    const writer = await directory.openBulk();
    const random = randomFrom(7);
    const sizes = [4090, 4097, 8191, 65_536, 5_000_000];
    for (const size of sizes) {
      const bytes = Buffer.from(noise(Math.min(size, 100_000), random).repeat(50)).subarray(0, size);
      writer.append({ kind: "emit", type: "x", time: 1, ref: null }, "bytes", bytes);
    }
    await directory.closeWriter(writer);
    const bundle = await bundleOf(writer.id);
    expect(await verified(bundle)).toMatchObject({
      problemCount: 0,
      blobs: { count: 4, bytes: sizes.slice(1).reduce((sum, size) => sum + size) },
    });
    await imported(bundle);
    expect(await verifySession(other, writer.id)).toMatchObject({ integrity: "intact" });
  });

  test("that re-sends a conversation is about as large as what was said", async () => {
    const writer = await directory.openBulk();
    const random = randomFrom(9);
    const messages: string[] = [];
    for (let call = 0; call < 60; call++) {
      messages.push(noise(5000, random));
      const bytes = utf8(JSON.stringify({ call, messages }));
      writer.append({ kind: "call", type: "llm", time: call, ref: null }, "json", bytes);
    }
    await directory.closeWriter(writer);
    const said = 60 * 5000;
    const stored = fs
      .readdirSync(`${directory.path}/blobs`)
      .reduce((sum, name) => sum + fs.statSync(`${directory.path}/blobs/${name}`).size, 0);
    const bundle = await bundleOf(writer.id);
    expect(bundle.length).toBeLessThan(1.6 * said);
    expect(bundle.length).toBeLessThan(1.03 * stored);
    expect(await verified(bundle)).toMatchObject({ problemCount: 0, blobs: { count: 60 } });
  });
});

describe("nothing wrong is accepted", () => {
  test("every changed byte is found", async () => {
    const id = await writeSample(directory, 9, { largeBytes: 4200 });
    await keepSamples(directory, id, [5]);
    const bundle = await bundleOf(id, { snapshots: true });
    for (let offset = 0; offset < bundle.length; offset++) {
      const flipped = Buffer.from(bundle);
      flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8));
      expect(await isRefused(flipped), `byte ${offset} of ${bundle.length}`).toBe(true);
    }
  }, 120_000);

  test("every missing and every additional byte is found", async () => {
    const id = await writeSample(directory, 20);
    const bundle = await bundleOf(id);
    for (let size = 0; size < bundle.length; size += 61) {
      expect(await isRefused(bundle.subarray(0, size)), `${size} bytes`).toBe(true);
    }
    expect(await isRefused(bundle.subarray(0, -1))).toBe(true);
    expect(await isRefused(Buffer.concat([bundle, Buffer.alloc(1)]))).toBe(true);
    expect(await isRefused(Buffer.concat([bundle, bundle]))).toBe(true);
  });

  test("the first event behind damage is named", async () => {
    const id = await writeSample(directory, 2000);
    const bundle = await bundleOf(id);
    const events = sectionsOf(bundle).filter(({ kind }) => kind === sectionKinds.events);
    expect(events.length).toBeGreaterThan(1);
    const flipped = Buffer.from(bundle);
    const at = (events[1] as Section).offset + 500;
    flipped[at] = (flipped[at] as number) ^ 1;
    const report = await verified(flipped);
    expect(report.firstBad).toBe(report.events);
    expect(report.events).toBeGreaterThan(0);
    expect(report).toMatchObject({ badEvents: 2000 - report.events, completeness: "incomplete" });
  });

  test("sections that are left out, swapped or said twice are found", async () => {
    const id = await writeSample(directory, 900);
    await keepSamples(directory, id, [300]);
    const bundle = await bundleOf(id, { snapshots: true });
    const sections = sectionsOf(bundle);
    expect(await isRefused(rebuilt(bundle, sections))).toBe(false);
    for (const [i, section] of sections.entries()) {
      const without = sections.filter((_, other) => other !== i);
      expect(await isRefused(rebuilt(bundle, without)), `without ${section.kind}`).toBe(true);
      const twice = [...sections.slice(0, i), section, ...sections.slice(i)];
      expect(await isRefused(rebuilt(bundle, twice)), `twice ${section.kind}`).toBe(true);
      const next = sections[i + 1];
      if (!next) continue;
      const swapped = [...sections.slice(0, i), next, section, ...sections.slice(i + 2)];
      expect(await isRefused(rebuilt(bundle, swapped)), `swapped ${section.kind}`).toBe(true);
    }
  });

  test("sections of another session of the same directory do not fit", async () => {
    const id = await writeSample(directory, 50);
    const second = await writeSample(directory, 50, { seed: 2 });
    const bundle = await bundleOf(id);
    const sections = sectionsOf(bundle);
    const others = sectionsOf(await bundleOf(second));
    for (const [i] of sections.entries()) {
      const mixed = sections.map((section, j) => (i === j ? (others[i] as Section) : section));
      expect(await isRefused(rebuilt(bundle, mixed)), `section ${i}`).toBe(true);
    }
  });

  test("a bundle that stops before what was signed is incomplete", async () => {
    const id = await writeSample(directory, 60);
    const note = { seq: 50, reason: "the journal is damaged" };
    fs.writeFileSync(quarantinePath(directory.path, id), JSON.stringify(note));
    const bundle = await bundleOf(id);
    expect(await verified(bundle)).toMatchObject({
      integrity: "intact",
      completeness: "incomplete",
      events: 50,
      firstBad: 50,
      quarantine: note,
    });
    expect(codeOf(await imported(bundle).catch((error) => error))).toBe("BUNDLE_INVALID");
    const { events } = await imported(bundle, { incomplete: true });
    expect(events).toBe(50);
    expect(await verifySession(other, id)).toMatchObject({
      integrity: "intact",
      completeness: "incomplete",
    });
  });
});

describe("a bundle from a stranger", () => {
  /** A bundle whose sections were made by hand, with right checksums. */
  async function handMade(change: (sections: Section[]) => Section[]): Promise<Buffer> {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(id);
    return rebuilt(bundle, change(sectionsOf(bundle)));
  }

  const payload = (...bytes: number[]): Section => {
    return { kind: sectionKinds.payloads, content: Uint8Array.from(bytes), offset: 0 };
  };
  const begin = (size: number): number[] => {
    const bytes = new Uint8Array(39);
    bytes[0] = 1;
    bytes[33] = size & 0xff;
    bytes[34] = (size >>> 8) & 0xff;
    writeU32(bytes, 35, Math.floor(size / 65_536));
    return [...bytes];
  };

  test.each([
    ["a payload of a terabyte that never comes", payload(...begin(2 ** 40))],
    ["a payload beyond every limit", payload(...begin(2 ** 47))],
    ["a copy of what was never said", payload(...begin(100), 3, 9, 0, 0, 0, 9, 0)],
    ["a copy from itself", payload(...begin(100), 3, 0, 0, 0, 0, 9, 0)],
    ["a literal cut off", payload(...begin(100), 2, 255, 255, 1)],
    ["bytes of no payload", payload(2, 1, 0, 7)],
    ["an unknown operation", payload(9)],
    ["an empty payload that is not the empty one", payload(...begin(0))],
    ["a payload inside of another", payload(...begin(9), ...begin(9))],
  ])("with %s is refused", async (_, section) => {
    const bundle = await handMade((sections) => {
      const at = sections.findIndex(({ kind }) => kind === sectionKinds.payloads);
      return [...sections.slice(0, at), section, ...sections.slice(at)];
    });
    const before = filesOfOther();
    expect(await isRefused(bundle)).toBe(true);
    expect(codeOf(await imported(bundle).catch((error) => error))).toBe("BUNDLE_INVALID");
    expect(filesOfOther()).toEqual(before);
  });

  test.each([
    ["nested without end", Uint8Array.from(Array(100_000).fill(0x81))],
    ["an array of a billion items", Uint8Array.from([0x9a, 0x3b, 0x9a, 0xca, 0x00])],
    ["no record", encodeValue([1, 2, 3])],
    ["a record of nothing", encodeValue({})],
    ["a manifest of paths", encodeValue({ manifest: { id: "../../../etc/passwd" } })],
  ])("whose head is %s is refused", async (_, content) => {
    const bundle = await handMade(([, ...rest]) => {
      return [{ kind: sectionKinds.head, content, offset: 0 }, ...rest];
    });
    expect(await isRefused(bundle)).toBe(true);
    expect(codeOf(await imported(bundle).catch((error) => error))).toBe("BUNDLE_INVALID");
  });

  test("that announces a section of four gigabytes takes no memory for it", async () => {
    const id = await writeSample(directory, 3);
    const bundle = await bundleOf(id);
    const claim = encodeSection(sectionKinds.head, new Uint8Array(0), new Uint8Array(16), 32);
    writeU32(claim, 4, 0xffff_ffff);
    const hostile = Buffer.concat([bundle.subarray(0, bundleHeaderBytes), claim]);
    const before = process.memoryUsage().arrayBuffers;
    expect(await isRefused(hostile)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("with events that are only nearly what Reach writes is refused", async () => {
    const id = await writeSample(directory, 9);
    const bundle = await bundleOf(id);
    // The events of another session under this one's id: right in themselves, salted otherwise.
    const second = await writeSample(directory, 9);
    const log = fs.readFileSync(eventLogPath(directory.path, second));
    const report = await verified(
      rebuilt(
        bundle,
        sectionsOf(bundle).map((section) => {
          if (section.kind !== sectionKinds.events) return section;
          return { ...section, content: Uint8Array.from(log.subarray(64)) };
        }),
      ),
    );
    expect(report).toMatchObject({ integrity: "damaged", events: 0, firstBad: 0 });
  });

  test("that is no bundle at all says so", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("{}"), Buffer.alloc(500, 7)]) {
      const error = await verified(bytes).catch((thrown) => thrown);
      expect(codeOf(error)).toBe("BUNDLE_INVALID");
    }
  });
});

describe("an imported bundle", () => {
  test("has the very events, and keeps the checkpoint it came with", async () => {
    const id = await writeSample(directory, 300);
    const bundle = await bundleOf(id);
    const result = await imported(bundle, { verifierKey: directory.identity.verifierKey });
    expect(result).toMatchObject({ id, events: 300, unchanged: false });
    expect(eventBytes(other, id)).toEqual(eventBytes(directory, id));
    const manifest = (root: string): Buffer => fs.readFileSync(manifestPath(root, id));
    expect(manifest(other.path).equals(manifest(directory.path))).toBe(true);
    const own = await verifySession(other, id);
    expect(own).toMatchObject({ integrity: "intact", completeness: "complete", derived: "ok" });
    expect(own.checkpoints.map(({ foreign, holds }) => ({ foreign, holds }))).toEqual([
      { foreign: false, holds: true },
      { foreign: true, holds: true },
    ]);
    const { verifierKey } = directory.identity;
    expect(await verifySession(other, id, { verifierKey })).toMatchObject({
      integrity: "intact",
      signedBy: verifierKey.split("+").slice(0, 2).join("+"),
    });
  });

  test("travels on with both checkpoints", async () => {
    const id = await writeSample(directory, 30);
    await imported(await bundleOf(id));
    const onward = await bundleOf(id, {}, other);
    const report = await verified(onward, directory.identity.verifierKey);
    expect(report).toMatchObject({ integrity: "intact", completeness: "complete" });
    expect((await verified(onward)).checkpoints).toHaveLength(2);
  });

  test("is unchanged when it comes again, and refused with other content", async () => {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(id);
    await imported(bundle);
    const before = filesOfOther();
    expect(await imported(bundle)).toMatchObject({ unchanged: true, events: 30 });
    expect(filesOfOther()).toEqual(before);
    const writer = directory.appendTo(id);
    const bytes = utf8("1");
    writer.append({ kind: "emit", type: "x", time: 1, ref: null, form: "json", bytes });
    await directory.closeWriter(writer);
    const longer = await imported(await bundleOf(id)).catch((error) => error);
    expect(codeOf(longer)).toBe("CONFLICT");
    expect(eventBytes(other, id)).toHaveLength(30);
  });

  test("does not come back once it was removed", async () => {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(id);
    await imported(bundle);
    await removeSession(other, id);
    expect(codeOf(await imported(bundle).catch((error) => error))).toBe("GONE");
    expect(other.sessionIds()).toEqual([]);
  });

  test("leaves nothing behind when it turns out to be damaged, wherever that is", async () => {
    const id = await writeSample(directory, 120);
    await keepSamples(directory, id, [60]);
    const bundle = await bundleOf(id, { snapshots: true });
    const before = filesOfOther();
    for (const { offset, content } of sectionsOf(bundle)) {
      const flipped = Buffer.from(bundle);
      const at = offset + 12 + (content.length >> 1);
      flipped[at] = (flipped[at] as number) ^ 4;
      expect(codeOf(await imported(flipped).catch((error) => error))).toBe("BUNDLE_INVALID");
      expect(filesOfOther()).toEqual(before);
      expect(other.sessionIds()).toEqual([]);
    }
    expect(await imported(bundle)).toMatchObject({ events: 120 });
  });

  test("brings its snapshots along for a key that is trusted, and only then", async () => {
    const id = await writeSample(directory, 120);
    await keepSamples(directory, id, [50, 100]);
    const bundle = await bundleOf(id, { snapshots: true });
    expect(await imported(bundle)).toMatchObject({ snapshots: 0 });
    expect(fs.existsSync(`${sessionFolder(other.path, id)}/snapshots`)).toBe(false);
    const third = await Directory.open({ path: scratch.at("third"), mode: "write" });
    const { verifierKey } = directory.identity;
    expect(await importBundle(third, inPieces(bundle), { verifierKey })).toMatchObject({
      snapshots: 2,
    });
    expect(await verifySession(third, id, { programs: [sampleProgram] })).toMatchObject({
      integrity: "intact",
      snapshots: { count: 2, damaged: 0 },
    });
    await third.close();
  });

  test("is not there after a crash in the middle of it", async () => {
    const id = await writeSample(directory, 500);
    const bundle = await bundleOf(id);
    const half = (async function* () {
      yield bundle.subarray(0, bundle.length >> 1);
      other.crash();
      throw new Error("the power went off");
    })();
    await importBundle(other, half).catch(() => undefined);
    other = await Directory.open({ path: scratch.at("other"), mode: "write", takeOver: true });
    expect(other.sessionIds()).toEqual([]);
    expect(await imported(bundle)).toMatchObject({ events: 500 });
  });
});
