/**
 * Values as JSON that loses nothing. What JSON has no form for is an object with one marked member:
 *
 *   bytes      {"$bytes": "<base64>"}          big integer  {"$bigint": "123"}
 *   undefined  {"$undefined": true}            NaN, Infinity, -Infinity, -0  {"$number": "NaN"}
 *   an object that looks like one of these     {"$object": [["<key>", <value>]]}
 *
 * The data of an imported record is its JSON text, put in as it is.
 */

const marks = new Set(["$bytes", "$bigint", "$undefined", "$number", "$object"]);

/** `value` as what `JSON.stringify` writes without loss. */
export function jsonable(value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return { $bigint: String(value) };
    case "undefined":
      return { $undefined: true };
    case "number": {
      const plain = Number.isFinite(value) && !Object.is(value, -0);
      return plain ? value : { $number: Object.is(value, -0) ? "-0" : String(value) };
    }
    case "object":
      return value === null ? null : jsonableObject(value);
    default:
      return value;
  }
}

function jsonableObject(value: object): unknown {
  if (value instanceof Uint8Array) {
    const { buffer, byteOffset, length } = value;
    return { $bytes: Buffer.from(buffer, byteOffset, length).toString("base64") };
  }
  if (Array.isArray(value)) return value.map(jsonable);
  const entries = Object.entries(value).map(([key, member]) => [key, jsonable(member)] as const);
  const [first] = entries;
  if (entries.length === 1 && first && marks.has(first[0])) return { $object: entries };
  // `fromEntries` defines members, so that a key such as __proto__ stays a key.
  return Object.fromEntries(entries);
}

/** A JSON text on one line: newlines in it stand between tokens, never inside of them. */
export function onOneLine(json: string): string {
  return json.replace(/[\r\n]+/g, " ");
}
