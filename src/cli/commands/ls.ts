/**
 * `reach ls`: the sessions of the data directory, the newest first. One that is damaged is listed
 * as well, and marked.
 */

import type { SessionId } from "../../base/index.ts";
import type { ReachClient } from "../../client/index.ts";
import type { Directory } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { parsePositive } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { askedOf, checkStatus, hasStatus, type ListFilter, runsProgram } from "../list-filter.ts";
import { byteSize, counted, dateTime, grouped } from "../quantity.ts";
import { remoteOf, summaryOf } from "../remote.ts";
import { type SessionSummary, summarise } from "../session-summary.ts";
import { shortIdLength, withReader } from "../sessions.ts";
import { type Column, table } from "../table.ts";
import { clipped, oneLine } from "../terminal-text.ts";

interface ListFlags extends ListFilter {
  readonly limit?: number;
}

/** `reach ls`. */
export const lsCommand: CommandDefinition = {
  examples: [
    ["reach ls", ""],
    ["reach ls --limit 10", "the ten newest"],
    ["reach ls --status failed --program agent", "which sessions of a program have failed"],
    ["reach ls --status waiting --url http://host:4320", "which ones wait on a server"],
    ["reach ls --json | jq -r '.sessions[].id'", "whole ids, for scripts"],
  ],
  notes: [
    "STATUS says of sessions that a program runs how they ended: done, failed, cancelled, " +
      "infrastructure; the others are open, of which a server says more: queued, running, " +
      "waiting, parked, stuck. --status takes these words, and ended, recorded, quarantined, " +
      "damaged.",
    "SIZE is what a session takes by itself; payloads above 4 KiB lie in the store that all " +
      'sessions share. With --json: {"data", "total", "sessions": [...]}, times in ms; "phase" ' +
      'and "outcome" are what STATUS says, "status" is about damage.',
  ],
  configure(command, start) {
    command
      .option("--limit <count>", "show at most that many", parsePositive)
      .option("--status <status>", "only sessions of this status")
      .option("--program <name>", "only sessions of the program of this name")
      .action((flags: ListFlags) => start((invocation) => list(invocation, flags)));
  },
};

const nameColumns = 48;

async function list(invocation: Invocation, flags: ListFlags): Promise<undefined> {
  const { output, settings } = invocation;
  const client = remoteOf(invocation);
  checkStatus(flags.status, client !== undefined);
  if (client) return listRemote(invocation, client, flags);
  await withReader(invocation, async (directory) => {
    const ids = directory.sessionIds().reverse();
    const { sessions, more } = found(directory, ids, flags);
    if (output.json) {
      await output.printObject({ data: settings.folder, total: ids.length, sessions });
      return;
    }
    if (output.quiet) {
      await output.print(...sessions.map(({ id }) => id));
      return;
    }
    if (sessions.length > 0) {
      await output.print(...sessionTable(sessions, shortIdLength(ids), output));
    } else if (ids.length > 0)
      output.note(`none of ${counted(ids.length, "session")} is like that`);
    else output.note("no sessions yet: `reach import FILE` makes one");
    if (more > 0)
      output.note(`and ${isFiltered(flags) ? "older ones" : counted(more, "older one")}`);
  });
}

function isFiltered({ status, program }: ListFilter): boolean {
  return status !== undefined || program !== undefined;
}

/** The newest of `ids` that are to be shown, and how many there may be behind them. */
function found(
  directory: Directory,
  ids: readonly SessionId[],
  { limit = Number.POSITIVE_INFINITY, status, program }: ListFlags,
): { readonly sessions: SessionSummary[]; readonly more: number } {
  const sessions: SessionSummary[] = [];
  for (const [i, id] of ids.entries()) {
    if (program !== undefined && !runsProgram(directory, id, program)) continue;
    if (status === undefined && sessions.length >= limit) return { sessions, more: ids.length - i };
    const summary = summarise(directory, id);
    if (!hasStatus(summary, status)) continue;
    if (sessions.length >= limit) return { sessions, more: ids.length - i };
    sessions.push(summary);
  }
  return { sessions, more: 0 };
}

/** The sessions of a server, which does not say what they take on its disk. */
async function listRemote(
  { output }: Invocation,
  client: ReachClient,
  flags: ListFlags,
): Promise<undefined> {
  const sessions: SessionSummary[] = [];
  let more = false;
  for await (const session of client.sessions(askedOf(flags))) {
    const summary = summaryOf(session);
    if (!hasStatus(summary, flags.status)) continue;
    more = sessions.length === flags.limit;
    if (more) break;
    sessions.push(summary);
  }
  if (output.json) {
    await output.printObject({ url: client.url, sessions });
    return;
  }
  const ids = sessions.map(({ id }) => id);
  if (output.quiet) await output.print(...ids);
  else if (ids.length > 0) {
    await output.print(...sessionTable(sessions, shortIdLength(ids), output));
  } else if (isFiltered(flags)) output.note("no session of the server is like that");
  else output.note("the server has no sessions yet");
  if (more) output.note("and older ones");
}

/** What a column shows of a session. */
type Cell = (session: SessionSummary) => string;

function sessionTable(
  sessions: readonly SessionSummary[],
  idLength: number,
  output: Invocation["output"],
): string[] {
  const runs = sessions.some(({ phase }) => phase !== null);
  const columns: readonly (Column & { readonly cell: Cell })[] = [
    { heading: "ID", cell: ({ id }) => id.slice(0, idLength) },
    { heading: "CREATED", cell: ({ created }) => (created === null ? "" : dateTime(created)) },
    {
      heading: "EVENTS",
      align: "right",
      cell: ({ events }) => (events === null ? "" : grouped(events)),
    },
    {
      heading: "SIZE",
      align: "right",
      cell: ({ bytes }) => (bytes === null ? "" : byteSize(bytes)),
    },
    { heading: "FORMAT", cell: ({ program, format }) => oneLine(program ?? format) },
    // Of recorded sessions there is nothing to say.
    ...(runs ? [{ heading: "STATUS", cell: statusCell }] : []),
    { heading: "NAME", cell: ({ name }) => clipped(oneLine(name), nameColumns) },
  ];
  const rows = sessions.map((session) => columns.map(({ cell }) => cell(session)));
  const [headings = "", ...lines] = table(columns, rows);
  const marked = lines.map((line, i) => {
    const { status } = sessions[i] as SessionSummary;
    if (status === "ok") return line;
    return `${line}  ${output.style(status === "importing" ? "yellow" : "red", `(${status})`)}`;
  });
  return [output.style("bold", headings), ...marked];
}

function statusCell({ phase, outcome }: SessionSummary): string {
  return oneLine(outcome ?? phase ?? "");
}
