// The text in generated transcripts: prose, source code, the output of commands. Made of words and
// lines, never of noise, so that it divides and repeats as real text does.

import { oddText } from "./odd-text.ts";
import type { Random } from "./random.ts";

const words = (
  "the a to of and in is it that for on with as this at by from or an be are was not but if " +
  "when then we can will should must file line test function value error state event call " +
  "result path type name list map key index check read write run build fix add remove change " +
  "update return import export class method argument option default before after while until " +
  "because instead which where there first last next same other each every some any all none " +
  "only also again now module package version config server client request response timeout " +
  "retry queue worker thread process memory buffer stream parser token schema field record " +
  "snapshot log branch commit merge review issue release deploy cache lock session user agent " +
  "model prompt message tool output"
).split(" ");
const identifiers = (
  "config options result value items index count name path state event session request response " +
  "buffer offset length entry record parse format encode decode open close read write append find"
).split(" ");
const folders: readonly string[] = [
  "src",
  "src/core",
  "src/http",
  "test",
  "lib",
  "scripts",
  "docs",
];
const endings: readonly string[] = [".ts", ".ts", ".ts", ".json", ".md", ".py", ".test.ts"];

/** A path of a file of an imaginary project; `number` determines it. */
export function filePath(number: number): string {
  const folder = folders[number % folders.length];
  const name = `${identifiers[number % identifiers.length]}-${words[(number * 7) % words.length]}`;
  return `/home/dev/project/${folder}/${name}${endings[(number * 3) % endings.length]}`;
}

/** About `length` characters of prose; one text in twenty-five holds something odd. */
export function prose(random: Random, length: number): string {
  const odd = random.chance(0.04) ? random.below(length) : -1;
  let text = "";
  let sentence = 0;
  while (text.length < length) {
    let word = random.pick(words);
    if (sentence === 0) word = word.charAt(0).toUpperCase() + word.slice(1);
    sentence += 1;
    const ends = sentence > 5 && random.chance(0.15);
    text += ends ? `${word}.` : word;
    text += ends && random.chance(0.2) ? "\n\n" : " ";
    if (ends) sentence = 0;
    if (odd >= 0 && text.length >= odd && text.length - odd < 20) text += oddText(random);
  }
  return text.slice(0, length).toWellFormed().trimEnd();
}

/** About `length` characters of source code with line numbers, as a tool that reads files shows. */
export function code(random: Random, length: number): string {
  let text = "";
  let line = random.between(1, 400);
  let depth = 0;
  while (text.length < length) {
    text += `${String(line).padStart(6)}\t${"  ".repeat(depth)}${statement(random)}\n`;
    line += 1;
    if (random.chance(0.25)) depth = Math.min(depth + 1, 6);
    else if (depth > 0 && random.chance(0.3)) depth -= 1;
  }
  return text.slice(0, length).toWellFormed();
}

function statement(random: Random): string {
  const [a, b, c] = [random.pick(identifiers), random.pick(identifiers), random.pick(identifiers)];
  switch (random.below(7)) {
    case 0:
      return `const ${a} = ${b}.${c}(${random.below(100)});`;
    case 1:
      return `if (${a}.${b} !== undefined) {`;
    case 2:
      return `return ${a}.${b}(${c} => ${c}.${a});`;
    case 3:
      return `// ${prose(random, random.between(20, 60)).replaceAll("\n", " ")}`;
    case 4:
      return `export function ${a}${random.below(10)}(${b}: string, ${c}: number): void {`;
    case 5:
      return `throw new Error(\`no ${a} at \${${b}}\`);`;
    default:
      return "}";
  }
}

/** About `length` characters of what a command prints. */
export function commandOutput(random: Random, length: number): string {
  let text = random.chance(0.3) ? "\u001b[1m\u001b[32m✓\u001b[39m\u001b[22m " : "";
  while (text.length < length) {
    const number = random.below(120);
    const rest = prose(random, random.between(10, 70)).replaceAll("\n", " ");
    text += random.chance(0.3)
      ? `${filePath(number)}:${random.between(1, 900)}:${random.between(1, 80)}: ${rest}\n`
      : `${random.chance(0.1) ? "\r" : ""}${rest}\n`;
  }
  return text.slice(0, length).toWellFormed();
}

/** A command line. */
export function command(random: Random): string {
  const file = filePath(random.below(120));
  const word = random.pick(words);
  switch (random.below(5)) {
    case 0:
      return `npm test -- ${file} 2>&1 | tail -${random.between(5, 60)}`;
    case 1:
      return `grep -rn "${word}" ${file} | head -${random.between(5, 40)}`;
    case 2:
      return `git diff --stat HEAD~${random.between(1, 9)} -- ${file}`;
    case 3:
      return `sed -n '${random.between(1, 200)},${random.between(200, 400)}p' ${file}`;
    default:
      return `node --test ${file} && echo "${word} done"`;
  }
}
