/**
 * OpenHands events. V0: an array of actions and observations, or the export of agent-as-a-judge.
 * V1: events with a `kind`, one per line or one per file. Which of them a source is shows its
 * first line.
 */
import type { Buffer } from "node:buffer";
import { bufferOf } from "./assembly.ts";
import { headSample } from "./head-sample.ts";
import type { FileReader, Format, ReaderOptions, RecordSink, SourceReader } from "./importer.ts";
import { topLayout, wholeLayout } from "./json-layout.ts";
import { JsonScanner } from "./json-scanner.ts";
import { LateReader } from "./late-reader.ts";
import { LineScanner } from "./line-scanner.ts";
import { refusePath } from "./path-option.ts";
import {
  idOf,
  type JsonObject,
  objectOf,
  onLine,
  plain,
  plainType,
  type Reading,
  type RecordMapper,
  textOf,
  typeOf,
  typeWord,
} from "./reading.ts";
import { faultOf, RecordKeeper } from "./record-keeper.ts";
import { rawTypes, SourceWriter } from "./source-writer.ts";
import { timeOf } from "./times.ts";
import { ascii } from "./value-scan.ts";

const answerKinds: ReadonlySet<string> = new Set([
  "ObservationEvent",
  "AgentErrorEvent",
  "UserRejectObservation",
]);

function known(...ids: readonly (string | undefined)[]): string[] {
  return ids.filter((id) => id !== undefined);
}

function readV1(event: JsonObject, kind: string): Reading {
  const time = timeOf(event["timestamp"]);
  const type = typeWord(kind) ?? plainType;
  const callId = textOf(event["tool_call_id"]);
  if (kind === "ActionEvent") {
    return { time, kind: "call", type, opens: known(textOf(event["id"]), callId) };
  }
  if (answerKinds.has(kind)) {
    return { time, kind: "result", type, answers: known(textOf(event["action_id"]), callId) };
  }
  const isInput = kind === "MessageEvent" && event["source"] === "user";
  return { time, kind: isInput ? "input" : "emit", type };
}

function readV0(event: JsonObject): Reading | undefined {
  const time = timeOf(event["timestamp"]);
  const action = textOf(event["action"]);
  if (action !== undefined) {
    const type = typeWord(`action:${action}`) ?? "action";
    const opens = idOf(event["id"]);
    if (event["source"] === "agent") return { time, kind: "call", type, opens };
    const isInput = event["source"] === "user" && action === "message";
    return { time, kind: isInput ? "input" : "emit", type, opens };
  }
  const observation = textOf(event["observation"]);
  if (observation === undefined) return undefined;
  const type = typeWord(`observation:${observation}`) ?? "observation";
  const answers = idOf(event["cause"]);
  return { time, kind: answers === undefined ? "emit" : "result", type, answers };
}

function isJudgeStep(record: JsonObject): boolean {
  return typeof record["step"] === "number" && "agent" in record && "step_usage" in record;
}

const mapper: RecordMapper = {
  read(value, { member }) {
    const event = objectOf(value);
    if (!event) return plain(typeOf(member ?? undefined));
    const kind = textOf(event["kind"]);
    if (kind !== undefined) return readV1(event, kind);
    if (isJudgeStep(event)) return plain("step");
    return readV0(event) ?? plain(typeOf(member ?? undefined), timeOf(event["timestamp"]));
  },
};

function isV1(event: JsonObject): boolean {
  const named = typeof event["kind"] === "string" && typeof event["id"] === "string";
  return named && "timestamp" in event && "source" in event;
}

function isOurs(value: unknown): boolean {
  const event = objectOf(value);
  if (!event) return false;
  const isV0 = "action" in event || "observation" in event;
  return isV1(event) || isJudgeStep(event) || (isV0 && "source" in event && "timestamp" in event);
}

/** One record per file, each event of V1 lies in a file of its own. */
class EventFiles implements FileReader {
  readonly #writer: SourceWriter;
  readonly #keeper: RecordKeeper;

  constructor(options: ReaderOptions) {
    this.#writer = new SourceWriter(options);
    this.#keeper = new RecordKeeper(mapper, this.#writer);
  }

  file(bytes: Uint8Array, sink: RecordSink): void {
    this.#writer.attach(sink);
    const buffer = bufferOf(bytes);
    const { offset, sizes } = this.#writer;
    if (bytes.length > sizes.recordBytesMax) {
      const message = `a file of more than ${sizes.recordBytesMax} bytes: `;
      this.#writer.problem(null, offset, `${message}kept in fragments, not read`);
      this.#writer.beginPieces(rawTypes.fragment);
      this.#writer.piece(buffer);
      this.#writer.endPieces();
    } else if (!this.#keeper.keep(buffer, onLine)) {
      this.#writer.raw(buffer, rawTypes.unparsed);
      this.#writer.problem(null, offset, `the file ${faultOf(buffer)}: kept unread`);
    }
  }
}

/** The reader for a source with this first line. */
function readerFor(firstLine: Buffer, options: ReaderOptions): SourceReader {
  if (firstLine[0] === ascii.bracketOpen) return new JsonScanner(mapper, topLayout, options);
  // A line that is a whole event ends in a brace; the first line of several does not.
  const isOpen = /^\{(?:.*[{[,:])?[ \t\r]*\n$/s.test(firstLine.toString("latin1"));
  return isOpen ? new JsonScanner(mapper, wholeLayout, options) : new LineScanner(mapper, options);
}

/** OpenHands, V0 and V1. */
export const openhands: Format = {
  name: "openhands",
  appendOnly: true,
  // In V0 whatever anybody does is answered, and has the kind of what it is.
  recalls: ["call", "input", "emit"],
  sniff(head) {
    const { lines, document } = headSample(head);
    const seen = document.top === "array" ? document.elements : lines.records;
    const ours = seen.filter(isOurs).length;
    const bad = document.top === "array" ? 0 : lines.badLines;
    if (ours > 0) return 0.9 * (ours / (seen.length + bad));
    // One event over several lines, or one longer than the head.
    const members = [...document.members].map(([key, values]) => [key, values[0]] as const);
    return isV1(Object.fromEntries(members)) ? 0.8 : 0;
  },
  reader(options) {
    refusePath("openhands", options);
    if ((options.firstOffset ?? 0) > 0) return new LineScanner(mapper, options);
    return new LateReader((firstLine) => readerFor(firstLine, options));
  },
  fileReader(options) {
    return new EventFiles(options);
  },
};
