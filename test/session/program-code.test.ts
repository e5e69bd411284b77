/**
 * The code of a session that Reach runs is named by its manifest and by no event: what verifies,
 * collects and exports sessions counts it among what they need.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf, decodeValue, encodeValue, type SessionId, utf8 } from "../../src/base/index.ts";
import { manifestPath } from "../../src/log/index.ts";
import { sectionKinds } from "../../src/session/bundle-format.ts";
import { collectGarbage, Directory, verifySession } from "../../src/session/index.ts";
import { bundleOf, rebuilt, sectionsOf, verified } from "./bundle-sections.ts";
import { noise, randomFrom, Scratch } from "./sample-session.ts";

const code = utf8(noise(20_000, randomFrom(1)));
const mapText = JSON.stringify({ version: 3, sources: ["agent.ts"], mappings: "AAAA" });
const event = { kind: "trigger", type: "begin", time: 1, ref: null, form: "bytes" } as const;

let scratch: Scratch;
let directory: Directory;
let id: SessionId;
let bundle: Uint8Array;

beforeEach(async () => {
  scratch = new Scratch();
  await reopen();
  bundle = await directory.keepPayload(code);
  const map = await directory.keepPayload(utf8(mapText));
  const program = { name: "worker", version: "1", bundle, map, runtime: "reach" };
  const writer = directory.createSession({ kind: "executed", program });
  writer.append({ ...event, bytes: utf8("hello") });
  await directory.closeWriter(writer);
  await directory.signCheckpoint(writer);
  ({ id } = writer);
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

async function reopen(): Promise<void> {
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
}

async function loseCode(): Promise<void> {
  await directory.close();
  fs.rmSync(`${scratch.at("data")}/blobs`, { recursive: true });
  await reopen();
}

test("a session without its code is not intact, and makes no bundle", async () => {
  const whole = await verifySession(directory, id);
  expect(whole).toMatchObject({ integrity: "intact", completeness: "complete", problemCount: 0 });
  await loseCode();
  const report = await verifySession(directory, id);
  expect(report).toMatchObject({ integrity: "damaged", completeness: "complete", events: 1 });
  expect(report.problems[0]).toMatchObject({ seq: null, where: "manifest.cbor" });
  expect(report.problems[0]?.message).toContain("is not in the store");
  expect(codeOf(await bundleOf(directory, id).catch((error) => error))).toBe("BLOB_MISSING");
});

test("a damaged source map is called one", async () => {
  await directory.close();
  const folder = `${scratch.at("data")}/blobs`;
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith(".pack"))) {
    const bytes = fs.readFileSync(`${folder}/${name}`);
    const at = bytes.indexOf(mapText);
    if (at < 0) continue;
    bytes[at] = (bytes[at] as number) ^ 1;
    fs.writeFileSync(`${folder}/${name}`, bytes);
  }
  await reopen();
  const report = await verifySession(directory, id);
  expect(report).toMatchObject({ integrity: "damaged", problemCount: 1 });
  expect(report.problems[0]?.message).toMatch(/^the program's source map: /);
});

test("a bundle without the code is not intact", async () => {
  const whole = await bundleOf(directory, id);
  expect(await verified(whole)).toMatchObject({ integrity: "intact", problemCount: 0 });
  const sections = sectionsOf(whole).filter(({ kind }) => kind !== sectionKinds.payloads);
  const trailer = sections.at(-1) as (typeof sections)[number];
  const counts = { ...(decodeValue(trailer.content) as object), payloads: 0, payloadBytes: 0 };
  sections[sections.length - 1] = { ...trailer, content: encodeValue(counts) };
  const report = await verified(rebuilt(whole, sections));
  expect(report).toMatchObject({ integrity: "damaged", problemCount: 2 });
  expect(report.problems[0]?.message).toContain("the code of its program");
});

test("a collection keeps the code also where the manifest is damaged", async () => {
  const path = manifestPath(directory.path, id);
  const whole = fs.readFileSync(path);
  const named = whole.indexOf(bundle);
  for (let at = 0; at < whole.length; at += 7) {
    // What stands in front of the hash is how it is found.
    if (at >= named - 2 && at < named + bundle.length) continue;
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ 1;
    fs.writeFileSync(path, damaged);
    await collectGarbage(directory);
    expect(directory.blobs.has(bundle), `byte ${at}`).toBe(true);
  }
});
