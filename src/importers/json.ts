/**
 * Any JSON document: the elements of its top array, of the arrays of objects under its top object,
 * or of the array that `--path` names, are records, and so is every other member.
 */
import { headSample } from "./head-sample.ts";
import type { Format } from "./importer.ts";
import { pathLayout, topLayout } from "./json-layout.ts";
import { parsePath } from "./json-path.ts";
import { JsonScanner } from "./json-scanner.ts";
import { ownTime, ownType } from "./member-type.ts";
import { objectOf, plain, type RecordMapper, typeOf } from "./reading.ts";

const mapper: RecordMapper = {
  read(value, place) {
    const record = objectOf(value);
    const key = place.member ?? undefined;
    if (!record) return plain(typeOf(key));
    const own = place.element ? ownType(record) : undefined;
    return plain(own ?? typeOf(key), ownTime(record));
  },
};

/** A JSON document. */
export const json: Format = {
  name: "json",
  appendOnly: false,
  recalls: [],
  sniff(head) {
    const { top, elements, broken, complete } = headSample(head).document;
    if (top === "none") return 0;
    if (top === "scalar") return complete && elements.length === 1 ? 0.15 : 0;
    if (broken) return 0.1;
    return complete ? 0.35 : 0.3;
  },
  reader(options) {
    const { path } = options;
    const layout = path === undefined ? topLayout : pathLayout(parsePath(path));
    return new JsonScanner(mapper, layout, options);
  },
};
