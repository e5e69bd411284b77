/**
 * Checkpoints that were put into a bundle on the way, and that the key given for its import has not
 * signed: they are kept with the session, so they have to hold like any other.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { concat, encodeValue, type SessionId, utf8 } from "../../src/base/index.ts";
import { type Signer, signCheckpoint } from "../../src/merkle/index.ts";
import { sectionKinds } from "../../src/session/bundle-format.ts";
import { Directory, importBundle, verifySession } from "../../src/session/index.ts";
import { bundleOf, inPieces, rebuilt, type Section, sectionsOf } from "./bundle-sections.ts";
import { Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
let other: Directory;
let stranger: Directory;
let id: SessionId;
let root: Uint8Array;

function open(name: string): Promise<Directory> {
  return Directory.open({ path: scratch.at(name), mode: "write", origin: `${name}.example` });
}

beforeEach(async () => {
  scratch = new Scratch();
  directory = await open("data");
  other = await open("other");
  stranger = await open("stranger");
  id = await writeSample(directory, 30);
  const reader = directory.session(id);
  root = reader.root(30);
  reader.close();
});
afterEach(async () => {
  for (const one of [directory, other, stranger]) await one.close();
  scratch.remove();
});

/** The bundle of the session with a checkpoint of the stranger in front of its own. */
async function bundleWith(note: Uint8Array, key = stranger.identity.verifierKey): Promise<Buffer> {
  const bundle = await bundleOf(directory, id);
  const content = encodeValue([key, Uint8Array.from(note)]);
  const added: Section = { kind: sectionKinds.checkpoint, content, offset: 0 };
  const [head, ...rest] = sectionsOf(bundle);
  return rebuilt(bundle, [head as Section, added, ...rest]);
}

function signed(size: number, over: Uint8Array): Uint8Array {
  const origin = `stranger.example/main/s/${id}`;
  return signCheckpoint({ origin, size, root: over }, [stranger.identity.signer as Signer]);
}

function imported(bundle: Uint8Array) {
  const { verifierKey } = directory.identity;
  return importBundle(other, inPieces(bundle), { verifierKey });
}

describe("a bundle imported with a key", () => {
  test("keeps what others signed about the same events, and says who was trusted", async () => {
    const { report } = await imported(await bundleWith(signed(30, root)));
    expect(report.signedBy).toMatch(/^data\.example\+/);
    const verified = await verifySession(other, id);
    expect(verified).toMatchObject({ integrity: "intact", completeness: "complete" });
    expect(verified.checkpoints).toHaveLength(3);
    expect((await bundleOf(other, id)).length).toBeGreaterThan(0);
  });

  const key = (): string => stranger.identity.verifierKey;
  test.each([
    ["no note", () => bundleWith(utf8("rubbish"))],
    [
      "a note that is changed",
      () => bundleWith(concat(signed(30, root).subarray(0, -5), utf8("AAA=\n"))),
    ],
    ["a note over other events", () => bundleWith(signed(30, new Uint8Array(32)))],
    ["a note over more events than there are", () => bundleWith(signed(31, root))],
    ["a key of two lines", () => bundleWith(signed(30, root), `${key()}\n`)],
    ["a key in another spelling", () => bundleWith(signed(30, root), ` ${key()}`)],
  ])("is refused with %s by somebody else", async (_, bundle) => {
    await expect(imported(await bundle())).rejects.toMatchObject({ code: "BUNDLE_INVALID" });
    expect(other.sessionIds()).toEqual([]);
  });
});

test("a bundle with an older checkpoint does not take the newer one away", async () => {
  const reader = directory.session(id);
  const { origin } = reader;
  const over = reader.root(10);
  reader.close();
  const { verifierKey, signer } = directory.identity;
  const note = signCheckpoint({ origin, size: 10, root: over }, [signer as Signer]);
  const content = encodeValue([verifierKey, Uint8Array.from(note)]);
  const bundle = await bundleOf(directory, id);
  const sections = sectionsOf(bundle).map((section) => {
    return section.kind === sectionKinds.checkpoint ? { ...section, content } : section;
  });
  const older = rebuilt(bundle, sections);
  const sizeHere = async (): Promise<number | null> => {
    return (await verifySession(other, id, { verifierKey })).signedSize;
  };
  expect(await imported(older)).toMatchObject({ unchanged: false });
  expect(await sizeHere()).toBe(10);
  expect(await imported(bundle)).toMatchObject({ unchanged: true });
  expect(await sizeHere()).toBe(30);
  expect(await imported(older)).toMatchObject({ unchanged: true });
  expect(await sizeHere()).toBe(30);
});
