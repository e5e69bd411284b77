/**
 * JSON Lines of no particular format (NDJSON, one JSON value per line): every record is kept, its
 * type and time are read from the members that such logs commonly have.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { LineScanner } from "./line-scanner.ts";
import { ownTime, ownType } from "./member-type.ts";
import { refusePath } from "./path-option.ts";
import { objectOf, plain, plainType, type RecordMapper } from "./reading.ts";

const mapper: RecordMapper = {
  read(value) {
    const record = objectOf(value);
    return record ? plain(ownType(record) ?? plainType, ownTime(record)) : plain(plainType);
  },
};

const lineNames = /\.(?:jsonl|ndjson|jsonlines|ldjson)$/i;

/** JSON Lines. */
export const ndjson: Format = {
  name: "ndjson",
  appendOnly: true,
  recalls: [],
  sniff(head, fileName) {
    const sample = headSample(head);
    const { records, badLines } = sample.lines;
    const seen = records.length + badLines;
    const share = records.length / (seen || 1);
    if (seen > 0 && share < 0.5) return 0;
    if (records.length >= 2) return 0.4 * share;
    // One line, or the beginning of one: a record, or a document. An object that holds an array of
    // objects is a document whatever its name; otherwise the name says what is meant.
    const named = lineNames.test(fileName) && sample.document.top === "object";
    return named && !sample.document.hasRecords ? 0.36 : 0.12 * share;
  },
  reader(options) {
    refusePath("ndjson", options);
    return new LineScanner(mapper, options);
  },
};
