// JSONTestSuite: every document that must be accepted is, every one that must not is reported, and
// the undefined ones go as docs/decisions/0004-json-acceptance.md says.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { detectFormat, formatNamed } from "../../src/importers/detect.ts";
import type { Format } from "../../src/importers/importer.ts";
import { suitePath, withSuite } from "../merkle/outside-suites.ts";
import { read } from "./memory-sink.ts";

const part = path.join("JSONTestSuite", "test_parsing");
const json = formatNamed("json") as Format;

/** The undefined documents that are reported; all others are accepted as they are. */
const reported = [
  "i_string_UTF-16LE_with_BOM.json",
  "i_string_UTF-8_invalid_sequence.json",
  "i_string_UTF8_surrogate_U+D800.json",
  "i_string_invalid_utf-8.json",
  "i_string_iso_latin_1.json",
  "i_string_lone_utf8_continuation_byte.json",
  "i_string_not_in_unicode_range.json",
  "i_string_overlong_sequence_2_bytes.json",
  "i_string_overlong_sequence_6_bytes.json",
  "i_string_overlong_sequence_6_bytes_null.json",
  "i_string_truncated-utf-8.json",
  "i_string_utf16BE_no_BOM.json",
  "i_string_utf16LE_no_BOM.json",
];

/** What a format says of a document; it must give back its bytes whatever it says. */
function problemsOf(format: Format | undefined, bytes: Uint8Array): string[] {
  if (!format) return ["no format looks like it"];
  const sink = read(format, bytes, {}, [4096]);
  expect(sink.source.equals(bytes)).toBe(true);
  return sink.messages;
}

withSuite(part, () => {
  const files = readdirSync(suitePath(part)).filter((file) => file.endsWith(".json"));

  describe.each(["detected", "as --format json"])("a document, %s,", (way) => {
    it.each(files)("%s", (file) => {
      const bytes = readFileSync(suitePath(part, file));
      const start = performance.now();
      const format = way === "detected" ? detectFormat(bytes, file) : json;
      const accepted = problemsOf(format, bytes).length === 0;
      expect(performance.now() - start).toBeLessThan(5000);
      expect(accepted).toBe(file.startsWith("i") ? !reported.includes(file) : file.startsWith("y"));
    });
  });

  it("has all its parts", () => {
    const starts = files.map((file) => file.charAt(0));
    const count = (letter: string) => starts.filter((start) => start === letter).length;
    expect([count("y"), count("n"), count("i")]).toEqual([95, 188, 35]);
  });
});
