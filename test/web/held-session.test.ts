// A bundle in memory answers as a server does: the same events, payloads, and states with the same
// hashes; and nothing of one that is damaged.

import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import { closeWorkers, loadProgram, stateAt } from "../../src/runtime/index.ts";
import { Directory, exportBundle, HeldBundle } from "../../src/session/index.ts";
import { HeldSession } from "../../src/web/held-session.ts";
import { Scratch, writeSample } from "../session/sample-session.ts";

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
afterAll(closeWorkers);

async function held(
  id: string,
  options: {
    readonly withhold?: (event: { readonly seq: number }) => boolean;
    readonly change?: (bytes: Buffer) => void;
  } = {},
): Promise<HeldBundle> {
  const parts: Uint8Array[] = [];
  const { withhold, change } = options;
  const sink = async (piece: Uint8Array): Promise<void> => {
    parts.push(piece.slice());
  };
  await exportBundle(directory, id, sink, withhold ? { withhold } : {});
  const bytes = Buffer.concat(parts);
  change?.(bytes);
  return HeldBundle.read(
    (async function* () {
      yield new Uint8Array(bytes);
    })(),
  );
}

describe("a session out of a bundle", () => {
  it("has the events and payloads of the session", async () => {
    const id = await writeSample(directory, 120);
    const bundle = await held(id);
    const session = new HeldSession(bundle);
    const reader = directory.session(id);
    let seq = 0;
    for await (const event of session.events(id)) {
      const stored = reader.event(seq);
      expect([event.seq, event.kind, event.type, event.time, event.ref]).toEqual([
        seq,
        stored.kind,
        stored.type,
        stored.time,
        stored.ref,
      ]);
      if (event.blob) {
        const bytes = await session.payload(event.blob.sha256);
        expect(toHex(bytes)).toBe(toHex(stored.payloadBytes));
      } else expect(event.data).toEqual(stored.data);
      seq += 1;
    }
    reader.close();
    expect(seq).toBe(120);
    expect(await session.session()).toMatchObject({ id, size: 120, signed: 120, name: "sample" });
  });

  it("chooses events as a server does", async () => {
    const id = await writeSample(directory, 60);
    const session = new HeldSession(await held(id));
    const seqs = async (options: Parameters<HeldSession["events"]>[1]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { seq } of session.events(id, options)) found.push(seq);
      return found;
    };
    expect(await seqs({ after: 56 })).toEqual([57, 58, 59]);
    expect(await seqs({ kind: "result", limit: 2 })).toEqual([4, 9]);
    expect(await seqs({ type: "sample/j*", after: 40, limit: 2 })).toEqual([43, 46]);
    expect(await seqs({ type: "sample/x" })).toEqual([]);
  });

  it("has the states that everybody has, in whatever order they are asked for", async () => {
    const id = await writeSample(directory, 3500, { largeBytes: 5000 });
    const session = new HeldSession(await held(id));
    const program = await loadProgram("transcript");
    for (const at of [2500, 1, 1000, 999, 3500, 1001, 2000, 3000]) {
      const wanted = await stateAt(directory, id, at, { program });
      const { state, stateHash } = await session.state(id, at);
      expect(stateHash, `${at}`).toBe(wanted.stateHash);
      expect(state).toEqual(wanted.state);
    }
    const both = await Promise.all([session.state(id, 3400), session.state(id, 100)]);
    expect(both.map(({ at }) => at)).toEqual([3400, 100]);
    await expect(session.state(id, 3501)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("shows what is not withheld, and no states then", async () => {
    const id = await writeSample(directory, 20);
    const session = new HeldSession(await held(id, { withhold: ({ seq }) => seq === 7 }));
    const seqs: number[] = [];
    for await (const { seq } of session.events(id)) seqs.push(seq);
    expect(seqs).toHaveLength(19);
    expect(seqs).not.toContain(7);
    expect(session.hasStates).toBe(false);
  });

  it("shows nothing of a bundle that is damaged", async () => {
    const id = await writeSample(directory, 200);
    for (const share of [0.3, 0.5, 0.7, 0.9]) {
      const bundle = await held(id, {
        change: (bytes) => {
          const at = Math.floor(bytes.length * share);
          bytes[at] = (bytes[at] ?? 0) ^ 1;
        },
      });
      expect(bundle.report.integrity, `${share}`).toBe("damaged");
      expect(bundle.size).toBe(0);
      expect(bundle.event(0)).toBeUndefined();
    }
  });
});
