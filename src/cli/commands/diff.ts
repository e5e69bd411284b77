/**
 * `reach diff`: the first event at which two sessions part, what differs in it, and what each has
 * from then on.
 */
import type { Command } from "commander";
import { diffSessions } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { diffLines } from "../diff-text.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { resolveSession, withReader } from "../sessions.ts";

interface DiffFlags {
  readonly time?: boolean;
  readonly notes?: boolean;
}

/** `reach diff`. */
export const diffCommand: CommandDefinition = {
  examples: [
    ["reach diff 0199c1f2 0199c2aa", ""],
    ["reach diff 0199c1f2 0199c2aa --time", "the times of events count as well"],
  ],
  notes: [
    "Kind, type, reference and data of the events are compared. Exit 0 when all of them are the " +
      "same, 3 when not. Data is the same when it says the same: spaces, 1.50 for 1.5 and " +
      "escapes in texts make no difference; digits beyond what a double holds, keys that stand " +
      "twice and the order of keys do.",
    "Between a session and its fork, what was settled or set at the fork is not compared.",
  ],
  configure(command: Command, start) {
    command
      .argument("<a>", "session, by id or a unique beginning of one")
      .argument("<b>", "the other one")
      .option("--time", "compare times, too")
      .option("--notes", "compare notes, too, such as imports leave")
      .action((a: string, b: string, flags: DiffFlags) => {
        return start((invocation) => diff(invocation, a, b, flags));
      });
  },
};

async function diff(
  invocation: Invocation,
  textA: string,
  textB: string,
  { time = false, notes = false }: DiffFlags,
): Promise<ExitCode> {
  const { output } = invocation;
  return withReader(invocation, async (directory) => {
    const a = directory.session(resolveSession(directory, textA));
    const b = directory.session(resolveSession(directory, textB));
    try {
      const difference = diffSessions(a, b, { time, notes });
      if (output.json) await output.printObject({ a: a.id, b: b.id, ...difference });
      else if (output.quiet) await output.print(difference.relation);
      else await output.print(...diffLines(difference, output));
      return difference.firstDivergence === null ? exitCodes.ok : exitCodes.diverged;
    } finally {
      a.close();
      b.close();
    }
  });
}
