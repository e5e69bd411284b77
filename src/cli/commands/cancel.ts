/**
 * `reach cancel`: ends a session that Reach runs. Where nobody runs it, it goes on here until it
 * has ended, so that its program can clean up; a server is asked, and sees to that by itself.
 */
import type { Command } from "commander";
import { ReachError, type SessionId } from "../../base/index.ts";
import { EffectRegistry } from "../../effects/index.ts";
import { type EndReport, Engine } from "../../engine/index.ts";
import type { CommandDefinition } from "../command.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { counted } from "../quantity.ts";
import { remoteOf, resolveRemote } from "../remote.ts";
import { resolveSession, shortId, withWriter } from "../sessions.ts";

interface CancelFlags {
  readonly reason?: string;
}

/** `reach cancel`. */
export const cancelCommand: CommandDefinition = {
  examples: [
    ["reach cancel 0199c1f2", "in the data directory; the program may clean up"],
    ['reach cancel 0199c1f2 --reason "wrong customer"', "the reason is in the log"],
    ["reach cancel 0199c1f2 --url http://host:4320", "a session that a server runs"],
  ],
  notes: [
    "What the session waits for is rejected, and its program has 5 seconds to clean up and end. " +
      "In the data directory that happens here and now, with the effects of reach.config.ts. " +
      "With --url the command ends when the request is durable: `reach tail ID -f` shows the end.",
    "A session that has ended is refused. With --json: " +
      '{"id", "seq"}, without --url also {"outcome", "forced", "events"}. With --quiet: the id.',
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .option("--reason <text>", "why, for the log and the program")
      .action((id: string, flags: CancelFlags) => {
        return start((invocation) => cancel(invocation, id, flags));
      });
  },
};

async function cancel(
  invocation: Invocation,
  text: string,
  { reason }: CancelFlags,
): Promise<undefined> {
  const { output } = invocation;
  const client = remoteOf(invocation);
  if (!client) return cancelHere(invocation, text, reason);
  const id = await resolveRemote(client, text);
  const { seq } = await client.cancel(id, reason);
  if (output.json) await output.printObject({ id, seq });
  else if (output.quiet) await output.print(id);
  else await output.print(`cancelled   with event ${seq}   id ${output.style("bold", id)}`);
}

async function cancelHere(
  invocation: Invocation,
  text: string,
  reason: string | undefined,
): Promise<undefined> {
  const { output } = invocation;
  const stop = interruption(() => {});
  try {
    await withWriter(invocation, {}, async (directory) => {
      const id = resolveSession(directory, text);
      const engine = await Engine.open({
        directory,
        effects: invocation.config?.registry ?? new EffectRegistry({}),
        runners: { kind: "threads", threads: 1 },
        resumes: "asked",
        onTrouble: (trouble) => output.note(trouble),
      });
      try {
        const { seq } = await engine.cancel(id, reason);
        const report = await engine.finished(id, { signal: stop.signal }).catch((error) => {
          throw stop.exitCode === undefined ? error : leftOver(id);
        });
        await tell(invocation, shortId(id, directory.sessionIds()), seq, report);
      } finally {
        await engine.close();
      }
    });
  } finally {
    stop.end();
  }
}

function leftOver(id: SessionId): ReachError {
  return new ReachError("INTERRUPTED", `session ${id} is cancelled and has not ended yet`, {
    hint: "`reach run --resume` ends it",
  });
}

async function tell(
  { output }: Invocation,
  short: string,
  seq: number,
  { id, outcome, forced, seq: end }: EndReport,
): Promise<void> {
  if (output.json) {
    await output.printObject({ id, seq, outcome, forced, events: end + 1 });
  } else if (output.quiet) await output.print(id);
  else {
    const word = output.style(outcome === "cancelled" ? "green" : "yellow", outcome);
    const events = counted(end + 1, "event");
    await output.print(`${word}   ${events}   id ${output.style("bold", short)}`);
    if (forced) output.note("its program had not ended after 5 seconds");
  }
}
