/**
 * The log of a session with an interrupted import, cut off before what the import had acknowledged,
 * at the end of a batch: nothing but the marker of the import tells that anything is missing.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, type SessionId } from "../../src/base/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import { Directory, verifySession } from "../../src/session/index.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
let id: SessionId;
let other: SessionId;
let batchEnds: number[];
let generation = 0;

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const bytes = new Uint8Array(300).fill(7);

function open(mode: "read" | "write"): Promise<Directory> {
  generation += 1;
  const processes = simulatedProcesses(generation);
  return Directory.open({ path: scratch.at("data"), mode, processes });
}

function logPath(): string {
  return eventLogPath(scratch.at("data"), id);
}

/** Three events that are signed, six of an import that acknowledged after three and after six. */
beforeEach(async () => {
  const first = await open("write");
  const writer = first.createSession();
  ({ id } = writer);
  for (let n = 0; n < 3; n++) await writer.append({ ...header, form: "bytes", bytes }).durable;
  const untouched = first.createSession();
  other = untouched.id;
  await untouched.append({ ...header, form: "bytes", bytes }).durable;
  await first.close();
  const second = await open("write");
  const bulk = await second.openBulk({ id });
  batchEnds = [fs.statSync(logPath()).size];
  for (let watermarks = 0; watermarks < 2; watermarks++) {
    for (let n = 0; n < 3; n++) bulk.append(header, "bytes", bytes);
    await bulk.watermark();
    batchEnds.push(fs.statSync(logPath()).size);
  }
  second.crash();
});
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

/** What a reader gets: the events before an error, and its code. */
async function read(of: SessionId): Promise<{ events: number; code: unknown; firstBad: unknown }> {
  const directory = await open("read");
  let events = 0;
  let code: unknown;
  try {
    const reader = directory.session(of);
    for (const { payloadBytes } of reader.events()) events += payloadBytes.length / 300;
    reader.close();
  } catch (error) {
    code = codeOf(error);
  }
  const { firstBad, completeness } = await verifySession(directory, of);
  expect(completeness).toBe(firstBad === null ? "complete" : "incomplete");
  await directory.close();
  return { events, code, firstBad };
}

test("is whole when nothing was cut off", async () => {
  const whole = { events: 9, code: undefined, firstBad: null };
  expect(await read(id)).toEqual(whole);
  const recovered = await open("write");
  expect(recovered.recovery).toMatchObject({ cut: [{ id, size: 9 }], quarantined: [] });
  await recovered.close();
  expect(await read(other)).toEqual({ ...whole, events: 1 });
});

test("is damaged for readers, and becomes read-only when it is recovered", async () => {
  for (const [index, left] of [3, 6].entries()) {
    const copy = fs.readFileSync(logPath());
    fs.truncateSync(logPath(), batchEnds[index]);
    expect(await read(id)).toEqual({ events: left, code: "CORRUPT", firstBad: left });
    fs.writeFileSync(logPath(), copy);
  }
  fs.truncateSync(logPath(), batchEnds[0]);
  const recovered = await open("write");
  expect(recovered.recovery).toMatchObject({ quarantined: [{ id, seq: 3 }] });
  expect(() => recovered.appendTo(id)).toThrow(/read-only/);
  await recovered.appendTo(other).append({ ...header, form: "bytes", bytes }).durable;
  await recovered.close();
  const again = await open("read");
  expect(again.session(id).quarantine).toMatchObject({ seq: 3 });
  expect(await verifySession(again, id)).toMatchObject({ firstBad: 3 });
  await again.close();
});
