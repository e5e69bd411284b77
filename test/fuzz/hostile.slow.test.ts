// Sources and bundles that are small and claim to be large, or are large and never come to a point:
// what they take of the machine is bounded by what they are, not by what they say.

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { codeOf, concat, sessionIdBytes, writeU16, writeU32 } from "../../src/base/index.ts";
import type { ImportProblem, RecordSink } from "../../src/importers/importer.ts";
import { formats } from "../../src/importers/index.ts";
import {
  bundleHeaderBytes,
  decodeBundleHeader,
  encodeSection,
  sectionBytesMax,
  sectionKinds,
} from "../../src/session/bundle-format.ts";
import { Directory, importBundle, verifyBundle } from "../../src/session/index.ts";
import { bundleOf, sectionsOf } from "../session/bundle-sections.ts";
import { writeSample } from "../session/sample-session.ts";
import { Random } from "../sim/random.ts";
import { FolderDisk } from "./folder-disk.ts";

const MiB = 2 ** 20;

/** What a process takes more than before while `work` goes on, in MiB, as far as it is seen. */
async function memoryOf(work: (look: () => void) => Promise<void> | void): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().rss);
  };
  await work(look);
  look();
  return (most - before) / MiB;
}

describe("a bundle of some kilobytes that says a terabyte", () => {
  /** A payload of 2^40 bytes begins; 64 KiB of it are said, and then said again and again. */
  function operations(random: Random): Uint8Array {
    const begin = new Uint8Array(39);
    begin[0] = 1;
    begin.set(random.bytes(32), 1);
    writeU32(begin, 35, 2 ** 24);
    const literal = new Uint8Array(3 + 0xffff);
    literal[0] = 2;
    writeU16(literal, 1, 0xffff);
    literal.set(random.bytes(0xffff), 3);
    const copies = new Uint8Array(7 * Math.floor((sectionBytesMax - 70_000) / 7 / 4));
    for (let at = 0; at < copies.length; at += 7) {
      copies[at] = 3;
      writeU32(copies, at + 1, random.between(8192, 0xffff));
      writeU16(copies, at + 5, 8192);
    }
    return concat(begin, literal, copies);
  }

  async function hostile(): Promise<Uint8Array> {
    const disk = new FolderDisk("home");
    disk.createFolder("home");
    const directory = await Directory.open({ path: "home/data", mode: "write", disk });
    const whole = await bundleOf(directory, await writeSample(directory, 3));
    await directory.close();
    const identity = sessionIdBytes(decodeBundleHeader(whole).id);
    const end = sectionsOf(whole).find(({ kind }) => kind > sectionKinds.snapshots)?.offset ?? 0;
    const content = operations(new Random("bomb"));
    const section = encodeSection(sectionKinds.payloads, content, identity, end);
    expect(end).toBeGreaterThan(bundleHeaderBytes);
    return concat(whole.subarray(0, end), section);
  }

  async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }

  it("is found wrong without taking memory, and imported it leaves nothing", async () => {
    const bytes = await hostile();
    expect(bytes.length).toBeLessThan(MiB);
    const verifying = await memoryOf(async () => {
      const report = await verifyBundle(once(bytes));
      expect(report).toMatchObject({ integrity: "damaged", blobs: { count: 0 } });
    });
    expect(verifying).toBeLessThan(100);
    const disk = new FolderDisk("home");
    disk.createFolder("home");
    const directory = await Directory.open({ path: "home/data", mode: "write", disk });
    const code = await importBundle(directory, once(bytes)).then(() => "imported", codeOf);
    expect(code).toBe("BUNDLE_INVALID");
    expect(directory.sessionIds()).toEqual([]);
    expect(disk.outside).toEqual([]);
    await directory.close();
    expect(disk.filesBelow("home/data/sessions")).toEqual([]);
    expect(disk.packBytes).toBeLessThan(MiB);
  });
});

describe("a record that would take many times its size", () => {
  const size = 31 * MiB;
  it.each([
    ["arrays in arrays", "[".repeat(size)],
    ["objects in objects", '{"a":'.repeat(size / 5)],
    ["very many arrays", `[${"[],".repeat(size / 3)}[]]`],
    ["very many objects", `[${"{},".repeat(size / 3)}{}]`],
  ])("is kept and not read: %s", async (_, text) => {
    const source = Buffer.from(`${text}\n`);
    for (const name of ["ndjson", "swe-agent"]) {
      const messages: string[] = [];
      const taken = await memoryOf(() => {
        const reader = formats.find((format) => format.name === name)?.reader({});
        const said = { ...sink, problem: (one: ImportProblem) => messages.push(one.message) };
        reader?.push(Buffer.from(name === "ndjson" ? "" : '{"info":'), said);
        reader?.push(source, said);
        reader?.end(said);
      });
      expect(taken, name).toBeLessThan(300);
      expect(messages.length, name).toBeGreaterThan(0);
    }
  });
});

const sink: RecordSink = { record: () => 0, gap: () => undefined, problem: () => undefined };

describe("a source that never comes to a point", () => {
  /** Fewer MiB of what is very many records. */
  const sources: readonly [what: string, start: string, unit: string, mebibytes: number][] = [
    ["one word", "", "x", 96],
    ["one text", '"', "y", 96],
    ["one number", "", "1", 96],
    ["arrays in arrays", "", "[", 96],
    ["objects in objects", "", '{"a":', 96],
    ["blanks", "", " ", 96],
    ["empty lines", "", "\n", 4],
    ["an array of empty objects", "[", "{},", 4],
  ];

  it.each(sources)("is read in bounded memory: %s", async (_, start, unit, mebibytes) => {
    const chunk = Buffer.from(unit.repeat(65_536 / unit.length));
    for (const format of formats) {
      const taken = await memoryOf((look) => {
        const reader = format.reader({});
        reader.push(Buffer.from(start), sink);
        for (let fed = 0; fed < mebibytes * MiB; fed += chunk.length) reader.push(chunk, sink);
        look();
        reader.end(sink);
      });
      expect(taken, format.name).toBeLessThan(300);
    }
  });
});
