/**
 * What help texts begin and end with: examples, because that is what people look for, and exit
 * codes.
 */

/** Calls with a word about each, in columns. */
export function helpExamples(examples: readonly (readonly [string, string])[]): string {
  const width = Math.max(...examples.map(([call]) => call.length));
  const lines = examples.map(([call, about]) => `  $ ${call.padEnd(width)}  ${about}`.trimEnd());
  return `${lines.join("\n")}\n`;
}

/** Paragraphs, broken into lines that fit every terminal. */
export function helpNotes(paragraphs: readonly string[]): string {
  return paragraphs.map((paragraph) => `\n${wrapped(paragraph)}`).join("\n");
}

const noteColumns = 88;

function wrapped(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > noteColumns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** What to begin with. */
export const overviewExamples: readonly (readonly [string, string])[] = [
  ["reach demo", "see all of it on generated data"],
  ["reach import session.jsonl", "take in a transcript; prints the id of the session"],
  ["reach show 0199c1f2", "look at it; any unique beginning of an id will do"],
  ["reach replay 0199c1f2", "run the program again and compare"],
  ["reach verify 0199c1f2", "check that nothing was changed or cut off"],
];

/** What every command ends with. */
export const helpEpilogue = `
Exit codes: 0 ok, 1 failed, 2 usage, 3 diverged, 4 verification failed, 5 not found,
6 not allowed, 7 unavailable (locked, disk full, overloaded), 130 interrupted.
Results go to stdout, everything else to stderr.`;
