/**
 * The entry for browsers: every source that a page may have is read as the same bytes, in order and
 * once, and let go of when nothing more is wanted of it.
 */
import * as fs from "node:fs";
import path from "node:path";
import * as vm from "node:vm";
import { describe, expect, it } from "vitest";
import { type BundleBytes, codeOf, verifyBundle } from "../src/browser.ts";

const file = path.resolve(import.meta.dirname, "../fixtures/v1/bundles/recorded.bundle");
const bundle = Uint8Array.from(fs.readFileSync(file));

async function* inPieces(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bundle.length; at += size) yield bundle.subarray(at, at + size);
}

/** A stream that says what became of it; endless, when there is nothing left it says nothing. */
function streamOf(bytes: Uint8Array, ends: boolean) {
  const seen = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      if (ends) controller.close();
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { stream, seen };
}

const foreign = vm.runInNewContext("(bytes) => Uint8Array.from(bytes)")(bundle) as Uint8Array;

describe("a page verifies", () => {
  it.each<[string, () => BundleBytes]>([
    ["a blob", () => new Blob([bundle])],
    ["bytes", () => bundle],
    ["bytes amid others", () => Uint8Array.of(1, ...bundle, 2).subarray(1, -1)],
    ["bytes of another frame", () => foreign],
    ["a stream", () => streamOf(bundle, true).stream],
    ["pieces", () => inPieces(100)],
    ["pieces of one byte", () => inPieces(1)],
  ])("%s", async (_, source) => {
    const report = await verifyBundle(source());
    const good = { integrity: "intact", completeness: "complete", problemCount: 0 };
    expect(report).toMatchObject({ ...good, bytes: bundle.length });
  });

  it("a stream that has begun wrong no further", async () => {
    const { stream, seen } = streamOf(new Uint8Array(100), false);
    expect(await verifyBundle(stream).catch(codeOf)).toBe("BUNDLE_INVALID");
    expect(seen.cancelled).toBe(true);
  });

  it("a stream that breaks off with its error", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("the line is dead")),
    });
    await expect(verifyBundle(broken)).rejects.toThrow("the line is dead");
  });

  it.each<[string, unknown]>([
    ["text", "run.bundle"],
    ["nothing", undefined],
    ["null", null],
    ["a record", {}],
    ["pieces of text", new Blob(["x"]).stream().pipeThrough(new TextDecoderStream())],
  ])("no %s, and says so", async (_, source) => {
    expect(await verifyBundle(source as BundleBytes).catch(codeOf)).toBe("USAGE");
  });
});
