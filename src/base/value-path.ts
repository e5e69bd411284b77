/**
 * The path of a place inside a value, as people write it: `$.a[0]["b c"]`. Refusals of the encoder
 * and reports of differences name places this way.
 */

/** `$.a[0]["b c"]`: the text of a path; strings are keys, numbers positions. */
export function pathText(path: readonly (string | number)[]): string {
  let text = "$";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) text += `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
