/**
 * A Dockerfile as a list of instructions, and the rules that it is held to: those of hadolint that
 * matter here, by their numbers, and a few of our own.
 */

/** One instruction; `line` counts from 1. */
export interface Instruction {
  readonly line: number;
  readonly name: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile; comments and continued lines are taken out. */
export function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    open ??= { line: index + 1, text: "" };
    open.text += line.replace(/\\$/, " ");
    if (line.endsWith("\\")) continue;
    const [, name = "", rest = ""] = /^\s*(\w+)\s+(.*)$/.exec(open.text) ?? [];
    found.push({ line: open.line, name: name.toUpperCase(), rest: rest.replace(/\s+/g, " ") });
    open = undefined;
  }
  return found;
}

/** Whether an image says exactly which: a tag with three numbers. */
export function isPinned(image: string): boolean {
  return /^[\w./-]+:v?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/.test(image);
}

type Rule = (one: Instruction, before: readonly Instruction[]) => string | false;

const rules: readonly Rule[] = [
  ({ name, rest }) =>
    name === "FROM" && !isPinned(rest.split(" ")[0] ?? "") && "DL3006 DL3007: pin the tag",
  ({ name }) => name === "ADD" && "DL3020: use COPY",
  ({ name }) => name === "MAINTAINER" && "DL4000: use a label",
  ({ name, rest }) => name === "WORKDIR" && !rest.startsWith("/") && "DL3000: an absolute path",
  ({ name, rest }) => name === "RUN" && /\bsudo\b/.test(rest) && "DL3004: no sudo",
  ({ name, rest }) => name === "RUN" && /(?:^|[;&] ?)cd /.test(rest) && "DL3003: use WORKDIR",
  ({ name, rest }) =>
    name === "RUN" &&
    /apt-get install/.test(rest) &&
    !(/ -y/.test(rest) && /--no-install-recommends/.test(rest)) &&
    "DL3014 DL3015: -y --no-install-recommends",
  ({ name, rest }) =>
    name === "RUN" &&
    /apt-get/.test(rest) &&
    !/rm -rf \/var\/lib\/apt\/lists/.test(rest) &&
    "DL3009: remove the lists of apt",
  ({ name, rest }) =>
    name === "RUN" && /npm (?:i|install|add)\b/.test(rest) && "use npm ci: what the lockfile says",
  ({ name, rest }) =>
    name === "RUN" && /(?:curl|wget)[^|]*\| ?(?:ba)?sh/.test(rest) && "runs what it downloads",
  ({ name, rest }) =>
    ["CMD", "ENTRYPOINT"].includes(name) && !isExecForm(rest) && "DL3025: exec form",
  ({ name, rest }) =>
    name === "HEALTHCHECK" &&
    !isExecForm(rest.slice(rest.indexOf("CMD ") + "CMD ".length)) &&
    "DL3025: exec form",
  ({ name, rest }) =>
    name === "USER" && /^(?:root|0)(?::|$)/.test(rest) && "DL3002: the user is root",
  ({ name, rest }) =>
    name === "ENV" && /(?:TOKEN|SECRET|PASSWORD)\w*=/i.test(rest) && "a secret in the image",
  ({ name, rest }, before) =>
    name === "RUN" &&
    /npm ci/.test(rest) &&
    !copiedInStage(before).includes("package-lock.json") &&
    "copy the lockfile first",
  ({ name, rest }, before) =>
    name === "RUN" &&
    /npm ci/.test(rest) &&
    copiedInStage(before).some((file) => file === "src" || file === ".") &&
    "install before the sources are copied: they change more often",
  ({ name, rest }, before) => {
    const stage = /--from=(\S+)/.exec(rest)?.[1];
    const known = before.some((one) => one.name === "FROM" && one.rest.endsWith(` AS ${stage}`));
    return name === "COPY" && stage !== undefined && !known && "DL3022: no such stage";
  },
];

function isExecForm(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((one) => typeof one === "string");
  } catch {
    return false;
  }
}

/** The instructions since the last FROM. */
export function lastStage(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
}

function copiedInStage(before: readonly Instruction[]): string[] {
  return lastStage(before).flatMap(({ name, rest }) => (name === "COPY" ? sourcesOf(rest) : []));
}

/** What a COPY takes from the context; nothing for one from another stage. */
export function sourcesOf(rest: string): string[] {
  return rest.includes("--from=") ? [] : rest.split(" ").slice(0, -1);
}

/** Every breach of the rules, with its line. */
export function dockerfileFaults(text: string): string[] {
  const all = instructionsOf(text);
  const found = all.flatMap((one, i) =>
    rules.flatMap((rule) => {
      const message = rule(one, all.slice(0, i));
      return message === false ? [] : [`${one.line}: ${message}`];
    }),
  );
  const last = lastStage(all);
  for (const name of ["USER", "HEALTHCHECK", "ENTRYPOINT"]) {
    const count = last.filter((one) => one.name === name).length;
    if (count !== 1) found.push(`the last stage has ${count} of ${name}`);
  }
  return found;
}
