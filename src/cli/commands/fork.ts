/**
 * `reach fork`: a new session from the beginning of another one, with other results or inputs where
 * they are given. A fork of a session that Reach ran goes on with `reach run --resume`.
 */
import { type Command, Option } from "commander";
import {
  isSessionId,
  newSessionId,
  ReachError,
  systemClock,
  systemEntropy,
} from "../../base/index.ts";
import { enterSession } from "../../engine/index.ts";
import { type ForkReport, forkSession } from "../../session/index.ts";
import { type CommandDefinition, parsePositive } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { counted, grouped } from "../quantity.ts";
import { jsonValue } from "../run-inputs.ts";
import { resolveSession, shortId, withWriter } from "../sessions.ts";

interface ForkFlags {
  readonly at: number;
  readonly set?: ReadonlyMap<number, unknown>;
  readonly rerunOpen?: boolean;
  readonly name?: string;
  readonly id?: string;
}

/** `reach fork`. */
export const forkCommand: CommandDefinition = {
  examples: [
    ["reach fork 0199c1f2 --at 48213", "its first 48,213 events, as a session"],
    [`reach fork 0199c1f2 --at 900 --set 872='{"ok":false}'`, "with another result"],
    ["reach fork 0199c1f2 --at 900 --rerun-open", "calls that are open then are made again"],
  ],
  notes: [
    "The root over the events that both have is the same; large payloads are shared. A session " +
      "that Reach ran is cut between two activations, at or behind --at, and before the first " +
      "event that --set names. What is open there is settled: by --set, by the result that the " +
      "source got later, or by calling it again. It then goes on with `reach run --resume`.",
    'With --json: {"id", "source", "at", "events", "settled", "open"}. With --quiet: the id.',
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .requiredOption("--at <count>", "how many events the fork has of it", parsePositive)
      .addOption(
        new Option(
          "--set <seq=json>",
          "another result (also by its call) or input; repeat for more",
        ).argParser(parseOverride),
      )
      .option("--rerun-open", "make open calls again instead of taking later results")
      .option("--name <text>", "a name for the fork")
      .option("--new-id <id>", "id of the fork")
      .action((id: string, flags: ForkFlags & { newId?: string }) => {
        const { newId, ...rest } = flags;
        return start((invocation) => {
          return fork(invocation, id, newId === undefined ? rest : { ...rest, id: newId });
        });
      });
  },
};

function parseOverride(
  text: string,
  before: ReadonlyMap<number, unknown> = new Map(),
): ReadonlyMap<number, unknown> {
  const [, seq, json] = /^(\d{1,15})=([\s\S]*)$/.exec(text) ?? [];
  if (seq !== undefined && json !== undefined) {
    return new Map([...before, [Number(seq), jsonValue(json, `--set ${seq}`)]]);
  }
  throw new ReachError("USAGE", `--set ${text} names no event and value`, {
    hint: `for example --set 872='{"ok":false}'`,
  });
}

async function fork(
  invocation: Invocation,
  text: string,
  { at, set, rerunOpen, name, id = newSessionId(systemClock, systemEntropy) }: ForkFlags,
): Promise<ExitCode | undefined> {
  if (!isSessionId(id)) {
    throw new ReachError("USAGE", `${id} is no session id`, {
      hint: "an id is a UUID of version 7; without --new-id a new one is made",
    });
  }
  const { output } = invocation;
  const stop = interruption(() => {});
  try {
    await withWriter(invocation, {}, async (directory) => {
      const source = resolveSession(directory, text);
      await enterSession(directory.disk, directory.path, id);
      const report = await forkSession(directory, source, {
        at,
        signal: stop.signal,
        ...(set === undefined ? {} : { overrides: set }),
        ...(rerunOpen === undefined ? {} : { rerunOpen }),
        ...(name === undefined ? {} : { name }),
        id,
      });
      if (output.json) await output.printObject({ ...report, source });
      else if (output.quiet) await output.print(report.id);
      else {
        const ids = directory.sessionIds();
        const short = shortId(report.id, ids);
        await output.print(...forkLines(report, at, shortId(source, ids), short));
        const reader = directory.session(report.id);
        reader.close();
        if (reader.manifest.program) output.note(`reach run --resume ${short} goes on from there`);
      }
    });
  } finally {
    stop.end();
  }
  return undefined;
}

function forkLines(report: ForkReport, at: number, source: string, id: string): string[] {
  const { at: cut, settled, open } = report;
  const shared = counted(cut, "event");
  const lines = [`forked   the first ${shared} of ${source}   id ${id}`];
  if (cut > at) lines.push(`  ${grouped(at)} lies inside of an activation, which ends there`);
  if (settled > 0) lines.push(`  ${counted(settled, "open call")} settled`);
  if (open.length > 0) lines.push(`  ${counted(open.length, "open call")} made again`);
  return lines;
}
