/** What importing a bundle promises: the very session comes in, whole and verified, or nothing. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, type SessionId, utf8 } from "../../src/base/index.ts";
import { manifestPath, sessionFolder } from "../../src/log/index.ts";
import {
  type BundleImportOptions,
  Directory,
  importBundle,
  removeSession,
  verifySession,
} from "../../src/session/index.ts";
import { bundleOf, inPieces, sectionsOf, verified } from "./bundle-sections.ts";
import { filesBelow, keepSamples, Scratch, sampleProgram, writeSample } from "./sample-session.ts";

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

describe("an imported bundle", () => {
  test("has the very events, and keeps the checkpoint it came with", async () => {
    const id = await writeSample(directory, 300);
    const bundle = await bundleOf(directory, id);
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
    await imported(await bundleOf(directory, id));
    const onward = await bundleOf(other, id);
    const report = await verified(onward, directory.identity.verifierKey);
    expect(report).toMatchObject({ integrity: "intact", completeness: "complete" });
    expect((await verified(onward)).checkpoints).toHaveLength(2);
  });

  test("is unchanged when it comes again, and refused with other content", async () => {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(directory, id);
    await imported(bundle);
    const before = filesOfOther();
    expect(await imported(bundle)).toMatchObject({ unchanged: true, events: 30 });
    expect(filesOfOther()).toEqual(before);
    const writer = directory.appendTo(id);
    const bytes = utf8("1");
    writer.append({ kind: "emit", type: "x", time: 1, ref: null, form: "json", bytes });
    await directory.closeWriter(writer);
    const longer = await imported(await bundleOf(directory, id)).catch((error) => error);
    expect(codeOf(longer)).toBe("CONFLICT");
    expect(eventBytes(other, id)).toHaveLength(30);
  });

  test("does not come back once it was removed", async () => {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(directory, id);
    await imported(bundle);
    await removeSession(other, id);
    expect(codeOf(await imported(bundle).catch((error) => error))).toBe("GONE");
    expect(other.sessionIds()).toEqual([]);
  });

  test("leaves nothing behind when it turns out to be damaged, wherever that is", async () => {
    const id = await writeSample(directory, 120);
    await keepSamples(directory, id, [60]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
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
    const bundle = await bundleOf(directory, id, { snapshots: true });
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
    const bundle = await bundleOf(directory, id);
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
