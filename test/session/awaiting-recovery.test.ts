/**
 * What a power loss has left of files that the journal still holds, seen by a reader before anybody
 * has recovered the directory: it waits for recovery and is not called damaged. What the journal
 * does not hold is damage, then as ever.
 */
import * as fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { codeOf, type SessionId, sha256 } from "../../src/base/index.ts";
import { summarise } from "../../src/cli/session-summary.ts";
import { checkpointPath, eventLogPath, manifestPath } from "../../src/log/index.ts";
import { Directory, type SessionWriter, verifySession } from "../../src/session/index.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { noise, randomFrom, Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

let process = 0;

/** Opens as a process of its own; those before it are dead. */
function open(mode: "read" | "write"): Promise<Directory> {
  const processes = simulatedProcesses(++process);
  return Directory.open({ path: scratch.at("data"), mode, processes });
}

const event = (n: number) => {
  const header = { kind: "emit", type: "test", time: 1, ref: null, form: "bytes" } as const;
  return { ...header, bytes: new Uint8Array(300).fill(n + 1) };
};

/** A session of which four events are durable in their place and four in the journal only. */
async function crashed(): Promise<{ id: SessionId; fresh: SessionId }> {
  const before = await open("write");
  const first = before.createSession();
  for (let n = 0; n < 4; n++) await first.append(event(n)).durable;
  await before.close();
  const directory = await open("write");
  const writer = directory.appendTo(first.id);
  for (let n = 4; n < 8; n++) await writer.append(event(n)).durable;
  const fresh = directory.createSession();
  for (let n = 0; n < 4; n++) await fresh.append(event(n)).durable;
  await directory.signCheckpoint(fresh);
  directory.crash();
  return { id: first.id, fresh: fresh.id };
}

/** What reading all of a session fails with, and what verifying it finds. */
async function look(id: SessionId): Promise<{ code: string; integrity: string }> {
  const directory = await open("read");
  let code = "";
  try {
    const reader = directory.session(id);
    for (const { payloadBytes } of reader.events()) expect(payloadBytes).toHaveLength(300);
    reader.checkpoint();
    reader.close();
  } catch (error) {
    code = String(codeOf(error));
  }
  const { integrity } = await verifySession(directory, id);
  await directory.close();
  return { code, integrity };
}

async function recovered(id: SessionId, events: number): Promise<void> {
  await (await open("write")).close();
  expect(await look(id)).toEqual({ code: "", integrity: "intact" });
  const directory = await open("read");
  expect(directory.session(id).size).toBe(events);
  await directory.close();
}

test("a torn manifest", async () => {
  const { fresh } = await crashed();
  const path = manifestPath(scratch.at("data"), fresh);
  const whole = fs.readFileSync(path);
  for (const left of [whole.subarray(0, 40), Buffer.alloc(whole.length), Buffer.alloc(0)]) {
    fs.writeFileSync(path, left);
    expect(await look(fresh)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
    const directory = await open("read");
    expect(summarise(directory, fresh).status).toBe("unrecovered");
    await directory.close();
  }
  await recovered(fresh, 4);
});

test("a manifest without a name, and an event log without one", async () => {
  const { fresh } = await crashed();
  const [manifest, log] = [manifestPath, eventLogPath].map((of) => of(scratch.at("data"), fresh));
  const whole = fs.readFileSync(manifest as string);
  fs.rmSync(manifest as string);
  expect(await look(fresh)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
  fs.writeFileSync(manifest as string, whole);
  fs.rmSync(log as string);
  expect(await look(fresh)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
  await recovered(fresh, 4);
});

test("a hole in the middle of an event log", async () => {
  const { id } = await crashed();
  const path = eventLogPath(scratch.at("data"), id);
  const whole = fs.readFileSync(path);
  const middle = Math.floor((whole.length * 5.5) / 8);
  fs.writeFileSync(path, Buffer.from(whole).fill(0, middle, middle + 100));
  expect(await look(id)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
  await recovered(id, 8);
});

test("a torn checkpoint", async () => {
  const { fresh } = await crashed();
  const path = checkpointPath(scratch.at("data"), fresh);
  fs.writeFileSync(path, new Uint8Array(fs.statSync(path).size));
  expect(await look(fresh)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
  const log = eventLogPath(scratch.at("data"), fresh);
  fs.writeFileSync(log, fs.readFileSync(log).fill(0, 0, 64));
  expect(await look(fresh)).toEqual({ code: "UNRECOVERED", integrity: "intact" });
  await recovered(fresh, 4);
});

test("a payload whose pack has lost it", async () => {
  const before = await open("write");
  const { id } = await appended(before, before.createSession(), 1);
  await before.close();
  const directory = await open("write");
  await appended(directory, directory.appendTo(id), 2);
  directory.crash();
  const pack = onlyPack();
  const whole = fs.readFileSync(pack);
  const held = whole.indexOf(payload(2).subarray(100, 200)) - 100;
  const zeros = Buffer.from(whole).fill(0, held, whole.length);
  const garbage = Buffer.from(whole).fill(7, held, held + 900);
  for (const left of [zeros, garbage, whole.subarray(0, held)]) {
    fs.writeFileSync(pack, left);
    expect(await lookAtPayloads(id)).toEqual({ codes: ["", "UNRECOVERED"], integrity: "intact" });
  }
  // What the journal does not hold is damage.
  const first = whole.indexOf(payload(1).subarray(100, 200));
  fs.writeFileSync(pack, Buffer.from(whole).fill(7, first, first + 9));
  expect(await lookAtPayloads(id)).toEqual({ codes: ["BLOB_CORRUPT", ""], integrity: "damaged" });
  fs.writeFileSync(pack, zeros);
  await (await open("write")).close();
  expect(await lookAtPayloads(id)).toEqual({ codes: ["", ""], integrity: "intact" });
});

/** 5000 bytes that begin like no other payload. */
function payload(n: number): Buffer {
  return Buffer.from(noise(5000, randomFrom(n)));
}

async function appended(
  directory: Directory,
  writer: SessionWriter,
  n: number,
): Promise<SessionWriter> {
  await writer.append({ ...event(0), bytes: payload(n) }).durable;
  expect(directory.blobs.has(sha256(payload(n)))).toBe(true);
  return writer;
}

function onlyPack(): string {
  const folder = `${scratch.at("data")}/blobs`;
  const [pack, ...others] = fs.readdirSync(folder).filter((name) => name.endsWith(".pack"));
  expect(others).toEqual([]);
  return `${folder}/${pack}`;
}

/** What reading the payload of each event fails with, and what verifying the session finds. */
async function lookAtPayloads(id: SessionId): Promise<{ codes: string[]; integrity: string }> {
  const directory = await open("read");
  const reader = directory.session(id);
  const codes = [...reader.events()].map((one) => {
    try {
      return one.payloadBytes.length === 5000 ? "" : "short";
    } catch (error) {
      return String(codeOf(error));
    }
  });
  reader.close();
  const { integrity, unrecovered } = await verifySession(directory, id);
  expect(unrecovered > 0).toBe(codes.includes("UNRECOVERED"));
  await directory.close();
  return { codes, integrity };
}

test("a session begun by an interrupted import that has acknowledged nothing", async () => {
  const directory = await open("write");
  const { id } = await directory.openBulk();
  directory.crash();
  const log = eventLogPath(scratch.at("data"), id);
  for (const left of [new Uint8Array(64), new Uint8Array(30), new Uint8Array(0)]) {
    fs.writeFileSync(log, left);
    expect(await look(id)).toEqual({ code: "", integrity: "intact" });
  }
  const recovered = await open("write");
  expect(recovered.sessionIds()).toEqual([]);
  await recovered.close();
});

test("but damage where the journal holds nothing is damage", async () => {
  const { id } = await crashed();
  const manifest = manifestPath(scratch.at("data"), id);
  const whole = fs.readFileSync(manifest);
  fs.writeFileSync(manifest, whole.subarray(0, 40));
  expect(await look(id)).toEqual({ code: "CORRUPT", integrity: "damaged" });
  fs.writeFileSync(manifest, whole);
  const log = fs.readFileSync(eventLogPath(scratch.at("data"), id));
  log[Math.floor(log.length / 4)] = (log[Math.floor(log.length / 4)] as number) ^ 1;
  fs.writeFileSync(eventLogPath(scratch.at("data"), id), log);
  expect(await look(id)).toEqual({ code: "CORRUPT", integrity: "damaged" });
});
