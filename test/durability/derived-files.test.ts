// Damage to what is derived from a long session, its index and its stored tree, never shows: every
// event is found at its place, every root is the right one, and after appending both are whole.

import { beforeAll, describe, expect, it } from "vitest";
import { type SessionId, toHex, utf8 } from "../../src/base/index.ts";
import { Directory, verifySession } from "../../src/session/index.ts";
import { cuts, type Damage, flips, losses } from "./damage.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { fixedClock, fixedEntropy, processNumber, smallSizes } from "./small-directories.ts";

const root = "/data/long";
/** More than two subtrees of 256 leaves, and several entries of the index. */
const count = 800;
const flipStep = 1201;
const sizes = [1, 100, 255, 256, 257, 511, 700, count];

function open(disk: MemoryDisk, mode: "read" | "write", process: number): Promise<Directory> {
  const clock = fixedClock();
  const entropy = fixedEntropy(`long ${process}`);
  const processes = processNumber(process);
  return Directory.open({ path: root, mode, disk, clock, entropy, processes, sizes: smallSizes });
}

function payloadOf(seq: number): Uint8Array {
  return utf8(`${seq} `.repeat(80));
}

describe.each(["events.idx", "tree.log"])("a damaged %s", { timeout: 60_000 }, (name) => {
  const disk = MemoryDisk.create(root);
  let id: SessionId;
  let file: string;
  let roots: string[];

  beforeAll(async () => {
    const directory = await open(disk, "write", 1);
    const bulk = await directory.openBulk({ name: "long" });
    const header = { kind: "emit", type: "long", time: 0, ref: null } as const;
    for (let seq = 0; seq < count; seq++) bulk.append(header, "bytes", payloadOf(seq));
    await directory.closeWriter(bulk);
    id = bulk.id;
    const reader = directory.session(id);
    roots = sizes.map((size) => toHex(reader.computedRoot(size)));
    reader.close();
    await directory.close();
    file = disk.paths().find((path) => path.endsWith(name)) as string;
  });

  function check(directory: Directory): void {
    const reader = directory.session(id);
    for (const seq of [0, 49, 50, 99, 333, 555, count - 1]) {
      expect(reader.event(seq).payloadBytes).toEqual(payloadOf(seq));
    }
    expect(reader.size).toBeGreaterThanOrEqual(count);
    expect(sizes.map((size) => toHex(reader.root(size)))).toEqual(roots);
    reader.close();
  }

  function* damages(): Generator<Damage> {
    const bytes = disk.bytesOf(file);
    const step = Math.min(flipStep, Math.ceil(bytes.length / 20));
    const choice = { step, first: 3, dense: bytes.length };
    yield* flips(bytes, choice);
    yield* cuts(bytes, { ...choice, step: 3 * step });
    yield* losses();
  }

  it("changes no answer", async () => {
    let cases = 0;
    for (const { name: what, bytes } of damages()) {
      const damaged = disk.copy();
      if (bytes) damaged.put(file, bytes);
      else damaged.remove(file);
      const reader = await open(damaged.copy(true), "read", 2);
      try {
        check(reader);
        const report = await verifySession(reader, id);
        expect(report).toMatchObject({ events: count, integrity: "intact", problems: [] });
        await reader.close();
        const directory = await open(damaged, "write", 3);
        const writer = directory.appendTo(id);
        const header = { kind: "emit", type: "long", time: 0, ref: null } as const;
        await writer.append({ ...header, form: "bytes", bytes: payloadOf(count) }).durable;
        await directory.close();
        const again = await open(damaged.copy(true), "read", 4);
        check(again);
        const later = await verifySession(again, id);
        expect(later).toMatchObject({ events: count + 1, problems: [] });
        await again.close();
      } catch (error) {
        throw new Error(`${name}, ${what}: ${String(error)}`, { cause: error });
      }
      cases += 1;
    }
    expect(cases).toBeGreaterThan(20);
  });
});
