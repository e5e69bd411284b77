// JSON as other programs spell it: lone surrogates escaped, integers beyond 2^53 with all their
// digits, whole percentages as `52.0`, and in the manner of Python, spaced and in ASCII.

/** How a record is spelled: as JavaScript does, or as Python does. */
export type Spelling = "compact" | "spaced-ascii";

/** The JSON text of plain data; a bigint becomes its digits, members in undefined are left out. */
export function jsonText(value: unknown, spelling: Spelling): string {
  const text = spelled(value, "", spelling === "compact" ? [",", ":"] : [", ", ": "]);
  return spelling === "compact" ? text : inAscii(text);
}

function spelled(value: unknown, key: string, separators: readonly [string, string]): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && key.endsWith("Percent") && Number.isInteger(value)) {
    return `${value}.0`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const [comma, colon] = separators;
  if (Array.isArray(value)) {
    return `[${value.map((item) => spelled(item, key, separators)).join(comma)}]`;
  }
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    members.push(JSON.stringify(name) + colon + spelled(member, name, separators));
  }
  return `{${members.join(comma)}}`;
}

function inAscii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
