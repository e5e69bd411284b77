/** What bundles of strangers can do: be refused. Nothing is written or believed for them. */
import * as fs from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, concat, encodeValue, writeU32 } from "../../src/base/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import { bundleHeaderBytes, encodeSection, sectionKinds } from "../../src/session/bundle-format.ts";
import { type BundleImportOptions, Directory, importBundle } from "../../src/session/index.ts";
import {
  bundleOf,
  inPieces,
  isRefused,
  rebuilt,
  type Section,
  sectionsOf,
  verified,
} from "./bundle-sections.ts";
import { filesBelow, keepSamples, Scratch, writeSample } from "./sample-session.ts";

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

describe("a bundle from a stranger", () => {
  /** A bundle whose sections were made by hand, with right checksums. */
  async function handMade(change: (sections: Section[]) => Section[]): Promise<Buffer> {
    const id = await writeSample(directory, 30);
    const bundle = await bundleOf(directory, id);
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
    const bundle = await bundleOf(directory, id);
    const claim = encodeSection(sectionKinds.head, new Uint8Array(0), new Uint8Array(16), 32);
    writeU32(claim, 4, 0xffff_ffff);
    const hostile = Buffer.concat([bundle.subarray(0, bundleHeaderBytes), claim]);
    const before = process.memoryUsage().arrayBuffers;
    expect(await isRefused(hostile)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("with events that are only nearly what Reach writes is refused", async () => {
    const id = await writeSample(directory, 9);
    const bundle = await bundleOf(directory, id);
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

  test("that was changed at random, under right checksums, is refused or is the same", async () => {
    const id = await writeSample(directory, 60);
    await keepSamples(directory, id, [30]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
    const sections = sectionsOf(bundle);
    const { root } = await verified(bundle);
    const change = fc.record({
      section: fc.nat(sections.length - 1),
      at: fc.nat(100_000),
      removed: fc.oneof(fc.constant(0), fc.nat(20)),
      added: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 64 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = [...sections];
        for (const { section, at, removed, added } of changes) {
          const { content, ...rest } = changed[section] as Section;
          const start = at % (content.length + 1);
          const tail = content.subarray(start + removed);
          changed[section] = { ...rest, content: concat(content.subarray(0, start), added, tail) };
        }
        const hostile = rebuilt(bundle, changed);
        if (await isRefused(hostile)) return;
        expect((await verified(hostile)).root).toBe(root);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test("that is no bundle at all says so", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("{}"), Buffer.alloc(500, 7)]) {
      const error = await verified(bytes).catch((thrown) => thrown);
      expect(codeOf(error)).toBe("BUNDLE_INVALID");
    }
  });
});
