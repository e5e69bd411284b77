// Damage comes before divergence: what does not verify is found, named by its event, and nothing is
// said about the program. Kept states are a cache: damage there costs time, not the verdict.

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { encodeValue, sessionIdBytes } from "../../src/base/index.ts";
import { batchSize, sealBatch } from "../../src/event/index.ts";
import { eventLogStart } from "../../src/log/index.ts";
import type { LoadedProgram, ReplayReport } from "../../src/runtime/index.ts";
import { replaySession, stateAt } from "../../src/runtime/index.ts";
import { Directory, quarantinePath } from "../../src/session/index.ts";
import {
  append,
  counter,
  type MadeSession,
  makeSession,
  program,
  reading,
  snapshotFile,
  usualEvent,
  writing,
} from "./made-session.ts";

function replay(session: MadeSession, used: LoadedProgram, workers = 2): Promise<ReplayReport> {
  return reading(session.root, (directory) =>
    replaySession(directory, session.id, { program: used, workers }),
  );
}

function keep(session: MadeSession, used: LoadedProgram): Promise<ReplayReport> {
  return writing(session.root, (directory) =>
    replaySession(directory, session.id, { program: used, workers: 2, keep: true }),
  );
}

/** Changes the bytes of a file. */
function change(file: string, edit: (bytes: Buffer) => Buffer): void {
  writeFileSync(file, edit(readFileSync(file)));
}

function flip(file: string, offset: number): void {
  change(file, (bytes) => {
    bytes[offset] = (bytes[offset] as number) ^ 0x01;
    return bytes;
  });
}

/** Seq of the first event of the batch that holds byte `offset` of a log. */
function batchAt(log: string, offset: number): { firstSeq: number; start: number } {
  const bytes = readFileSync(log);
  for (let at = eventLogStart; at < bytes.length; ) {
    const size = batchSize(bytes, at) as number;
    if (offset < at + size) return { firstSeq: Number(bytes.readBigUInt64LE(at + 16)), start: at };
    at += size;
  }
  throw new Error(`byte ${offset} is in no batch`);
}

/** Changes one byte of the data of an event and makes the batch valid again, as a forger would. */
function forge({ log, id }: MadeSession, word: string): void {
  change(log, (bytes) => {
    const offset = bytes.indexOf(word);
    bytes[offset] = (bytes[offset] as number) ^ 0x01;
    const { start } = batchAt(log, offset);
    const size = batchSize(bytes, start) as number;
    sealBatch(bytes.subarray(start, start + size), sessionIdBytes(id), start);
    return bytes;
  });
}

/** The pack that holds the state of the snapshot of `size` events, damaged. */
async function damageState(session: MadeSession, used: LoadedProgram, size: number): Promise<void> {
  const hash = await reading(session.root, async (directory) => {
    const records = directory.session(session.id).snapshots(used.hash);
    return records.find((record) => record.size === size)?.stateHash as Uint8Array;
  });
  const folder = path.join(session.root, "blobs");
  for (const name of readdirSync(folder).filter((found) => found.endsWith(".pack"))) {
    const file = path.join(folder, name);
    const at = readFileSync(file).indexOf(hash);
    if (at < 0) continue;
    flip(file, at + 40);
    rmSync(file.replace(/pack$/, "idx"), { force: true });
    return;
  }
  throw new Error("no pack holds the state");
}

describe("a log that was changed", () => {
  test("by one byte is corrupt, and the event is named, whatever the workers", async () => {
    const session = await makeSession(4_000);
    const used = await counter();
    await keep(session, used);
    const { length } = readFileSync(session.log);
    for (const offset of [eventLogStart + 200, Math.floor(length / 2), length - 10]) {
      flip(session.log, offset);
      const { firstSeq } = batchAt(session.log, offset);
      for (const workers of [1, 2, 4]) {
        expect(await replay(session, used, workers)).toMatchObject({
          verdict: "corrupt",
          problem: { seq: firstSeq },
          divergence: null,
          stateHash: null,
          root: null,
          snapshots: 0,
        });
      }
      flip(session.log, offset);
    }
    expect(await replay(session, used)).toMatchObject({ verdict: "identical" });
  });

  test("by a forger who mends the checksums is corrupt, even if the program diverges", async () => {
    const session = await makeSession(4_000);
    const used = await counter();
    await keep(session, used);
    forge(session, "event 2345 ");
    const report = await replay(session, used);
    expect(report).toMatchObject({ verdict: "corrupt", problem: { seq: 2_345 }, divergence: null });
    rmSync(path.join(path.dirname(session.log), "tree.log"));
    const without = await replay(session, used);
    expect(without).toMatchObject({ verdict: "corrupt", problem: { seq: 2_000 } });
    expect(without.problem?.message).toContain("events 2000 to 2999 are not");
  });

  test("and never replayed before is corrupt all the same, and no state is kept", async () => {
    const session = await makeSession(3_000);
    const used = await counter();
    forge(session, "event 1111 ");
    const report = await keep(session, used);
    expect(report).toMatchObject({ verdict: "corrupt", problem: { seq: 1_111 }, kept: false });
  });

  test("by cutting off its end is corrupt where it was signed", async () => {
    const session = await makeSession(4_000);
    const used = await counter();
    const { start, firstSeq } = batchAt(session.log, readFileSync(session.log).length - 1);
    change(session.log, (bytes) => bytes.subarray(0, start));
    expect(await replay(session, used)).toMatchObject({
      verdict: "corrupt",
      problem: { seq: firstSeq, message: expect.stringContaining("4000 were signed") },
    });
  });

  test("by a crash that left a torn tail waits for recovery, it is not corrupt", async () => {
    const session = await makeSession(300);
    const directory = await Directory.open({ path: session.root, mode: "write" });
    const writer = directory.appendTo(session.id);
    const bytes = encodeValue(usualEvent(300).data);
    const event = { kind: "emit", type: "late", time: 1, ref: null, form: "cbor", bytes } as const;
    await writer.append(event).durable;
    directory.crash();
    const used = await counter();
    expect(await replay(session, used)).toMatchObject({ verdict: "computed", events: 301 });
    change(session.log, (log) => log.subarray(0, log.length - 7));
    await expect(replay(session, used)).rejects.toMatchObject({ code: "UNRECOVERED" });
  });

  test("by a crash that took a payload waits for recovery as well", async () => {
    const session = await makeSession(10);
    const directory = await Directory.open({ path: session.root, mode: "write" });
    const writer = directory.appendTo(session.id);
    const bytes = encodeValue({ text: "large ".repeat(5_000), list: [0, { deep: 0 }] });
    const event = { kind: "emit", type: "late", time: 1, ref: null, form: "cbor", bytes } as const;
    await writer.append(event).durable;
    directory.crash();
    const used = await counter();
    const folder = path.join(session.root, "blobs");
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    await expect(replay(session, used)).rejects.toMatchObject({ code: "UNRECOVERED" });
  });

  test("and was found damaged when the directory was opened is corrupt from there on", async () => {
    const session = await makeSession(300);
    const file = quarantinePath(session.root, session.id);
    writeFileSync(file, JSON.stringify({ seq: 250, reason: "the journal held damage" }));
    expect(await replay(session, await counter())).toMatchObject({
      verdict: "corrupt",
      problem: { seq: 250, message: "the journal held damage" },
    });
  });

  test("is never explained by the failure of a program that comes before it", async () => {
    const session = await makeSession(3_000);
    const used = await program(
      "init: () => 0, reduce: (s, e) => { if (e.seq === 10) throw new Error('no'); return s; },",
    );
    flip(session.log, readFileSync(session.log).length - 10);
    expect(await replay(session, used)).toMatchObject({ verdict: "corrupt" });
  });
});

describe("a checkpoint", () => {
  test("that was changed is corrupt", async () => {
    const session = await makeSession(1_500);
    const used = await counter();
    await keep(session, used);
    const file = path.join(path.dirname(session.log), "checkpoint");
    change(file, (bytes) => Buffer.from(bytes.toString().replace("\n1500\n", "\n1499\n")));
    expect(await replay(session, used)).toMatchObject({
      verdict: "corrupt",
      problem: { seq: null, message: expect.stringContaining("checkpoint") },
    });
  });

  test("of fewer events is checked where it ends", async () => {
    const session = await makeSession(1_777);
    const used = await counter();
    const checkpoint = path.join(path.dirname(session.log), "checkpoint");
    const older = readFileSync(checkpoint);
    await writing(session.root, (directory) =>
      append(directory, 1_777, 3_000, usualEvent, session.id),
    );
    writeFileSync(checkpoint, older);
    const report = await replay(session, used);
    expect(report).toMatchObject({ verdict: "computed", signedSize: 1_777, events: 3_000 });
    forge(session, "event 1600 ");
    expect(await replay(session, used)).toMatchObject({ verdict: "corrupt" });
  });
});

describe("a payload in the store", () => {
  test("that is damaged is corrupt at its event, also when the program looks away", async () => {
    const session = await makeSession(1_000);
    const used = await program(`
      init: () => ({ chars: 0 }),
      reduce(state, event) {
        try { state.chars += event.data.text.length; } catch { state.chars = -1; }
        return state;
      },`);
    await keep(session, used);
    const folder = path.join(session.root, "blobs");
    for (const name of readdirSync(folder).filter((found) => found.endsWith(".pack"))) {
      const file = path.join(folder, name);
      const at = readFileSync(file).indexOf("event 102 event 102");
      if (at >= 0) flip(file, at + 100);
    }
    expect(await replay(session, used)).toMatchObject({
      verdict: "corrupt",
      problem: { seq: 102, message: expect.stringContaining("damaged") },
    });
  });
});

describe("a kept state that is damaged", () => {
  test("costs no verdict: the stretch before it is folded again", async () => {
    const session = await makeSession(8_000);
    const used = await counter();
    const { stateHash } = await keep(session, used);
    for (const size of [1_000, 2_000, 3_000, 4_000]) await damageState(session, used, size);
    for (const workers of [1, 2]) {
      const report = await replay(session, used, workers);
      expect(report).toMatchObject({ verdict: "identical", snapshots: 8, stateHash });
      expect(report.damagedSnapshots).toBeGreaterThan(0);
    }
    const found = await reading(session.root, (directory) =>
      stateAt(directory, session.id, 4_200, { program: used }),
    );
    expect(found.snapshotUsed).toBeNull();
  });

  test("is rebuilt by a replay that keeps", async () => {
    const session = await makeSession(6_000);
    const used = await counter();
    await keep(session, used);
    for (const size of [2_000, 5_000, 6_000]) await damageState(session, used, size);
    expect(await keep(session, used)).toMatchObject({
      verdict: "identical",
      kept: true,
      keptSnapshots: 3,
      damagedSnapshots: 3,
    });
    expect(await keep(session, used)).toMatchObject({ verdict: "identical", keptSnapshots: 0 });
    for (const at of [2_000, 5_000, 6_000]) {
      const state = await reading(session.root, (directory) =>
        stateAt(directory, session.id, at, { program: used }),
      );
      expect(state.snapshotUsed).toBe(at);
    }
  });

  test("before the part that has grown does not stop the rest from being computed", async () => {
    const session = await makeSession(3_000);
    const used = await counter();
    await keep(session, used);
    await writing(session.root, (directory) =>
      append(directory, 3_000, 4_500, usualEvent, session.id),
    );
    const { stateHash } = await replay(session, used);
    await damageState(session, used, 3_000);
    await damageState(session, used, 2_000);
    const report = await keep(session, used);
    expect(report).toMatchObject({
      verdict: "identical",
      snapshots: 3,
      keptSnapshots: 4,
      stateHash,
    });
  });

  test("in its record is passed over: the stretch is longer", async () => {
    const session = await makeSession(3_000);
    const used = await counter();
    const { stateHash } = await keep(session, used);
    flip(snapshotFile(session, used), 160 + 30);
    expect(await replay(session, used)).toMatchObject({
      verdict: "identical",
      snapshots: 2,
      stateHash,
    });
  });
});
