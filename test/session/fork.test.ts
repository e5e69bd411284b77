// Forks of recorded sessions: what they share is the same to the bit, and they need nothing of
// where they come from.

import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { codeOf, encodeValue, type SessionId, utf8 } from "../../src/base/index.ts";
import { checkpointPath, eventLogPath } from "../../src/log/index.ts";
import {
  collectGarbage,
  Directory,
  forkSession,
  importBundle,
  quarantinePath,
  removeSession,
  verifyBundle,
  verifySession,
} from "../../src/session/index.ts";
import { bundleOf, inPieces } from "./bundle-sections.ts";
import { keepSamples, Scratch, writeSample } from "./sample-session.ts";

const open: { directory: Directory; scratch: Scratch }[] = [];

afterEach(async () => {
  for (const { directory, scratch } of open.splice(0)) {
    await directory.close();
    scratch.remove();
  }
});

async function newDirectory(): Promise<Directory> {
  const scratch = new Scratch();
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  open.push({ directory, scratch });
  return directory;
}

function eventsOf(directory: Directory, id: SessionId, from = 0): unknown[] {
  const reader = directory.session(id);
  try {
    return [...reader.events(from)].map(({ kind, type, ref, time, payloadBytes }) => {
      return { kind, type, ref, time, bytes: Buffer.from(payloadBytes).toString("base64") };
    });
  } finally {
    reader.close();
  }
}

function rootOf(directory: Directory, id: SessionId, size: number): Uint8Array {
  const reader = directory.session(id);
  try {
    return reader.computedRoot(size);
  } finally {
    reader.close();
  }
}

describe("a fork of a recorded session", () => {
  it("has the same events under the same root, and says where it comes from", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 120);
    const { id, at, events } = await forkSession(directory, source, { at: 77 });
    expect({ at, events }).toEqual({ at: 77, events: 78 });
    expect(eventsOf(directory, id).slice(0, 77)).toEqual(eventsOf(directory, source).slice(0, 77));
    expect(rootOf(directory, id, 77)).toEqual(rootOf(directory, source, 77));
    const reader = directory.session(id);
    expect(reader.manifest.fork).toMatchObject({ source, at: 77 });
    expect(reader.event(77)).toMatchObject({ kind: "fork", data: { source, at: 77 } });
    reader.close();
    const report = await verifySession(directory, id);
    expect(report).toMatchObject({ integrity: "intact", completeness: "complete", events: 78 });
  });

  it("may have other data, and goes on behind it as its source did", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 60);
    const overrides = new Map([[20, { changed: true }]]);
    const { id, at, events } = await forkSession(directory, source, { at: 50, overrides });
    expect({ at, events }).toEqual({ at: 20, events: 51 });
    const [fork, changed, ...rest] = eventsOf(directory, id, 20);
    expect(fork).toMatchObject({ kind: "fork" });
    const reader = directory.session(id);
    expect(reader.event(21).data).toEqual({ changed: true });
    reader.close();
    const expected = (eventsOf(directory, source) as { ref: number | null }[]).slice(20, 50);
    const shifted = expected.map((one) => {
      return { ...one, ref: one.ref !== null && one.ref >= 20 ? one.ref + 1 : one.ref };
    });
    expect(rest).toEqual(shifted.slice(1));
    expect(changed).toMatchObject({ ...shifted[0], bytes: expect.any(String) });
    expect((await verifySession(directory, id)).integrity).toBe("intact");
  });

  it("is not made where data is to be set that it does not come to", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 60);
    for (const seq of [50, 59, 1000, -1, 2.5]) {
      const overrides = new Map([[seq, null]]);
      const refused = forkSession(directory, source, { at: 50, overrides });
      expect(await refused.catch(codeOf), `event ${seq}`).toBe("USAGE");
    }
    expect(directory.sessionIds()).toEqual([source]);
  });

  it("has nothing of what stands behind the damage of its source", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 120);
    const note = { seq: 50, reason: "the journal is damaged" };
    fs.writeFileSync(quarantinePath(directory.path, source), JSON.stringify(note));
    for (const at of [51, 120]) {
      const refused = { code: "QUARANTINED", hint: "it can be forked at 1 to 50" };
      await expect(forkSession(directory, source, { at })).rejects.toMatchObject(refused);
    }
    expect(directory.sessionIds()).toEqual([source]);
    const { id, events } = await forkSession(directory, source, { at: 50 });
    expect(events).toBe(51);
    expect(await verifySession(directory, id)).toMatchObject({ integrity: "intact", events: 51 });
  });

  it("that has lost shared events is incomplete, also without a checkpoint", async () => {
    const directory = await newDirectory();
    const { id } = await forkSession(directory, await writeSample(directory, 120), { at: 100 });
    fs.rmSync(checkpointPath(directory.path, id));
    const whole = await verifySession(directory, id);
    expect(whole).toMatchObject({ integrity: "intact", completeness: "unknown" });
    const log = eventLogPath(directory.path, id);
    const reader = directory.session(id);
    const [, second] = [...reader.batches()].map(({ fileOffset }) => fileOffset);
    reader.close();
    fs.truncateSync(log, second);
    const report = await verifySession(directory, id);
    expect(report).toMatchObject({ events: 50, completeness: "incomplete", firstBad: 50 });
    expect(report.badEvents).toBe(51);
    expect(() => directory.appendTo(id)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });

  it("of a fork has the events of both, and outlives them", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 90);
    const first = await forkSession(directory, source, { at: 70 });
    const writer = directory.appendTo(first.id);
    const header = { kind: "emit", type: "own", time: 1, ref: null, form: "bytes" } as const;
    for (let i = 0; i < 20; i++) writer.append({ ...header, bytes: new Uint8Array(5000).fill(i) });
    await writer.flush();
    await directory.closeWriter(writer);
    const second = await forkSession(directory, first.id, { at: 80 });
    const expected = eventsOf(directory, first.id).slice(0, 80);
    await removeSession(directory, source);
    await removeSession(directory, first.id);
    await collectGarbage(directory);
    expect(eventsOf(directory, second.id).slice(0, 80)).toEqual(expected);
    expect(await verifySession(directory, second.id)).toMatchObject({
      integrity: "intact",
      completeness: "complete",
      problems: [],
    });
  });

  it("travels by itself in a bundle, and is verified there", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 40);
    const { id } = await forkSession(directory, source, { at: 30 });
    const bundle = await bundleOf(directory, id);
    expect(await verifyBundle(inPieces(bundle))).toMatchObject({ integrity: "intact" });
    const elsewhere = await newDirectory();
    await importBundle(elsewhere, inPieces(bundle));
    expect(eventsOf(elsewhere, id)).toEqual(eventsOf(directory, id));
    expect((await verifySession(elsewhere, id)).integrity).toBe("intact");
  });

  it("whose shared events are not those that it names is damaged", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 40);
    const made = await forkSession(directory, source, { at: 30 });
    const reader = directory.session(made.id);
    const { manifest } = reader;
    reader.close();
    // Another fork with the same manifest but for the root.
    const root = new Uint8Array(32).fill(7);
    const fork = { ...(manifest.fork as NonNullable<typeof manifest.fork>), root };
    const id = "0199c1f2-0000-7000-8000-000000000001";
    const writer = await directory.openBulk({ manifest: { ...manifest, id, fork } });
    const events = directory.session(made.id);
    for (const { bytes } of events.events(0, 30)) writer.appendEncoded(bytes);
    events.close();
    await directory.closeWriter(writer);
    const report = await verifySession(directory, id);
    expect(report.integrity).toBe("damaged");
    expect(report.problems[0]?.message).toContain("are not those of session");
  });

  it.each([
    [{ at: 0 }, "USAGE"],
    [{ at: 41 }, "NOT_FOUND"],
    [{ at: 10, overrides: new Map([[0, 1]]) }, "USAGE"],
  ])("is refused where it cannot be: %j", async (options, code) => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 40);
    const before = directory.sessionIds();
    await expect(forkSession(directory, source, options)).rejects.toMatchObject({ code });
    expect(directory.sessionIds()).toEqual(before);
  });

  it("is refused under the id of a session that is there, or was", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 40);
    const gone = await writeSample(directory, 3);
    await removeSession(directory, gone);
    const before = eventsOf(directory, source);
    const taken = forkSession(directory, source, { at: 10, id: source });
    await expect(taken).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    const used = forkSession(directory, source, { at: 10, id: gone });
    await expect(used).rejects.toMatchObject({ code: "GONE" });
    expect(eventsOf(directory, source)).toEqual(before);
    expect(directory.sessionIds()).toEqual([source]);
  });

  it("that is interrupted leaves nothing", async () => {
    const directory = await newDirectory();
    const source = await writeSample(directory, 4000);
    const signal = AbortSignal.abort();
    await expect(forkSession(directory, source, { at: 3000, signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(directory.sessionIds()).toEqual([source]);
  });
});

describe("a fork of a session that Reach runs", () => {
  it("is there without the states that cannot be read", async () => {
    const directory = await newDirectory();
    const bundle = await directory.keepPayload(utf8("code"));
    const program = { name: "agent", version: "1", bundle, map: bundle, runtime: "reach" };
    const writer = directory.createSession({ kind: "executed", program });
    const header = { type: "x", time: 1, ref: null, form: "cbor", bytes: encodeValue({}) } as const;
    for (let i = 0; i < 20; i++) writer.append({ ...header, kind: i === 0 ? "trigger" : "input" });
    await directory.closeWriter(writer);
    await keepSamples(directory, writer.id, [5, 10], bundle);
    const reader = directory.session(writer.id);
    const [first, second] = reader.snapshots(bundle);
    reader.close();
    const packs = fs.readdirSync(`${directory.path}/blobs`).filter((name) => /pack$/.test(name));
    const pack = `${directory.path}/blobs/${packs[0]}`;
    const bytes = fs.readFileSync(pack);
    const state = bytes.indexOf(first?.stateHash as Uint8Array) + 40;
    bytes[state] = (bytes[state] as number) ^ 1;
    fs.writeFileSync(pack, bytes);
    const { id } = await forkSession(directory, writer.id, { at: 15 });
    expect(directory.session(id).snapshots(bundle)).toMatchObject([{ size: second?.size }]);
    expect(await verifySession(directory, id)).toMatchObject({ integrity: "intact" });
  });
});
