// The large log of the corpus: 273 recorded Claude Code sessions one after the other, 349 MB. Every
// record is kept, every glued line reported, in little memory.

import type { Buffer } from "node:buffer";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { describe, expect, it, type TestContext } from "vitest";
import { detectFormat } from "../../src/importers/detect.ts";
import type {
  ImportProblem,
  RecordMeta,
  RecordSink,
  SourceReader,
} from "../../src/importers/importer.ts";
import { corpusPath, withCorpus } from "./outside-corpus.ts";

const packed = corpusPath("claude-code", "entire-assembled-273-sessions.jsonl.zst");
const sha256 = "36dda16883e666f6f6fc733b15917854021977bc3c3248086577a9857884cbfd";

/** Counts records and hashes everything that comes, without keeping it. */
class CountingSink implements RecordSink {
  readonly hash = createHash("sha256");
  readonly types = new Map<string, number>();
  readonly problems: ImportProblem[] = [];
  records = 0;
  refs = 0;

  record(bytes: Uint8Array, form: "json" | "bytes", { type, ref }: RecordMeta): number {
    this.hash.update(bytes);
    this.types.set(type, (this.types.get(type) ?? 0) + 1);
    if (ref !== null) this.refs += 1;
    expect(form).toBe("json");
    this.records += 1;
    return this.records - 1;
  }

  gap(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }

  problem(problem: ImportProblem): void {
    this.problems.push(problem);
  }
}

function unpacked(): AsyncIterable<Buffer> {
  const child = spawn("zstd", ["-dc", packed], { stdio: ["ignore", "pipe", "inherit"] });
  return child.stdout as AsyncIterable<Buffer>;
}

withCorpus(() => {
  describe("the assembled log", () => {
    it("is read to the last of its 96,031 records", async (context: TestContext) => {
      if (!existsSync(packed)) context.skip(`there is no ${packed}`);
      if (spawnSync("zstd", ["--version"]).error) {
        context.skip("there is no zstd to unpack it: install the Debian package zstd");
      }
      const sink = new CountingSink();
      let reader: SourceReader | undefined;
      let rssMax = 0;
      for await (const chunk of unpacked()) {
        reader ??= detectFormat(chunk, "x")?.reader({});
        reader?.push(chunk, sink);
        rssMax = Math.max(rssMax, process.memoryUsage.rss());
      }
      reader?.end(sink);
      expect(sink.hash.digest("hex")).toBe(sha256);
      expect(sink.records).toBe(96_031);
      expect(sink.refs).toBe(18_593);
      expect(sink.problems.map(({ line }) => line)).toEqual([
        2263, 12_685, 12_811, 13_653, 24_470, 26_596,
      ]);
      const glued = /^line \d+ holds 2 records without a newline between them$/;
      for (const { message } of sink.problems) expect(message).toMatch(glued);
      expect(sink.types.get("progress/bash_progress")).toBe(16_034);
      expect(sink.types.get("assistant/thinking")).toBe(11_194);
      expect(sink.types.get("system/compact_boundary")).toBe(72);
      expect(rssMax).toBeLessThan(512 * 1024 * 1024);
    });
  });
});
