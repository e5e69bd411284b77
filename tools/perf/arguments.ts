// What was asked for on the command line of `npm run perf`.

import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import type { ProfileName, Scenario } from "./scenario.ts";

/** A run that was asked for. */
export interface Request {
  readonly chosen: readonly Scenario[];
  readonly profile: ProfileName;
  readonly rounds: number;
  readonly work: string;
  /** Where the results go: JSON, the table and the picture. */
  readonly out: string | undefined;
  /** Exit code 1 when a contract is broken. */
  readonly gate: boolean;
  readonly save: boolean;
  readonly seed: number;
  /** Where CPU profiles of the server go. */
  readonly profiles: string | undefined;
}

const roundsOf: Readonly<Record<ProfileName, number>> = { fast: 3, full: 7 };

/** The help. */
export function helpText(scenarios: readonly Scenario[]): string {
  const names = scenarios.map(({ name, about, fast }) => {
    return `  ${name.padEnd(14)}${about}${fast ? " (fast)" : ""}`;
  });
  return `usage: npm run perf -- [SCENARIO...] [options]

${names.join("\n")}

  --profile fast|full  the scenarios marked fast, in under two minutes, or all of them; default fast
  --rounds N           how often each is measured; default 3, in the full profile 7
  --gate               exit code 1 when a contract of perf/budgets.json is broken
  --save-baseline      what was measured is perf/baseline.json from now on
  --out DIR            results.json, results.md and latencies.svg; default perf/results
  --work DIR           data directories of the servers; on the disk that is measured (${tmpdir()})
  --seed N             of the arrivals at random; default 1
  --cpu-prof DIR       CPU profiles of the server and its runners
`;
}

/** What was asked for; a text tells what to do instead. */
export function requestOf(
  args: readonly string[],
  scenarios: readonly Scenario[],
): Request | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${helpText(scenarios)}`;
  }
  const { values, positionals } = parsed;
  if (values.help) return helpText(scenarios);
  const { profile, work, out } = values;
  if (profile !== "fast" && profile !== "full") return `--profile ${profile} is not fast or full\n`;
  const rounds = values.rounds === undefined ? roundsOf[profile] : Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) return `--rounds ${values.rounds} is no number\n`;
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) return `--seed ${values.seed} is no integer\n`;
  const unknown = positionals.find((name) => !scenarios.some((known) => known.name === name));
  if (unknown !== undefined) {
    return `there is no scenario "${unknown}"\n\n${helpText(scenarios)}`;
  }
  const chosen = scenarios.filter(({ name, fast }) => {
    return positionals.length > 0 ? positionals.includes(name) : fast || profile === "full";
  });
  const { gate, "save-baseline": save, "cpu-prof": profiles } = values;
  return { chosen, profile, rounds, work, out, gate, save, seed, profiles };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      profile: { type: "string", default: "fast" },
      rounds: { type: "string" },
      gate: { type: "boolean", default: false },
      "save-baseline": { type: "boolean", default: false },
      out: { type: "string" },
      work: { type: "string", default: tmpdir() },
      seed: { type: "string", default: "1" },
      "cpu-prof": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
}
