/**
 * `reach ls`: the sessions of the data directory, the newest first. One that is damaged is listed
 * as well, and marked.
 */

import type { ReachClient } from "../../client/index.ts";
import type { CommandDefinition } from "../command.ts";
import { parsePositive } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { byteSize, counted, dateTime, grouped } from "../quantity.ts";
import { remoteOf, summaryOf } from "../remote.ts";
import { type SessionSummary, summarise } from "../session-summary.ts";
import { shortIdLength, withReader } from "../sessions.ts";
import { type Column, table } from "../table.ts";
import { clipped, oneLine } from "../terminal-text.ts";

interface ListFlags {
  readonly limit?: number;
}

/** `reach ls`. */
export const lsCommand: CommandDefinition = {
  examples: [
    ["reach ls", ""],
    ["reach ls --limit 10", "the ten newest"],
    ["reach ls --json | jq -r '.sessions[].id'", "whole ids, for scripts"],
  ],
  notes: [
    "SIZE is what a session takes by itself; payloads above 4 KiB lie in the store that all " +
      'sessions share. With --json: {"data", "total", "sessions": [...]}, times in ms.',
  ],
  configure(command, start) {
    command.option("--limit <count>", "show at most that many", parsePositive);
    command.action((flags: ListFlags) => start((invocation) => list(invocation, flags)));
  },
};

const columns: readonly Column[] = [
  { heading: "ID" },
  { heading: "CREATED" },
  { heading: "EVENTS", align: "right" },
  { heading: "SIZE", align: "right" },
  { heading: "FORMAT" },
  { heading: "NAME" },
];

const nameColumns = 48;

async function list(invocation: Invocation, { limit }: ListFlags): Promise<undefined> {
  const { output, settings } = invocation;
  const client = remoteOf(invocation);
  if (client) return listRemote(invocation, client, limit);
  await withReader(invocation, async (directory) => {
    const ids = directory.sessionIds().reverse();
    const sessions = ids.slice(0, limit).map((id) => summarise(directory, id));
    if (output.json) {
      await output.printObject({ data: settings.folder, total: ids.length, sessions });
      return;
    }
    if (output.quiet) {
      await output.print(...sessions.map(({ id }) => id));
      return;
    }
    if (sessions.length === 0) output.note("no sessions yet: `reach import FILE` makes one");
    else await output.print(...sessionTable(sessions, shortIdLength(ids), output));
    const hidden = ids.length - sessions.length;
    if (hidden > 0) output.note(`and ${counted(hidden, "older one")}`);
  });
}

/** The sessions of a server, which does not say what they take on its disk. */
async function listRemote(
  { output }: Invocation,
  client: ReachClient,
  limit: number | undefined,
): Promise<undefined> {
  const sessions: SessionSummary[] = [];
  let more = false;
  for await (const session of client.sessions()) {
    more = sessions.length === limit;
    if (more) break;
    sessions.push(summaryOf(session));
  }
  if (output.json) {
    await output.printObject({ url: client.url, sessions });
    return;
  }
  const ids = sessions.map(({ id }) => id);
  if (output.quiet) await output.print(...ids);
  else if (ids.length === 0) output.note("the server has no sessions yet");
  else await output.print(...sessionTable(sessions, shortIdLength(ids), output));
  if (more) output.note("and older ones");
}

function sessionTable(
  sessions: readonly SessionSummary[],
  idLength: number,
  output: Invocation["output"],
): string[] {
  const rows = sessions.map((session) => [
    session.id.slice(0, idLength),
    session.created === null ? "" : dateTime(session.created),
    session.events === null ? "" : grouped(session.events),
    session.bytes === null ? "" : byteSize(session.bytes),
    oneLine(session.program ?? session.format),
    clipped(oneLine(session.name), nameColumns),
  ]);
  const [headings = "", ...lines] = table(columns, rows);
  const marked = lines.map((line, i) => {
    const { status } = sessions[i] as SessionSummary;
    if (status === "ok") return line;
    return `${line}  ${output.style(status === "importing" ? "yellow" : "red", `(${status})`)}`;
  });
  return [output.style("bold", headings), ...marked];
}
