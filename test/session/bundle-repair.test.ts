/** What a bundle is good for when its session is here, and payloads of it are lost or damaged. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { Directory, importBundle, verifySession } from "../../src/session/index.ts";
import { bundleOf, inPieces, rebuilt, sectionsOf } from "./bundle-sections.ts";
import { keepSamples, Scratch, writeSample } from "./sample-session.ts";

const MiB = 1024 * 1024;

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await open();
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

function open(): Promise<Directory> {
  return Directory.open({ path: scratch.at("data"), mode: "write" });
}

function packs(): string[] {
  const folder = `${directory.path}/blobs`;
  return fs.readdirSync(folder).flatMap((name) => {
    return name.endsWith(".pack") ? [`${folder}/${name}`] : [];
  });
}

/** Damages what lies in the store, while nobody has it open. */
async function damage(how: "a byte here and there" | "no packs"): Promise<void> {
  await directory.close();
  for (const pack of packs()) {
    if (how === "no packs") {
      fs.rmSync(pack);
      fs.rmSync(pack.replace(/pack$/, "idx"), { force: true });
      continue;
    }
    const bytes = fs.readFileSync(pack);
    for (let at = 3000; at < bytes.length; at += 40_000) bytes[at] = (bytes[at] as number) ^ 1;
    fs.writeFileSync(pack, bytes);
  }
  directory = await open();
}

async function isIntact(id: SessionId): Promise<boolean> {
  const { integrity, completeness } = await verifySession(directory, id);
  return integrity === "intact" && completeness === "complete";
}

describe("a bundle of a session that is here", () => {
  const sizes = [
    ["small", 6000],
    ["large", 2 * MiB],
    ["too large to hold", 5 * MiB],
  ] as const;
  for (const how of ["a byte here and there", "no packs"] as const) {
    test.each(sizes)(`brings back what is ${how}, of %s payloads`, async (_, largeBytes) => {
      const id = await writeSample(directory, largeBytes > MiB ? 20 : 200, { largeBytes });
      const bundle = await bundleOf(directory, id);
      await damage(how);
      expect(await isIntact(id)).toBe(false);
      const first = await importBundle(directory, inPieces(bundle));
      expect(first).toMatchObject({ id, unchanged: true });
      expect(first.repaired).toBeGreaterThan(0);
      expect(await isIntact(id)).toBe(true);
      await directory.close();
      directory = await open();
      expect(await isIntact(id)).toBe(true);
      const again = await importBundle(directory, inPieces(bundle));
      expect(again).toMatchObject({ unchanged: true, repaired: 0 });
      expect((await bundleOf(directory, id)).equals(bundle)).toBe(true);
    });
  }

  test("stores no states, which are computed again", async () => {
    const id = await writeSample(directory, 100);
    await keepSamples(directory, id, [50]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
    await damage("no packs");
    const { verifierKey } = directory.identity;
    const { repaired } = await importBundle(directory, inPieces(bundle), { verifierKey });
    const bare = await importBundle(directory, inPieces(await bundleOf(directory, id)));
    expect(repaired).toBe(bare.report.blobs.count);
  });

  test("brings nothing back when it is not whole", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await damage("no packs");
    const cut = rebuilt(bundle, sectionsOf(bundle).slice(0, -1));
    await expect(importBundle(directory, inPieces(cut))).rejects.toMatchObject({
      code: "BUNDLE_INVALID",
    });
    expect(await isIntact(id)).toBe(false);
  });
});
