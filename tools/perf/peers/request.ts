// What was asked for on the command line of `npm run perf:peers`; wrong words are answered with
// what to write instead.

import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { type Row, rows } from "./rows.ts";

/** How the comparison is made. */
export interface Request {
  /** Names of rows; the floor and Reach are measured always. */
  readonly only: readonly Row[];
  readonly rounds: number;
  readonly events: number;
  /** File for everything that was measured, every sample. */
  readonly json: string | undefined;
  /** Folder on the disk that is to be measured. */
  readonly work: string;
  /** Folder for CPU profiles of everything that is measured. */
  readonly profiles: string | undefined;
}

const names = rows.map(({ name }) => name).join(" ");

/** What the command can do. */
export const help = `usage: npm run perf:peers -- [options]

  --rounds N      how often everything is measured, in turn; default 5
  --only NAME     measure this one, and Reach and the floor beside it; may be repeated:
                  ${names}
  --events N      how many events are appended; default 100000
  --json FILE     everything that was measured, every sample
  --work DIR      where to write; on the disk that is to be measured (${tmpdir()})
  --cpu-prof DIR  CPU profiles of everything that is measured
  --help          this text
`;

const options = {
  rounds: { type: "string", default: "5" },
  only: { type: "string", multiple: true, default: [] as string[] },
  events: { type: "string", default: "100000" },
  json: { type: "string" },
  work: { type: "string", default: tmpdir() },
  "cpu-prof": { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/** Reads the arguments; a text tells what to do instead. */
export function requestOf(args: readonly string[]): Request | string {
  let values: ReturnType<typeof parsed>;
  try {
    values = parsed(args);
  } catch (error) {
    return `${(error as Error).message}\n\n${help}`;
  }
  if (values.help) return help;
  const rounds = positive(values.rounds);
  if (rounds === undefined) return `--rounds ${values.rounds}: give a whole number above 0\n`;
  const events = positive(values.events);
  if (events === undefined) return `--events ${values.events}: give a whole number above 0\n`;
  const unknown = values.only.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined) return `--only ${unknown}: nothing is called so; there are ${names}\n`;
  const wanted = (row: Row): boolean => values.only.length === 0 || values.only.includes(row.name);
  const { json, work, "cpu-prof": profiles } = values;
  return { only: rows.filter(wanted), rounds, events, json, work, profiles };
}

function parsed(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: false, options }).values;
}

function positive(text: string): number | undefined {
  const number = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
