/**
 * The entry for browsers, where there is nothing of Node: a page says of every bundle exactly what
 * Node says of it, and checks what a server signs and proves.
 */
import * as fs from "node:fs";
import path from "node:path";
import * as vm from "node:vm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, messageOf, toHex, utf8 } from "../../src/base/index.ts";
import type * as browser from "../../src/browser.ts";
import { open } from "../../src/index.ts";
import { bundleHeaderBytes, sectionHeaderBytes } from "../../src/session/bundle-format.ts";
import { Directory, forkSession, verifyBundle } from "../../src/session/index.ts";
import { bundleOf, inPieces, rebuilt, sectionsOf } from "../session/bundle-sections.ts";
import { keepSamples, noise, randomFrom, Scratch, writeSample } from "../session/sample-session.ts";
import { builtPage } from "./page.ts";
import { BuiltServer } from "./serving.ts";

const root = path.resolve(import.meta.dirname, "../..");
const runBundle = path.join(root, "docs/examples/support-agent/two-orders.bundle");

let scratch: Scratch;
let reach: typeof browser;
let keys: (string | undefined)[];
const bundles = new Map<string, Buffer>();

/** A session that is run by code that it brings along, which is larger than what stands inline. */
async function writeExecuted(directory: Directory): Promise<string> {
  const code = utf8(noise(20_000, randomFrom(1)));
  const bundle = await directory.keepPayload(code);
  const map = await directory.keepPayload(utf8('{"version":3}'));
  const program = { name: "worker", version: "1", bundle, map, runtime: "reach" };
  const writer = directory.createSession({ kind: "executed", program });
  const event = { kind: "trigger", type: "begin", time: 1, ref: null, form: "bytes" } as const;
  writer.append({ ...event, bytes: utf8("hello") });
  await directory.closeWriter(writer);
  await directory.signCheckpoint(writer);
  return writer.id;
}

beforeAll(async () => {
  ({ reach } = await builtPage());
  scratch = new Scratch();
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const other = await Directory.open({ path: scratch.at("other"), mode: "write", origin: "other" });
  const whole = await writeSample(directory, 40);
  await keepSamples(directory, whole, [10, 40]);
  const { id: fork } = await forkSession(directory, whole, { at: 20 });
  const seqs = [0, 7, 8, 9, 30];
  const withhold = ({ seq }: { readonly seq: number }): boolean => seqs.includes(seq);
  bundles.set("whole", await bundleOf(directory, whole, { snapshots: true }));
  bundles.set("redacted", await bundleOf(directory, whole, { withhold }));
  bundles.set("executed", await bundleOf(directory, await writeExecuted(directory)));
  bundles.set("run", fs.readFileSync(runBundle));
  bundles.set("fork", await bundleOf(directory, fork));
  bundles.set(
    "unsigned",
    await bundleOf(directory, await writeSample(directory, 9, { sign: false })),
  );
  const foreign = other.identity.verifierKey;
  keys = [undefined, directory.identity.verifierKey, foreign, "no key"];
  await directory.close();
  await other.close();
});
afterAll(() => scratch.remove());

function bundleNamed(name: string): Buffer {
  return bundles.get(name) as Buffer;
}

/** What somebody says of a bundle, without the time it took; an error by its code and text. */
async function verdictOf(verifying: Promise<browser.BundleReport>): Promise<unknown> {
  try {
    const { seconds, ...report } = JSON.parse(JSON.stringify(await verifying));
    expect(seconds).toBeGreaterThanOrEqual(0);
    return report;
  } catch (error) {
    return { code: codeOf(error), message: messageOf(error) };
  }
}

/** What a page says of a bundle, which has to be what Node says. */
async function verdict(bundle: Uint8Array, verifierKey?: string): Promise<unknown> {
  const options = verifierKey === undefined ? {} : { verifierKey };
  const here = await verdictOf(verifyBundle(inPieces(bundle), options));
  const there = await verdictOf(reach.verifyBundle(new Blob([Uint8Array.from(bundle)]), options));
  expect(there).toEqual(here);
  return there;
}

describe("in a page", () => {
  it.each(["whole", "redacted", "executed", "run", "fork"])(
    "a bundle is what it is in Node: %s",
    async (name) => {
      const bundle = bundleNamed(name);
      const good = { integrity: "intact", completeness: "complete", problemCount: 0 };
      expect(await verdict(bundle)).toMatchObject({ ...good, keyFrom: "bundle" });
      const [, own, foreign, none] = keys;
      const { verifierKey = own } = name === "run" ? ownKey(await verdict(bundle)) : {};
      expect(await verdict(bundle, verifierKey)).toMatchObject({ ...good, keyFrom: "given" });
      expect(await verdict(bundle, foreign)).toMatchObject({ integrity: "damaged" });
      expect(await verdict(bundle, none)).toMatchObject({ code: "NOTE_INVALID" });
    },
  );

  function ownKey(report: unknown): { verifierKey: string } {
    return report as { verifierKey: string };
  }

  it.each(["whole", "redacted", "executed", "fork"])(
    "a byte that is wrong is found wherever it is: %s",
    async (name) => {
      const bundle = bundleNamed(name);
      const sections = sectionsOf(bundle);
      const places = sections.flatMap(({ offset, content: { length } }) => [
        ...Array.from({ length: sectionHeaderBytes }, (_, i) => offset + i),
        ...[0, length >> 1, length - 1].map((at) => offset + sectionHeaderBytes + at),
      ]);
      for (const at of [...Array(bundleHeaderBytes).keys(), ...places]) {
        const wrong = Buffer.from(bundle);
        wrong[at] = (bundle[at] as number) ^ 0x10;
        expect(await verdict(wrong), `byte ${at}`).not.toMatchObject({ problemCount: 0 });
      }
    },
  );

  // Where checksums are right, what lies below them is looked at.
  it("a bundle that a forger or a bad line has changed is what it is in Node", async () => {
    const change = fc.record({
      name: fc.constantFrom(...bundles.keys()),
      key: fc.constantFrom(...keys.slice(0, 3)),
      how: fc.constantFrom("byte", "forged", "cut", "longer", "left out", "twice"),
      section: fc.nat(),
      at: fc.nat(),
      bit: fc.nat(7),
    });
    const verdicts = new Set<string>();
    await fc.assert(
      fc.asyncProperty(change, async ({ name, key, how, section, at, bit }) => {
        const changed = changedBundle(bundleNamed(name), how, section, at, bit);
        const { code, integrity } = (await verdict(changed, key)) as Record<string, string>;
        verdicts.add(code ?? integrity ?? "");
      }),
      { numRuns: 150 },
    );
    expect(verdicts).toContain("damaged");
  });

  it("leaves the thread to others, says how far it is, and stops when it is told to", async () => {
    const directory = await Directory.open({ path: scratch.at("large"), mode: "write" });
    const bundle = await bundleOf(directory, await writeSample(directory, 8000));
    await directory.close();
    let turns = 0;
    const others = setInterval(() => {
      turns += 1;
    });
    const done: number[] = [];
    const file = new Blob([Uint8Array.from(bundle)]);
    await reach.verifyBundle(file, { onProgress: (progress) => void done.push(progress.done) });
    clearInterval(others);
    expect(turns).toBeGreaterThan(3);
    expect(done.length).toBeGreaterThan(3);
    expect(done.at(-1)).toBe(bundle.length);
    const stop = new AbortController();
    const stopped = reach.verifyBundle(file, {
      onProgress: () => stop.abort(),
      signal: stop.signal,
    });
    expect(await stopped.catch(codeOf)).toBe("INTERRUPTED");
  });

  it("stops amid a small bundle that stands for much", async () => {
    const directory = await Directory.open({ path: scratch.at("blown-up"), mode: "write" });
    const writer = await directory.openBulk();
    const header = { kind: "emit", type: "x", time: 1, ref: null } as const;
    writer.append(header, "bytes", new Uint8Array(100_000_000));
    await directory.closeWriter(writer);
    const bundle = await bundleOf(directory, writer.id);
    await directory.close();
    expect(bundle.length).toBeLessThan(1_000_000);
    const signal = AbortSignal.timeout(50);
    const started = performance.now();
    expect(await reach.verifyBundle(bundle, { signal }).catch(codeOf)).toBe("INTERRUPTED");
    expect(performance.now() - started).toBeLessThan(500);
  });

  it("what a server signs and proves is checked, and what it does not is refused", async () => {
    const server = new BuiltServer();
    try {
      await recordTicks(server, 20);
      await server.start();
      await checkProofs(server);
    } finally {
      await server.stop();
    }
  });
});

/** The scripts that docs/VERIFYING.md shows, without what they import. */
const [pageScript = "", proofScript = ""] = [
  ...fs
    .readFileSync(path.join(root, "docs/VERIFYING.md"), "utf8")
    .matchAll(/(?:<script type="module">|```js)\n\s*import [^\n]+\n(.*?)(?:<\/script>|```)/gs),
].map(([, script]) => script);

describe("docs/VERIFYING.md", () => {
  it("shows a page that verifies the file that somebody chooses", async () => {
    const elements: Record<string, Record<string, unknown>> = { key: {}, file: {}, out: {} };
    const { page } = await builtPage();
    page["document"] = { getElementById: (id: string) => elements[id] };
    vm.runInContext(`{ const { verifyBundle } = reach; ${pageScript} }`, page);
    const { key, file, out } = elements as Record<"key" | "file" | "out", Record<string, unknown>>;
    file["files"] = [new Blob([Uint8Array.from(bundleNamed("whole"))])];
    const shown = async (given = ""): Promise<unknown> => {
      key["value"] = given;
      await (file["onchange"] as () => Promise<void>)();
      return JSON.parse(String(out["textContent"]));
    };
    const [, own, foreign, none] = keys;
    expect(await shown(own)).toMatchObject({ integrity: "intact", keyFrom: "given" });
    expect(await shown()).toMatchObject({ integrity: "intact", keyFrom: "bundle" });
    expect(await shown(foreign)).toMatchObject({ integrity: "damaged", keyFrom: "given" });
    expect(await shown(none)).toEqual({ error: expect.stringContaining("verifier key") });
  });
});

function changedBundle(bundle: Buffer, how: string, section: number, at: number, bit: number) {
  const wrong = Buffer.from(bundle);
  const sections = sectionsOf(bundle);
  const index = section % sections.length;
  if (how === "cut") return wrong.subarray(0, at % bundle.length);
  if (how === "longer") return Buffer.concat([wrong, Buffer.of(bit)]);
  if (how === "byte") {
    wrong[at % bundle.length] = (wrong[at % bundle.length] as number) ^ (1 << bit);
    return wrong;
  }
  const parts = how === "left out" ? sections.toSpliced(index, 1) : [...sections];
  const chosen = sections[index];
  if (how === "twice" && chosen) parts.splice(index, 0, chosen);
  if (how === "forged" && chosen) {
    const place = at % chosen.content.length;
    chosen.content[place] = (chosen.content[place] as number) ^ (1 << bit);
  }
  return rebuilt(bundle, parts);
}

async function recordTicks(server: BuiltServer, count: number): Promise<void> {
  const library = await open({ data: server.data });
  const session = library.record({ name: "ticks" });
  for (let i = 0; i < count; i++) void session.append({ type: "tick", data: i });
  await session.close();
  await library.close();
}

/** Does what a page of an auditor does: see docs/VERIFYING.md. */
async function checkProofs(server: BuiltServer): Promise<void> {
  const { verifierKey } = await server.json<{ verifierKey: string }>("/v1");
  const [id] = (await server.json<{ sessions: { id: string }[] }>("/v1/sessions")).sessions.map(
    (session) => session.id,
  );
  const path = `/v1/sessions/${id}`;
  const note = new Uint8Array(await (await server.get(`${path}/checkpoint`)).arrayBuffer());
  const { size, root } = reach.openCheckpoint(note, [reach.verifierOf(verifierKey)]);
  expect(size).toBeGreaterThanOrEqual(20);

  const found = await server.json<Record<string, string> & { proof: string[] }>(
    `${path}/proof/inclusion?seq=7&size=${size}`,
  );
  const bytes = (hex = ""): Uint8Array => reach.fromHex(hex) as Uint8Array;
  const proof = found.proof.map(bytes);
  const inclusion = { index: 7, size, root, proof, leafHash: bytes(found["leafHash"]) };
  expect(toHex(root)).toBe(found["root"]);
  expect(reach.verifyInclusion(inclusion)).toEqual({ ok: true });
  expect(reach.verifyInclusion({ ...inclusion, index: 8 })).toMatchObject({ ok: false });

  const grown = await server.json<Record<string, string> & { proof: string[] }>(
    `${path}/proof/consistency?from=5&to=${size}`,
  );
  const consistency = {
    ...{ first: 5, firstRoot: bytes(grown["fromRoot"]), second: size, secondRoot: root },
    proof: grown.proof.map(bytes),
  };
  expect(reach.verifyConsistency(consistency)).toEqual({ ok: true });
  expect(reach.verifyConsistency({ ...consistency, first: 6 })).toMatchObject({ ok: false });

  const forged = Uint8Array.from(note);
  forged[forged.length - 3] = (forged[forged.length - 3] as number) ^ 1;
  const opening = (): unknown => reach.openCheckpoint(forged, [reach.verifierOf(verifierKey)]);
  expect(opening).toThrow(expect.objectContaining({ name: "ReachError" }));

  // What docs/VERIFYING.md shows.
  const shown = vm.runInNewContext(`async (reach, fetch, url, id, key, seq) => {
    const { fromHex, openCheckpoint, verifierOf, verifyInclusion } = reach;
    ${proofScript}
    return { ok, origin };
  }`);
  const { ok, origin } = await shown(reach, fetch, server.url, id, verifierKey, 7);
  expect(ok).toBe(true);
  expect(origin).toMatch(new RegExp(`/s/${id}$`));

  const body = await server.client.bundle(id as string);
  const report = await reach.verifyBundle(body, { verifierKey });
  expect(report).toMatchObject({ integrity: "intact", completeness: "complete", signedSize: size });
}
