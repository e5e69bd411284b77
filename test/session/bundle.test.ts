/** What bundles promise: they verify offline, and nothing wrong in them is accepted. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, utf8 } from "../../src/base/index.ts";
import { sectionKinds } from "../../src/session/bundle-format.ts";
import {
  type BundleImportOptions,
  bundlePieces,
  Directory,
  exportBundle,
  forkSession,
  importBundle,
  quarantinePath,
  verifyBundle,
  verifySession,
} from "../../src/session/index.ts";
import { turnsOfOthers } from "../turns-of-others.ts";
import {
  bundleOf,
  inPieces,
  isRefused,
  rebuilt,
  type Section,
  sectionsOf,
  verified,
} from "./bundle-sections.ts";
import {
  keepSamples,
  noise,
  randomFrom,
  Scratch,
  sampleProgram,
  writeSample,
} from "./sample-session.ts";

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

function imported(bundle: Uint8Array, options: BundleImportOptions = {}) {
  return importBundle(other, inPieces(bundle), options);
}

describe("a bundle of an untouched session", () => {
  test("leaves the thread to others before its first byte, where nothing is signed", async () => {
    const id = await writeSample(directory, 20_000, { largeBytes: 100, sign: false });
    let before: number | undefined;
    const turns = turnsOfOthers();
    await exportBundle(directory, id, async () => {
      before ??= turns();
    });
    expect(before).toBeGreaterThan(3);
  });

  test("verifies offline with what it holds, and says as much as the session does", async () => {
    const id = await writeSample(directory, 300);
    await keepSamples(directory, id, [100, 300]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
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
    const bundle = await bundleOf(directory, id);
    expect((await bundleOf(directory, id)).equals(bundle)).toBe(true);
    const { seconds: _, ...whole } = await verified(bundle);
    fs.writeFileSync(scratch.at("a.bundle"), bundle);
    expect(await verifyBundle(bundlePieces(scratch.at("a.bundle")))).toMatchObject(whole);
    for (const size of [1, 13, 4099]) {
      expect(await verifyBundle(inPieces(bundle, size))).toMatchObject(whole);
    }
  });

  test("is proved by a key that is given, and refused for another one", async () => {
    const id = await writeSample(directory, 20);
    const bundle = await bundleOf(directory, id);
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
      const bytes = Buffer.from(noise(Math.min(size, 100_000), random).repeat(50)).subarray(
        0,
        size,
      );
      writer.append({ kind: "emit", type: "x", time: 1, ref: null }, "bytes", bytes);
    }
    await directory.closeWriter(writer);
    const bundle = await bundleOf(directory, writer.id);
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
    const bundle = await bundleOf(directory, writer.id);
    expect(bundle.length).toBeLessThan(1.6 * said);
    expect(bundle.length).toBeLessThan(1.03 * stored);
    expect(await verified(bundle)).toMatchObject({ problemCount: 0, blobs: { count: 60 } });
  });
});

describe("nothing wrong is accepted", () => {
  test("every changed byte is found", async () => {
    const id = await writeSample(directory, 5, { largeBytes: 4100 });
    await keepSamples(directory, id, [4]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
    for (let offset = 0; offset < bundle.length; offset++) {
      const flipped = Buffer.from(bundle);
      flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8));
      expect(await isRefused(flipped), `byte ${offset} of ${bundle.length}`).toBe(true);
    }
  }, 120_000);

  test("every missing and every additional byte is found", async () => {
    const id = await writeSample(directory, 20);
    const bundle = await bundleOf(directory, id);
    for (let size = 0; size < bundle.length; size += 61) {
      expect(await isRefused(bundle.subarray(0, size)), `${size} bytes`).toBe(true);
    }
    expect(await isRefused(bundle.subarray(0, -1))).toBe(true);
    expect(await isRefused(Buffer.concat([bundle, Buffer.alloc(1)]))).toBe(true);
    expect(await isRefused(Buffer.concat([bundle, bundle]))).toBe(true);
  });

  test("the first event behind damage is named", async () => {
    const id = await writeSample(directory, 2000);
    const bundle = await bundleOf(directory, id);
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
    const bundle = await bundleOf(directory, id, { snapshots: true });
    const sections = sectionsOf(bundle);
    expect(await isRefused(rebuilt(bundle, sections))).toBe(false);
    for (const [i, section] of sections.entries()) {
      const without = rebuilt(
        bundle,
        sections.filter((_, other) => other !== i),
      );
      if (section.kind === sectionKinds.checkpoint) {
        // Whoever takes the signatures away has an unsigned bundle, which no key vouches for.
        expect(await verified(without)).toMatchObject({ completeness: "unknown", signedBy: null });
        const { verifierKey } = directory.identity;
        expect(await verified(without, verifierKey)).toMatchObject({ integrity: "damaged" });
      } else expect(await isRefused(without), `without ${section.kind}`).toBe(true);
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
    const bundle = await bundleOf(directory, id);
    const sections = sectionsOf(bundle);
    const others = sectionsOf(await bundleOf(directory, second));
    for (const [i] of sections.entries()) {
      const mixed = sections.map((section, j) => (i === j ? (others[i] as Section) : section));
      expect(await isRefused(rebuilt(bundle, mixed)), `section ${i}`).toBe(true);
    }
  });

  test("a bundle that stops before what was signed is incomplete", async () => {
    const id = await writeSample(directory, 60);
    const note = { seq: 50, reason: "the journal is damaged" };
    fs.writeFileSync(quarantinePath(directory.path, id), JSON.stringify(note));
    const bundle = await bundleOf(directory, id);
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

  test("takes no other events in the place of those that are missing", async () => {
    const id = await writeSample(directory, 60);
    const note = { seq: 50, reason: "the journal is damaged" };
    fs.writeFileSync(quarantinePath(directory.path, id), JSON.stringify(note));
    await imported(await bundleOf(directory, id), { incomplete: true });
    const promised = { code: "CORRUPT", message: expect.stringMatching(/has 50 events.* 60 /) };
    expect(() => other.appendTo(id)).toThrow(expect.objectContaining(promised));
    await expect(other.openBulk({ id })).rejects.toMatchObject(promised);
    // Nothing is left behind, and what is there can still be signed and forked.
    await other.signSession(id);
    expect(await verifySession(other, id)).toMatchObject({
      integrity: "intact",
      completeness: "incomplete",
    });
    const fork = await forkSession(other, id, { at: 49 });
    expect(await verifySession(other, fork.id)).toMatchObject({ completeness: "complete" });
  });
});
