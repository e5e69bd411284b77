/**
 * Terminal recordings of asciinema, asciicast versions 2 and 3: a header, then one event per line.
 * In version 2 the times of events count from the start, in version 3 each from the one before.
 * Lines of version 3 that begin with `#` are comments.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { LineScanner } from "./line-scanner.ts";
import { refusePath } from "./path-option.ts";
import type { RecordMapper } from "./reading.ts";
import { type JsonObject, objectOf, plain, plainType, type Reading } from "./reading.ts";
import { wholeMs } from "./times.ts";

const numberSign = 0x23;

/** One letter: output, input, resize, marker, exit, and what later versions may add. */
const codeShape = /^[a-z]$/;

function headerOf(value: unknown): JsonObject | undefined {
  const header = objectOf(value);
  const version = header?.["version"];
  return version === 2 || version === 3 ? header : undefined;
}

/** Keeps the clock of one recording. */
class CastMapper implements RecordMapper {
  /** The time of the last event in version 3, of the start in version 2: ms, with a fraction. */
  #clock = 0;
  #counts: "from start" | "from last" | "unknown" = "unknown";

  read(value: unknown): Reading {
    const header = headerOf(value);
    if (header) return this.#readHeader(header);
    if (!Array.isArray(value)) return plain(plainType);
    const [seconds, code] = value as unknown[];
    if (typeof code !== "string" || !codeShape.test(code)) return plain(plainType);
    return { time: this.#timeOf(seconds), kind: code === "i" ? "input" : "emit", type: code };
  }

  #readHeader(header: JsonObject): Reading {
    const { timestamp } = header;
    this.#counts = header["version"] === 2 ? "from start" : "from last";
    this.#clock = typeof timestamp === "number" ? timestamp * 1000 : 0;
    const time = typeof timestamp === "number" ? wholeMs(this.#clock) : null;
    return { time, kind: "trigger", type: "header" };
  }

  #timeOf(seconds: unknown): number | null {
    if (typeof seconds !== "number" || this.#counts === "unknown") return null;
    const time = this.#clock + seconds * 1000;
    if (this.#counts === "from last") this.#clock = time;
    return wholeMs(Math.round(time));
  }
}

/** asciicast versions 2 and 3. */
export const asciicast: Format = {
  name: "asciicast",
  appendOnly: true,
  // Times of version 3 add up, with fractions of a millisecond.
  recalls: ["trigger", "input", "emit"],
  sniff(head) {
    const { records } = headSample(head).lines;
    const header = headerOf(records[0]);
    if (!header) return 0;
    if (!("width" in header && "height" in header) && !("term" in header)) return 0;
    const events = records.slice(1);
    return events.length === 0 || events.some(Array.isArray) ? 0.95 : 0;
  },
  reader(options) {
    refusePath("asciicast", options);
    return new LineScanner(new CastMapper(), options, { comment: numberSign });
  },
};
