/**
 * Bundles that withhold events: they verify against what was signed of the whole session, and hold
 * nothing of what was withheld, nor anything by which it could be guessed.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeValue, type SessionId, sha256, toHex, utf8 } from "../../src/base/index.ts";
import { sectionKinds } from "../../src/session/bundle-format.ts";
import {
  Directory,
  forkSession,
  importBundle,
  keyNoteType,
  type SessionReader,
} from "../../src/session/index.ts";
import { bundleOf, inPieces, isRefused, rebuilt, sectionsOf, verified } from "./bundle-sections.ts";
import { keepSamples, Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

const seqsOf = (seqs: readonly number[]) => ({
  withhold: ({ seq }: { readonly seq: number }): boolean => seqs.includes(seq),
});

function withSession<T>(id: SessionId, work: (reader: SessionReader) => T): T {
  const reader = directory.session(id);
  try {
    return work(reader);
  } finally {
    reader.close();
  }
}

describe("a bundle that withholds events", () => {
  test("has the root that was signed, whichever they are", async () => {
    const id = await writeSample(directory, 30, { largeBytes: 5000 });
    const key = directory.identity.verifierKey;
    const root = withSession(id, (reader) => toHex(reader.root()));
    const all = Array.from({ length: 30 }, (_, seq) => seq);
    await fc.assert(
      fc.asyncProperty(fc.subarray(all), async (seqs) => {
        const report = await verified(await bundleOf(directory, id, seqsOf(seqs)), key);
        expect(report).toMatchObject({
          root,
          integrity: "intact",
          completeness: "complete",
          problems: [],
          events: 30 - seqs.length,
          withheld: seqs.length,
          signedSize: 30,
        });
      }),
      { numRuns: 25 },
    );
  });

  test("holds neither them nor payloads that only they name, nor secrets of salts", async () => {
    const id = await writeSample(directory, 12, { largeBytes: 5000 });
    const { withheld, shown, payload, secret } = withSession(id, (reader) => {
      const events = [...reader.events()];
      const large = events[3]?.payload;
      if (large?.form !== "blob") throw new Error("event 3 has a large payload");
      return {
        withheld: events[2]?.dataBytes.slice(),
        shown: events[1]?.dataBytes.slice(),
        payload: reader.blobs.get(large.ref.sha256),
        secret: reader.manifest.secret,
      };
    });
    const whole = await bundleOf(directory, id);
    const redacted = await bundleOf(directory, id, seqsOf([2, 3]));
    const holds = (bundle: Buffer) => [
      bundle.includes(Buffer.from(withheld as Uint8Array)),
      bundle.includes(Buffer.from(payload.subarray(100, 400))),
      bundle.includes(Buffer.from(secret)),
      bundle.includes(Buffer.from(shown as Uint8Array)),
    ];
    expect(holds(whole)).toEqual([true, true, true, true]);
    expect(holds(redacted)).toEqual([false, false, false, true]);
  });

  test("brings no snapshots along, and no secrets of a fork's source", async () => {
    const source = await writeSample(directory, 12);
    await keepSamples(directory, source, [5, 10]);
    const snapshots = { ...seqsOf([2]), snapshots: true };
    const kinds = sectionsOf(await bundleOf(directory, source, snapshots)).map(({ kind }) => kind);
    expect(kinds).not.toContain(sectionKinds.snapshots);
    expect(kinds).not.toContain(sectionKinds.states);
    const { id } = await forkSession(directory, source, { at: 6 });
    const secrets = withSession(source, (reader) => reader.manifest.secret);
    const whole = await bundleOf(directory, id);
    expect(whole.includes(Buffer.from(secrets))).toBe(true);
    const redacted = await bundleOf(directory, id, seqsOf([1]));
    expect(redacted.includes(Buffer.from(secrets))).toBe(false);
    expect(await verified(redacted)).toMatchObject({ problems: [], withheld: 1 });
  });

  test("withholds what has a hash of other events as well", async () => {
    const writer = await directory.openBulk();
    const note = { kind: "note", time: 1, ref: null } as const;
    writer.append({ kind: "emit", type: "secret", time: 1, ref: null }, "json", utf8("1234"));
    writer.append({ ...note, type: "reach.import" }, "json", utf8('{"sha256":"…"}'));
    writer.append({ ...note, type: keyNoteType }, "json", utf8('{"request":"…"}'));
    writer.append({ ...note, type: "retry" }, "json", utf8("{}"));
    const step = { kind: "step", type: "done", time: 1, ref: null } as const;
    writer.append(step, "json", utf8("{}"));
    writer.append(step, "json", utf8('{"state":"…"}'));
    await directory.closeWriter(writer);
    const bundle = await bundleOf(directory, writer.id, seqsOf([0]));
    expect(await verified(bundle)).toMatchObject({ events: 2, withheld: 4, problems: [] });
  });

  test("is not imported, and says why", async () => {
    const id = await writeSample(directory, 12);
    const bundle = await bundleOf(directory, id, seqsOf([2]));
    const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
    for (const into of [other, directory]) {
      await expect(importBundle(into, inPieces(bundle))).rejects.toMatchObject({
        code: "BUNDLE_INVALID",
        message: "it withholds events",
        hint: expect.stringContaining("reach verify"),
      });
    }
    expect(other.sessionIds()).toEqual([]);
    await other.close();
  });

  test("that was changed is found out", async () => {
    const id = await writeSample(directory, 12, { largeBytes: 5000 });
    const bundle = await bundleOf(directory, id, seqsOf([2, 3, 9]));
    for (let at = 8; at < bundle.length; at += 97) {
      const changed = Buffer.from(bundle);
      changed[at] = (changed[at] as number) ^ 1;
      expect(await isRefused(changed), `byte ${at}`).toBe(true);
    }
    expect(await isRefused(bundle.subarray(0, -1))).toBe(true);
  });

  test("by a forger with right checksums has another root", async () => {
    const id = await writeSample(directory, 12);
    const bundle = await bundleOf(directory, id, seqsOf([2, 9]));
    const sections = sectionsOf(bundle);
    const forged = (change: (content: Uint8Array) => Uint8Array) => {
      return rebuilt(
        bundle,
        sections.map((section) => {
          const { kind, content } = section;
          return kind === sectionKinds.redactedEvents
            ? { ...section, content: change(content) }
            : section;
        }),
      );
    };
    expect(await isRefused(forged((content) => content))).toBe(false);
    const place = (content: Uint8Array): number =>
      Buffer.from(content).indexOf(Buffer.of(32, 0, 1));
    const other = forged((content) => {
      const at = place(content) + 3;
      content.set(sha256(utf8("another event")), at);
      return content;
    });
    expect(await verified(other)).toMatchObject({ integrity: "damaged" });
    const fewer = forged((content) => {
      const at = place(content);
      return Buffer.concat([content.subarray(0, at), content.subarray(at + 35)]);
    });
    expect(await isRefused(fewer)).toBe(true);
  });

  test("has no batches, and a whole one has no hashes in their place", async () => {
    const id = await writeSample(directory, 12);
    const whole = await bundleOf(directory, id);
    const redacted = await bundleOf(directory, id, seqsOf([2]));
    for (const [header, body] of [
      [whole, redacted],
      [redacted, whole],
    ] as const) {
      expect(await isRefused(rebuilt(header, sectionsOf(body)))).toBe(true);
    }
    const [head] = sectionsOf(redacted);
    expect(decodeValue(head?.content as Uint8Array)).not.toHaveProperty("manifest.secret");
  });
});
