/**
 * What restoring a session from a bundle promises: it is whole again and takes more events, and
 * nothing that is here is lost; where something would be, nothing changes.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, encodeValue, type SessionId, utf8 } from "../../src/base/index.ts";
import { checkpointPath, eventLogPath, manifestPath, sessionFolder } from "../../src/log/index.ts";
import {
  Directory,
  importBundle,
  type NewEvent,
  quarantinePath,
  removeSession,
  verifySession,
} from "../../src/session/index.ts";
import { bundleOf, inPieces } from "./bundle-sections.ts";
import { filesBelow, keepSamples, Scratch, writeSample } from "./sample-session.ts";

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

/** Does something to the files while nobody has them open. */
async function meanwhile(work: () => void): Promise<void> {
  await directory.close();
  work();
  directory = await open();
}

function restore(bundle: Uint8Array) {
  return importBundle(directory, inPieces(bundle), { restore: true });
}

async function append(id: SessionId, ...texts: string[]): Promise<void> {
  await appendIn(directory, id, ...texts);
}

async function appendIn(to: Directory, id: SessionId, ...texts: string[]): Promise<void> {
  const writer = to.appendTo(id);
  for (const text of texts) await writer.append(sample(text)).durable;
  await to.signCheckpoint(writer);
  await to.closeWriter(writer);
}

function sample(text: string): NewEvent {
  return { kind: "emit", type: "more", time: 1, ref: null, form: "cbor", bytes: encodeValue(text) };
}

async function expectWhole(id: SessionId, bundle: Uint8Array): Promise<void> {
  for (const time of ["now", "after it was opened again"]) {
    expect(await verifySession(directory, id), time).toMatchObject({
      integrity: "intact",
      completeness: "complete",
      quarantine: null,
      derived: expect.not.stringMatching("damaged"),
    });
    expect((await bundleOf(directory, id)).equals(bundle), time).toBe(true);
    await meanwhile(() => {});
  }
}

/** Contents of all files of the session. */
function contents(id: SessionId): Record<string, string> {
  const folder = sessionFolder(directory.path, id);
  const files = filesBelow(folder).map((name) => {
    return [name, fs.readFileSync(`${folder}/${name}`).toString("base64")];
  });
  return Object.fromEntries(files) as Record<string, string>;
}

/** What can happen to a session, by the path of its data directory. */
const damages: [string, (path: string, id: SessionId) => void][] = [
  ["a byte in the middle of its log", (path, id) => flip(eventLogPath(path, id), 0.5)],
  ["the head of its log", (path, id) => flip(eventLogPath(path, id), 0)],
  [
    "bytes all over its log",
    (path, id) => {
      for (const at of [0.1, 0.3, 0.7, 0.9]) flip(eventLogPath(path, id), at);
    },
  ],
  [
    "the second half of its log",
    (path, id) => {
      const log = eventLogPath(path, id);
      fs.truncateSync(log, Math.floor(fs.statSync(log).size / 2));
    },
  ],
  ["its log", (path, id) => fs.rmSync(eventLogPath(path, id))],
  ["its manifest, damaged", (path, id) => flip(manifestPath(path, id), 0.5)],
  ["its manifest, lost", (path, id) => fs.rmSync(manifestPath(path, id))],
  ["its checkpoint", (path, id) => fs.writeFileSync(checkpointPath(path, id), "rubbish\n")],
  [
    "a quarantine",
    (path, id) => {
      flip(eventLogPath(path, id), 0.6);
      fs.writeFileSync(quarantinePath(path, id), JSON.stringify({ seq: 50, reason: "damage" }));
    },
  ],
  [
    "a quarantine that is all that is left of a restore",
    (path, id) => {
      fs.writeFileSync(quarantinePath(path, id), JSON.stringify({ seq: 50, reason: "damage" }));
    },
  ],
  [
    "everything but its log, which is damaged",
    (path, id) => {
      flip(eventLogPath(path, id), 0.4);
      for (const name of fs.readdirSync(sessionFolder(path, id))) {
        if (name !== "events.log") {
          fs.rmSync(`${sessionFolder(path, id)}/${name}`, { recursive: true });
        }
      }
    },
  ],
];

function flip(file: string, share: number): void {
  const bytes = fs.readFileSync(file);
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share));
  bytes[at] = (bytes[at] as number) ^ 0x10;
  fs.writeFileSync(file, bytes);
}

describe("a session is whole again from a bundle after damage to", () => {
  test.each(damages)("%s", async (_, damage) => {
    const id = await writeSample(directory, 400);
    const bundle = await bundleOf(directory, id);
    await meanwhile(() => damage(directory.path, id));
    const { events, unchanged } = await restore(bundle);
    expect({ events, unchanged }).toEqual({ events: 400, unchanged: false });
    await expectWhole(id, bundle);
    await append(id, "goes on");
    expect(await verifySession(directory, id)).toMatchObject({ events: 401, integrity: "intact" });
    expect(filesBelow(directory.path).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test.each([
    [200, 6000],
    [60, 2 * 1024 * 1024],
  ])("its payloads as well: %i events, %i bytes", async (count, largeBytes) => {
    const id = await writeSample(directory, count, { largeBytes });
    const bundle = await bundleOf(directory, id);
    await meanwhile(() => {
      flip(eventLogPath(directory.path, id), 0.5);
      fs.rmSync(`${directory.path}/blobs`, { recursive: true });
    });
    const { repaired, restoredFrom } = await restore(bundle);
    expect(repaired).toBeGreaterThan(0);
    expect(restoredFrom).toBeGreaterThan(0);
    expect(restoredFrom).toBeLessThan(count);
    await expectWhole(id, bundle);
  });
});

test("a session that has grown elsewhere is brought up to date", async () => {
  const other = await Directory.open({ path: scratch.at("other"), mode: "write", origin: "other" });
  try {
    const id = await writeSample(other, 100);
    await importBundle(directory, inPieces(await bundleOf(other, id)));
    await appendIn(other, id, "more");
    const grown = await bundleOf(other, id);
    await expect(importBundle(directory, inPieces(grown))).rejects.toMatchObject({
      code: "CONFLICT",
      hint: expect.stringContaining("--restore"),
    });
    expect(await restore(grown)).toMatchObject({ events: 101, restoredFrom: 100 });
    expect(await verifySession(directory, id)).toMatchObject({
      integrity: "intact",
      completeness: "complete",
      signedSize: 101,
    });
  } finally {
    await other.close();
  }
});

test("a session that is whole is left alone, and one that is not here is imported", async () => {
  const id = await writeSample(directory, 100);
  const bundle = await bundleOf(directory, id);
  const before = contents(id);
  expect(await restore(bundle)).toMatchObject({ unchanged: true, restoredFrom: null });
  expect(contents(id)).toEqual(before);
  await meanwhile(() => fs.rmSync(sessionFolder(directory.path, id), { recursive: true }));
  expect(await restore(bundle)).toMatchObject({ unchanged: false, restoredFrom: null });
  await expectWhole(id, bundle);
});

describe("nothing changes where something would be lost:", () => {
  async function expectRefused(bundle: Uint8Array, id: SessionId, how: RegExp): Promise<void> {
    const before = contents(id);
    const error = await restore(bundle).catch((thrown: unknown) => thrown);
    expect(codeOf(error)).toBe("CONFLICT");
    expect(String(error)).toMatch(how);
    expect(contents(id)).toEqual(before);
  }

  test("events behind those of the bundle", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await append(id, "one", "two");
    await expectRefused(bundle, id, /has an event 100, and the bundle has 100 events/);
    await meanwhile(() => fs.rmSync(checkpointPath(directory.path, id)));
    await expectRefused(bundle, id, /has an event 100/);
  });

  test("events behind the damage that the bundle does not have", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await append(id, "one", "two");
    await meanwhile(() => {
      flip(eventLogPath(directory.path, id), 0.2);
      fs.rmSync(checkpointPath(directory.path, id));
    });
    await expectRefused(bundle, id, /has an event 10\d, and the bundle has 100 events/);
  });

  test("events in damage that begins where the bundle ends", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    const log = eventLogPath(directory.path, id);
    const { size } = fs.statSync(log);
    await append(id, "one", "two");
    await meanwhile(() => {
      const bytes = fs.readFileSync(log);
      fs.writeFileSync(log, bytes.fill(0, size + 60));
      fs.rmSync(checkpointPath(directory.path, id));
    });
    await expectRefused(bundle, id, /has an event 100, and the bundle has 100 events/);
  });

  test("events in damage that reaches over several batches, and beyond the bundle", async () => {
    const id = await writeSample(directory, 100);
    await append(id, "one", "two");
    const bundle = await bundleOf(directory, id);
    await append(id, "three", "four", "five");
    const log = eventLogPath(directory.path, id);
    const from = fs.readFileSync(log).lastIndexOf(encodeValue("one"));
    await meanwhile(() => {
      const bytes = fs.readFileSync(log);
      // A byte of each of the last five batches; or all of the first of them.
      for (const text of ["one", "two", "three", "four", "five"]) {
        const at = bytes.indexOf(encodeValue(text), from);
        bytes[at] = (bytes[at] as number) ^ 0x10;
      }
      fs.writeFileSync(log, bytes);
      fs.rmSync(checkpointPath(directory.path, id));
    });
    await expectRefused(bundle, id, /has an event 104, and the bundle has 102 events/);
    await meanwhile(() => {
      const bytes = fs.readFileSync(log);
      fs.writeFileSync(log, bytes.fill(0, from - 100, from));
    });
    await expectRefused(bundle, id, /has an event 104, and the bundle has 102 events/);
  });

  test("events that only a snapshot tells of, and other events than it was taken of", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
    await importBundle(other, inPieces(bundle));
    await appendIn(other, id, "1", "2", "3");
    const there = await bundleOf(other, id);
    await other.close();
    await append(id, "one", "two");
    await keepSamples(directory, id, [102]);
    await meanwhile(() => {
      const log = eventLogPath(directory.path, id);
      fs.truncateSync(log, Math.floor(fs.statSync(log).size / 2));
      fs.rmSync(checkpointPath(directory.path, id));
    });
    await expectRefused(bundle, id, /a snapshot after 102 events, the bundle has 100/);
    await expectRefused(there, id, /events are not those that a snapshot was taken of/);
  });

  test("events that are signed and lost here, and not in the bundle", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await append(id, "one", "two");
    await meanwhile(() => {
      const log = eventLogPath(directory.path, id);
      fs.truncateSync(log, Math.floor(fs.statSync(log).size / 2));
    });
    await expectRefused(bundle, id, /signed 102 events, the bundle has 100/);
  });

  test("another history under the same id", async () => {
    const id = await writeSample(directory, 100);
    const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
    await importBundle(other, inPieces(await bundleOf(directory, id)));
    await append(id, "here");
    await appendIn(other, id, "there");
    const there = await bundleOf(other, id);
    await other.close();
    await expectRefused(there, id, /event 100 is another one/);
    // Also where the event that differs cannot be read any more: its root was signed.
    await meanwhile(() => flip(eventLogPath(directory.path, id), 0.999));
    await expectRefused(there, id, /not those that .* signed/);
  });

  test("a bundle that does not verify", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await meanwhile(() => flip(eventLogPath(directory.path, id), 0.5));
    const before = contents(id);
    for (const wrong of [bundle.subarray(0, -1), Buffer.concat([bundle, utf8("x")])]) {
      await expect(restore(wrong)).rejects.toMatchObject({ code: "BUNDLE_INVALID" });
      expect(contents(id)).toEqual(before);
    }
  });

  test("a session that is being written", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await meanwhile(() => flip(eventLogPath(directory.path, id), 0.5));
    const writer = directory.createSession({ name: "another" });
    await writer.append(sample("x")).durable;
    await expect(restore(bundle)).rejects.toMatchObject({ code: "CONFLICT" });
    await directory.closeWriter(writer);
    expect(await restore(bundle)).toMatchObject({ events: 100 });
  });

  test("a session that has been removed", async () => {
    const id = await writeSample(directory, 100);
    const bundle = await bundleOf(directory, id);
    await removeSession(directory, id);
    await expect(restore(bundle)).rejects.toMatchObject({ code: "GONE" });
  });
});
