/**
 * `reach rm`: removes sessions, once somebody has said --yes. What is left of one says that it was
 * here.
 */
import { type Command, Option } from "commander";
import { ReachError, type SessionId } from "../../base/index.ts";
import { type Directory, removeSession } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { counted } from "../quantity.ts";
import { summarise } from "../session-summary.ts";
import { resolveSession, withReader, withWriter } from "../sessions.ts";

interface RemoveFlags {
  readonly yes?: boolean;
}

/** `reach rm`. */
export const rmCommand: CommandDefinition = {
  examples: [
    ["reach rm 0199c1f2 --yes", ""],
    ["reach rm 0199c1f2 0199c1f7 --yes && reach gc", "and give the room of payloads back"],
  ],
  notes: [
    "A tombstone with the last checkpoint stays behind. Payloads that other sessions name stay " +
      "as well; `reach gc` gives back the room of the others.",
  ],
  configure(command: Command, start) {
    command
      .argument("<id...>", "sessions, by id or a unique beginning of one")
      .addOption(new Option("--yes", "yes, remove them for good"))
      .action((ids: string[], flags: RemoveFlags) => {
        return start((invocation) => remove(invocation, ids, flags));
      });
  },
};

async function remove(
  invocation: Invocation,
  texts: readonly string[],
  { yes }: RemoveFlags,
): Promise<undefined> {
  if (!yes) throw await unconfirmed(invocation, texts);
  await withWriter(invocation, {}, async (directory) => {
    // All are looked up before the first is removed: a typing error removes nothing.
    const ids = sessionsOf(directory, texts);
    const removed: { id: SessionId; events: number | null }[] = [];
    try {
      for (const id of ids) {
        const { events } = summarise(directory, id);
        await removeSession(directory, id);
        removed.push({ id, events });
      }
    } finally {
      // What is gone is told, also where the next one stays.
      await tell(invocation, removed);
    }
  });
}

async function tell(
  { output }: Invocation,
  removed: readonly { readonly id: SessionId; readonly events: number | null }[],
): Promise<void> {
  if (removed.length === 0) return;
  if (output.json) await output.printObject({ removed });
  else if (!output.quiet) {
    await output.print(
      ...removed.map(({ id, events }) => {
        return `removed ${id}${events === null ? "" : ` (${counted(events, "event")})`}`;
      }),
    );
  }
}

/** The sessions that are named, each once. */
function sessionsOf(directory: Directory, texts: readonly string[]): SessionId[] {
  return [...new Set(texts.map((text) => resolveSession(directory, text)))];
}

/** Says what would be removed. */
async function unconfirmed(invocation: Invocation, texts: readonly string[]): Promise<ReachError> {
  return withReader(invocation, async (directory) => {
    const ids = sessionsOf(directory, texts);
    const events = ids.reduce((sum, id) => sum + (summarise(directory, id).events ?? 0), 0);
    const what = ids.length === 1 ? `session ${ids[0]}` : counted(ids.length, "session");
    return new ReachError(
      "USAGE",
      `${what} (${counted(events, "event")}) would be removed for good`,
      {
        hint: "say --yes to remove, or `reach export ID --format bundle -o FILE` first",
      },
    );
  });
}
