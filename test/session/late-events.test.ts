/**
 * Events from shared memory wait until another thread has cut their payloads: the session is the
 * one that appending each at once makes, whatever the memory holds by the end.
 */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { cutBlob } from "../../src/blobs/index.ts";
import { type BulkWriter, Directory, ImportSink, verifySession } from "../../src/session/index.ts";
import { LateEvents } from "../../src/session/late-events.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const pieceBytes = 64 * 1024;

/** One thing that happens to an import. */
const stepOf = fc.oneof(
  { weight: 6, arbitrary: fc.record({ shared: fc.boolean(), size: fc.nat(9000) }) },
  { weight: 2, arbitrary: fc.constant("a piece ends" as const) },
  { weight: 1, arbitrary: fc.constant("an answer comes" as const) },
);

function noise(length: number, seed: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, i) => (Math.imul(i + seed * 7919, 2654435761) >>> 13) & 255,
  );
}

/** Pieces in memory that is overwritten as soon as nobody is to look at it any more. */
class Pieces {
  #memory = new SharedArrayBuffer(pieceBytes);
  #filled = 0;
  readonly #waiting: { memory: SharedArrayBuffer; spans: number[] }[] = [];

  put(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#filled + bytes.length > pieceBytes) return undefined;
    const view = new Uint8Array(this.#memory, this.#filled, bytes.length);
    view.set(bytes);
    this.#filled += bytes.length;
    return view;
  }

  end(late: LateEvents): void {
    const spans = late.endPiece();
    if (spans) this.#waiting.push({ memory: this.#memory, spans });
    this.#memory = new SharedArrayBuffer(pieceBytes);
    this.#filled = 0;
  }

  answer(late: LateEvents): void {
    const piece = this.#waiting.shift();
    if (!piece) return;
    const { memory, spans } = piece;
    const cuts = [];
    for (let i = 0; i < spans.length; i += 2) {
      const [start, end] = spans.slice(i, i + 2) as [number, number];
      cuts.push(cutBlob(new Uint8Array(memory, start, end - start)));
    }
    late.place(cuts);
    new Uint8Array(memory).fill(0xff);
  }

  settle(late: LateEvents): void {
    while (this.#waiting.length > 0) this.answer(late);
    late.flush();
  }
}

test("late events are those that were appended, in their order, with their payloads", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  await fc.assert(
    fc.asyncProperty(fc.array(stepOf, { maxLength: 40 }), async (steps) => {
      const writer: BulkWriter = await directory.openBulk();
      const late = new LateEvents(writer);
      const pieces = new Pieces();
      const expected: Uint8Array[] = [];
      for (const step of steps) {
        if (step === "a piece ends") pieces.end(late);
        else if (step === "an answer comes") pieces.answer(late);
        else {
          const bytes = noise(step.size, expected.length);
          const own = Uint8Array.from(bytes);
          const given = (step.shared && pieces.put(bytes)) || own;
          expect(late.append(header, "bytes", given)).toBe(expected.length);
          own.fill(0);
          expected.push(bytes);
          expect(late.nextSeq).toBe(expected.length);
        }
      }
      pieces.end(late);
      pieces.settle(late);
      expect(writer.nextSeq).toBe(expected.length);
      await directory.closeWriter(writer);
      const reader = directory.session(writer.id);
      expect([...reader.events()].map(({ data }) => data)).toEqual(expected);
      reader.close();
      expect((await verifySession(directory, writer.id)).problems).toEqual([]);
    }),
    { numRuns: 20 },
  );
  await directory.close();
});

test("an import whose pieces are not shared waits for nothing", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const writer = await directory.openBulk();
  const sink = new ImportSink(writer, 0);
  const meta = { time: 1, kind: "emit", type: "test", ref: null } as const;
  sink.record(noise(5000, 1), "bytes", meta);
  expect(writer.nextSeq).toBe(1);
  expect(sink.endPiece()).toBeUndefined();
  await directory.discardBulk(writer);
  await directory.close();
});
