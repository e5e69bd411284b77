// The events of a bundle without a data directory: those of the session, and none before all of the
// bundle has been verified.

import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { codeOf, encodeValue, type SessionId, sha256, toHex } from "../../src/base/index.ts";
import { type DiskFile, nodeDisk } from "../../src/disk/index.ts";
import type { EventView } from "../../src/event/index.ts";
import {
  type BundleEventsOptions,
  BundleReader,
  type BundleSource,
  Directory,
  exportBundle,
  forkSession,
  quarantinePath,
  verifyBundle,
} from "../../src/session/index.ts";
import { bundleOf, inPieces, rebuilt, sectionsOf } from "./bundle-sections.ts";
import { keepSamples, noise, randomFrom, Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
/** The only folder for temporary files. */
let temporary: string;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  temporary = scratch.at("temporary");
  fs.mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await directory.close();
  scratch.remove();
});

function plain(events: Iterable<EventView>): unknown[] {
  return [...events].map(({ bytes, payloadBytes }) => {
    return { event: toHex(bytes), size: payloadBytes.length, payload: toHex(sha256(payloadBytes)) };
  });
}

function eventsOf(id: SessionId, from?: number, to?: number): unknown[] {
  const session = directory.session(id);
  try {
    return plain(session.events(from, to));
  } finally {
    session.close();
  }
}

async function bundleEvents(source: BundleSource, options?: BundleEventsOptions) {
  const bundle = await BundleReader.open(source, options);
  try {
    return plain(bundle.events());
  } finally {
    bundle.close();
  }
}

function refused(bundle: Uint8Array, options?: BundleEventsOptions): Promise<unknown> {
  return BundleReader.open(inPieces(bundle), options).then(
    () => "opened",
    (error: unknown) => error,
  );
}

/** The temporary files that are made from now on, and the most that each was given at once. */
function spools(): { file: DiskFile; path: string; most: number }[] {
  const found: { file: DiskFile; path: string; most: number }[] = [];
  const open = nodeDisk.open.bind(nodeDisk);
  vi.spyOn(nodeDisk, "open").mockImplementation((name, mode) => {
    const file = open(name, mode);
    if (!name.startsWith(temporary)) return file;
    const spool = { file, path: name, most: 0 };
    found.push(spool);
    const write = file.write.bind(file);
    file.write = (bytes, position) => {
      write(bytes, position);
      spool.most = Math.max(spool.most, bytes.length);
    };
    return file;
  });
  return found;
}

describe("the events of a bundle", () => {
  it("are those of its session to the byte, with their payloads, in any range", async () => {
    const id = await writeSample(directory, 300);
    await keepSamples(directory, id, [100, 300]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
    expect(await bundleEvents(inPieces(bundle))).toEqual(eventsOf(id));
    const file = scratch.at("run.bundle");
    fs.writeFileSync(file, bundle);
    for (const [from, to] of [
      [0, 10],
      [17, 18],
      [200, 1000],
      [300, 400],
      [20, 20],
    ] as const) {
      expect(await bundleEvents(file, { from, to })).toEqual(eventsOf(id, from, to));
    }
    const key = { verifierKey: directory.identity.verifierKey };
    expect(await bundleEvents(inPieces(bundle, 13), key)).toEqual(eventsOf(id));
  });

  it("come with the report that verifying gives", async () => {
    const bundle = await bundleOf(directory, await writeSample(directory, 60));
    const { seconds: _, ...report } = await verifyBundle(inPieces(bundle));
    const reader = await BundleReader.open(inPieces(bundle), { from: 10, to: 20 });
    expect(reader.report).toMatchObject(report);
    expect(reader).toMatchObject({ id: report.id, size: 60 });
    reader.close();
  });

  it("come from forks and of payloads that many events name", async () => {
    const id = await writeSample(directory, 120);
    const fork = await forkSession(directory, id, { at: 100 });
    expect(await bundleEvents(inPieces(await bundleOf(directory, fork.id)))).toEqual(
      eventsOf(fork.id),
    );
    const writer = await directory.openBulk();
    const said = Buffer.from(noise(9000, randomFrom(3)));
    for (let seq = 0; seq < 40; seq++) {
      const bytes = seq % 2 === 0 ? said : encodeValue({ seq });
      writer.append({ kind: "emit", type: "x", time: seq, ref: null }, "bytes", bytes);
    }
    await directory.closeWriter(writer);
    const bundle = await bundleOf(directory, writer.id);
    expect(await bundleEvents(inPieces(bundle), { from: 31 })).toEqual(eventsOf(writer.id, 31));
  });

  it("have payloads of every size, also too large to hold", async () => {
    const writer = await directory.openBulk();
    const random = randomFrom(7);
    for (const size of [0, 4097, 65_536, 2 ** 20, 2 ** 20 + 1, 5_000_000, 5000]) {
      const bytes = Buffer.from(noise(Math.min(size, 90_000), random).repeat(60)).subarray(0, size);
      writer.append({ kind: "emit", type: "x", time: 1, ref: null }, "bytes", bytes);
    }
    await directory.closeWriter(writer);
    const bundle = await bundleOf(directory, writer.id);
    expect(await bundleEvents(inPieces(bundle))).toEqual(eventsOf(writer.id));
  });

  it("have no payloads outside of them where nobody wants any", async () => {
    const id = await writeSample(directory, 30, { largeBytes: 50_000 });
    const made = spools();
    const bundle = await BundleReader.open(inPieces(await bundleOf(directory, id)), {
      payloads: false,
    });
    const [, , , large] = [...bundle.events()] as EventView[];
    expect(made[0]?.file.size()).toBeLessThan(30_000);
    expect(() => large?.data).toThrow(expect.objectContaining({ code: "BLOB_MISSING" }));
    bundle.close();
  });

  it("stay valid while later ones are read", async () => {
    const id = await writeSample(directory, 20_000, { largeBytes: 100 });
    const bundle = await BundleReader.open(inPieces(await bundleOf(directory, id)));
    const held = [...bundle.events()];
    bundle.close();
    expect(held.map(({ seq }) => seq)).toEqual(Array.from({ length: 20_000 }, (_, seq) => seq));
  });
});

describe("nothing is shown", () => {
  it("of a bundle with one changed bit, or of one that is cut off", async () => {
    const id = await writeSample(directory, 12, { largeBytes: 4100 });
    await keepSamples(directory, id, [8]);
    const bundle = await bundleOf(directory, id, { snapshots: true });
    for (let offset = 0; offset < bundle.length; offset += 53) {
      const flipped = Buffer.from(bundle);
      flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8));
      expect(codeOf(await refused(flipped)), `byte ${offset}`).toBe("BUNDLE_INVALID");
      const cut = await refused(bundle.subarray(0, offset));
      expect(codeOf(cut), `${offset} bytes`).toBe("BUNDLE_INVALID");
    }
    expect(fs.readdirSync(temporary)).toEqual([]);
  });

  it("of one whose checksums are right and whose parts are not", async () => {
    const id = await writeSample(directory, 900);
    const bundle = await bundleOf(directory, id);
    const sections = sectionsOf(bundle);
    for (const i of sections.keys()) {
      // Without its checkpoint it is a bundle that nobody has signed, and no key vouches for it.
      const without = rebuilt(bundle, sections.toSpliced(i, 1));
      const { verifierKey } = directory.identity;
      expect(codeOf(await refused(without, { verifierKey })), `${i}`).toBe("BUNDLE_INVALID");
    }
  });

  it("of one that another key has signed, or that ends before what was signed", async () => {
    const id = await writeSample(directory, 60);
    const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
    const { verifierKey } = other.identity;
    await other.close();
    const foreign = await refused(await bundleOf(directory, id), { verifierKey });
    expect(foreign).toMatchObject({
      code: "BUNDLE_INVALID",
      message: expect.stringMatching(/^the bundle is damaged: checkpoint: no .* is signed by/),
    });
    const note = { seq: 50, reason: "the journal is damaged" };
    fs.writeFileSync(quarantinePath(directory.path, id), JSON.stringify(note));
    expect(await refused(await bundleOf(directory, id))).toMatchObject({
      code: "BUNDLE_INVALID",
      message: expect.stringMatching(/^the bundle is incomplete: events: events from 50 on are/),
    });
  });

  it("of what stands in the file since it was verified", async () => {
    const id = await writeSample(directory, 300);
    const file = scratch.at("run.bundle");
    const whole = await bundleOf(directory, id);
    fs.writeFileSync(file, whole);
    const bundle = await BundleReader.open(file);
    const events = bundle.events();
    const first = events.next().value as EventView;
    // In place, and as another file.
    fs.writeFileSync(file, Buffer.alloc(whole.length, 1));
    fs.rmSync(file);
    fs.writeFileSync(file, await bundleOf(directory, await writeSample(directory, 9)));
    expect(plain([first, ...events])).toEqual(eventsOf(id));
    bundle.close();
  });
});

describe("what is kept meanwhile", () => {
  it("lies in a file without a name, is written in pieces, and is closed in any case", async () => {
    const id = await writeSample(directory, 700, { largeBytes: 60_000 });
    const bundle = await bundleOf(directory, id);
    const made = spools();
    const reader = await BundleReader.open(inPieces(bundle));
    const [spool] = made;
    // 100 payloads of 60 kB that do not repeat themselves, and nearly all of them on the disk.
    expect(spool?.file.size()).toBeGreaterThan(5_000_000);
    expect(spool?.most).toBeLessThanOrEqual(2 ** 20);
    expect(fs.readdirSync(temporary)).toEqual([]);
    expect(fs.existsSync(path.dirname(spool?.path ?? ""))).toBe(false);
    // Whoever has seen enough.
    for (const { seq } of reader.events()) if (seq === 3) break;
    reader.close();
    await refused(bundle.subarray(0, -1));
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield bundle.subarray(0, 1_000_000);
      throw new Error("the line was cut");
    };
    await expect(BundleReader.open(failing())).rejects.toThrow("the line was cut");
    expect(made).toHaveLength(3);
    for (const { file } of made) expect(() => file.size()).toThrow("has been closed");
  });

  it("is not more than what was asked for", async () => {
    const id = await writeSample(directory, 7000, { largeBytes: 6000 });
    const bundle = await bundleOf(directory, id);
    const made = spools();
    const reader = await BundleReader.open(inPieces(bundle), { from: 10, to: 20 });
    expect(plain(reader.events())).toEqual(eventsOf(id, 10, 20));
    expect(made[0]?.file.size()).toBeLessThan(bundle.length / 4);
    reader.close();
  });

  it("says where there was no room for it", async () => {
    const id = await writeSample(directory, 300);
    const file = scratch.at("run.bundle");
    await exportBundle(directory, id, async (bytes) => fs.appendFileSync(file, bytes));
    const open = nodeDisk.open.bind(nodeDisk);
    vi.spyOn(nodeDisk, "open").mockImplementation((name, mode) => {
      const opened = open(name, mode);
      if (name.startsWith(temporary)) {
        opened.write = () => {
          throw Object.assign(new Error("no room"), { code: "DISK_FULL" });
        };
      }
      return opened;
    });
    const opening = BundleReader.open(file).then((reader) => [...reader.events()]);
    await expect(opening).rejects.toMatchObject({
      code: "DISK_FULL",
      message: `no room in ${temporary} for what is read`,
    });
  });
});
