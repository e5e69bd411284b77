// Transcripts that other people's tools recorded: each is recognised, read to the last record and
// given back byte for byte, and what is odd in it is reported.

import type { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { detectFormat, formatNamed } from "../../src/importers/detect.ts";
import { sniffBytesMax } from "../../src/importers/head-sample.ts";
import type { Format } from "../../src/importers/importer.ts";
import { type KeptRecord, MemorySink, read } from "./memory-sink.ts";
import { corpusPath, withCorpus } from "./outside-corpus.ts";

interface Expected {
  readonly format: string;
  readonly records: number;
  /** Results that know the call they answer. */
  readonly refs?: number;
  readonly problems?: readonly string[];
}

const files: Readonly<Record<string, Expected>> = {
  "asciicast/2-vblank-lines.cast": { format: "asciicast", records: 4 },
  "asciicast/2-vbroken.cast": {
    format: "asciicast",
    records: 4,
    problems: ["line 3 is not JSON: kept unread"],
  },
  "asciicast/2-vfull.cast": { format: "asciicast", records: 6 },
  "asciicast/3-vfull.cast": { format: "asciicast", records: 6 },
  "claude-code/daaain-edge_cases.jsonl": { format: "claude-code", records: 19, refs: 1 },
  "claude-code/entire-720c20f0-chain-tip.jsonl": {
    format: "claude-code",
    records: 1350,
    refs: 247,
  },
  "claude-code/entire-8cfa910f-glued-records.jsonl": {
    format: "claude-code",
    records: 279,
    refs: 55,
    problems: [
      "line 115 holds 2 records without a newline between them",
      "line 241 holds 2 records without a newline between them",
    ],
  },
  "claude-code/obra-large-conversation.jsonl": { format: "claude-code", records: 460, refs: 152 },
  "claude-code/obra-tiny-conversation.jsonl": { format: "claude-code", records: 7, refs: 1 },
  "codex/rollout-2025-11-17-cli0.58.0.jsonl": { format: "codex", records: 279, refs: 39 },
  "swe-agent/marshmallow-1867-fc_replace.traj": { format: "swe-agent", records: 11 + 24 + 3 },
  "swe-agent/mini-github_issue.traj.json": { format: "swe-agent", records: 22 },
  "swe-agent/pydicom-1458.traj": { format: "swe-agent", records: 12 + 26 + 2 },
  "openhands/v0-judge-39_Drug_Response.json": { format: "openhands", records: 34 },
  "openhands/v1-sdk-goal-events.jsonl": { format: "openhands", records: 10, refs: 2 },
  "temporal/go-gogoproto-payload-workflow.json": { format: "temporal", records: 146, refs: 13 },
  "temporal/go-version-loop-workflow-256.json": { format: "temporal", records: 385 },
  "temporal/go-workflow1.json": { format: "temporal", records: 25, refs: 3 },
  "temporal/ts-random-replay-1.17.2.json": { format: "temporal", records: 65, refs: 4 },
  "json/inspect-browser-eval.json": { format: "json", records: 8 },
};

function importFile(source: Buffer, name: string, sizes?: readonly number[]) {
  const format = detectFormat(source.subarray(0, sniffBytesMax), name);
  return { format, sink: format ? read(format, source, {}, sizes) : new MemorySink() };
}

/** The values of a document's records, as `JSON.parse` of the whole has them. */
function valuesOf(document: unknown): unknown[] {
  if (Array.isArray(document)) return document;
  return Object.values(document as object).flatMap((member: unknown) => {
    const isRecords = Array.isArray(member) && typeof member[0] === "object" && member[0] !== null;
    return isRecords && !Array.isArray(member[0]) ? (member as unknown[]) : [member];
  });
}

withCorpus(() => {
  describe.each(Object.entries(files))("%s", (name, expected) => {
    const source = readFileSync(corpusPath(name));

    it("is recognised and read to the last record", () => {
      const { format, sink } = importFile(source, name);
      expect(format?.name).toBe(expected.format);
      expect(sink.source.equals(source)).toBe(true);
      expect(sink.records).toHaveLength(expected.records);
      expect(sink.records.filter(({ ref }) => ref !== null)).toHaveLength(expected.refs ?? 0);
      expect(sink.messages).toEqual(expected.problems ?? []);
    });

    it("comes to the same in chunks of any size", () => {
      const whole = importFile(source, name).sink;
      const cut = importFile(source, name, [1, 977, 65_536, 3]).sink;
      expect(sameRecords(cut.records, whole.records)).toBe(true);
      expect(cut.problems).toEqual(whole.problems);
    });

    it("is recognised by its content alone", () => {
      const head = source.subarray(0, sniffBytesMax);
      for (const other of ["", "x.json", "x.jsonl", "x.cast"]) {
        expect(detectFormat(head, other)?.name).toBe(expected.format);
      }
    });
  });

  it.each(Object.keys(files).filter((name) => /\.(?:json|traj)$/.test(name)))(
    "%s has the records that JSON.parse finds in it",
    (name) => {
      const source = readFileSync(corpusPath(name));
      const values = importFile(source, name).sink.texts.map((text) => JSON.parse(text) as unknown);
      expect(values).toEqual(valuesOf(JSON.parse(source.toString())));
    },
  );

  it("a folder of OpenHands events is one source", () => {
    const folder = corpusPath("openhands/creating_agent_plan");
    const sink = new MemorySink();
    const reader = (formatNamed("openhands") as Format).fileReader?.({});
    const sources = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`));
    for (const file of sources) {
      expect(detectFormat(file, "event.json")?.name).toBe("openhands");
      reader?.file(file, sink);
    }
    expect(sink.records.map(({ type, ref }) => [type, ref])).toEqual([
      ["SystemPromptEvent", null],
      ["MessageEvent", null],
      ["ActionEvent", null],
      ["ObservationEvent", 2],
      ["ActionEvent", null],
      ["ObservationEvent", 4],
      ["MessageEvent", null],
    ]);
    expect(sink.problems).toEqual([]);
  });

  it("a session that grew is read on from each of its stored stages", () => {
    const tip = readFileSync(corpusPath("claude-code/entire-720c20f0-chain-tip.jsonl"));
    const chain = JSON.parse(readFileSync(corpusPath("claude-code/chain.json"), "utf8")) as {
      readonly checkpoints: readonly { readonly bytes: number }[];
    };
    const format = formatNamed("claude-code") as Format;
    const whole = read(format, tip);
    for (const { bytes } of chain.checkpoints) {
      const reader = format.reader({});
      const first = new MemorySink();
      reader.push(tip.subarray(0, bytes), first);
      reader.end(first);
      const { offset, line, seq } = reader.resumable?.() ?? { offset: 0, line: 1, seq: 0 };
      const rest = read(format, tip.subarray(offset), {
        firstOffset: offset,
        firstLine: line,
        firstSeq: seq,
      });
      expect(seq + rest.records.length).toBe(whole.records.length);
      expect(sameBytes(rest.records, whole.records.slice(seq))).toBe(true);
    }
    expect(chain.checkpoints).toHaveLength(9);
  });
});

function sameBytes(a: readonly KeptRecord[], b: readonly KeptRecord[]): boolean {
  return a.length === b.length && a.every(({ bytes }, i) => bytes.equals(b[i]?.bytes as Buffer));
}

function sameRecords(a: readonly KeptRecord[], b: readonly KeptRecord[]): boolean {
  const meta = (records: readonly KeptRecord[]) =>
    records.map(({ bytes, ...rest }) => ({ ...rest, size: bytes.length }));
  expect(meta(a)).toEqual(meta(b));
  return sameBytes(a, b);
}
