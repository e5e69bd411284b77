/**
 * `reach tail`: the last events of a session, and with `-f` those to come, as they become durable:
 * of the data directory, while another process writes it, or of a server.
 */
import type { Command } from "commander";
import { messageOf } from "../../base/index.ts";
import type { ReachClient, TailOptions } from "../../client/index.ts";
import type { EventView } from "../../event/index.ts";
import type { SessionReader } from "../../session/index.ts";
import { type CommandDefinition, parseCount } from "../command.ts";
import { EventTable, eventJson } from "../event-text.ts";
import type { ExitCode } from "../exit-codes.ts";
import { type Interruption, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { remoteOf, resolveRemote } from "../remote.ts";
import { resolveSession, withReader } from "../sessions.ts";
import { oneLine } from "../terminal-text.ts";

interface TailFlags {
  readonly follow?: boolean;
  readonly lines: number;
  readonly from?: number;
  readonly ndjson?: boolean;
}

/** `reach tail`. */
export const tailCommand: CommandDefinition = {
  examples: [
    ["reach tail 0199c1f2", "the last ten events"],
    ["reach tail 0199c1f2 -f", "and every one to come, until Ctrl-C or its end"],
    ["reach tail 0199c1f2 -f --ndjson --url http://host:4320", "of a server"],
  ],
  notes: [
    "Ends by itself when a session that Reach runs has ended. A connection to a server that " +
      "breaks is made anew and goes on behind the last event. Objects are as of `reach events`.",
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .option("-f, --follow", "go on with what comes")
      .option("-n, --lines <count>", "events to begin with", parseCount, 10)
      .option("--from <seq>", "begin with this event instead", parseCount)
      .option("--ndjson", "one JSON object per line")
      .action((id: string, flags: TailFlags) => {
        return start((invocation) => tail(invocation, id, flags));
      });
  },
};

const pollMs = 100;
/** Events that are looked at together for the end of a session. */
const lookBack = 50;

async function tail(
  invocation: Invocation,
  text: string,
  flags: TailFlags,
): Promise<ExitCode | undefined> {
  const { output } = invocation;
  const stop = interruption(() => {});
  try {
    const client = remoteOf(invocation);
    if (client) {
      const id = await resolveRemote(client, text);
      const { size } = await client.session(id);
      const from = flags.from ?? Math.max(size - flags.lines, 0);
      const told = { ...lostNotes(output, client.url), signal: stop.signal };
      await write(output, size, remoteEvents(client, { id, size }, from, flags, told), flags);
    } else {
      await withReader(invocation, async (directory) => {
        const session = directory.session(resolveSession(directory, text));
        const from = flags.from ?? Math.max(session.size - flags.lines, 0);
        try {
          await write(output, session.size, localEvents(session, from, flags, stop), flags);
        } finally {
          session.close();
        }
      });
    }
  } catch (error) {
    // Ctrl-C is how one ends following.
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.end();
  }
  return stop.exitCode;
}

async function write(
  output: Output,
  size: number,
  events: AsyncIterable<EventView>,
  { ndjson }: TailFlags,
): Promise<void> {
  const lines = ndjson === true || output.json;
  const table = new EventTable(size, "ref", output.columns);
  if (!lines && !output.quiet) await output.print(output.style("bold", table.heading()));
  for await (const event of events) {
    await output.print(lines ? eventJson(event, "inline") : table.line(event));
    if (output.closed) return;
  }
}

/** Looks again and again how far the log goes: readers have no other way to hear of a commit. */
async function* localEvents(
  session: SessionReader,
  from: number,
  { follow }: TailFlags,
  { signal }: Interruption,
): AsyncGenerator<EventView, void> {
  const executed = session.manifest.kind === "executed";
  let ended = executed && endsBefore(session, Math.min(from, session.size));
  for (let next = from; !signal.aborted; ) {
    for (const event of session.events(next, session.size)) {
      next = event.seq + 1;
      // Notes stand beside what happened, also behind the end.
      if (event.kind !== "note") ended = executed && event.kind === "end";
      yield event;
      if (signal.aborted) return;
    }
    if (!follow || ended) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    session.refresh();
  }
}

/** Whether the last of the events before `seq` that is no note is the end. */
function endsBefore(session: SessionReader, seq: number): boolean {
  for (let to = seq; to > 0; to -= lookBack) {
    let last: EventView | undefined;
    for (const event of session.events(Math.max(to - lookBack, 0), to)) {
      if (event.kind !== "note") last = event;
    }
    if (last) return last.kind === "end";
  }
  return false;
}

/** Says once of each time that the server is lost. */
function lostNotes(output: Output, url: string) {
  let lost = false;
  return {
    onLost(error: unknown) {
      if (!lost) output.note(`${url} is lost, trying again …  (${oneLine(messageOf(error))})`);
      lost = true;
    },
    onUpToDate() {
      if (lost) output.note(`${url} is back`);
      lost = false;
    },
  };
}

/** The tail tells that there is something; what it is comes as the stored bytes. */
async function* remoteEvents(
  client: ReachClient,
  { id, size }: { readonly id: string; readonly size: number },
  from: number,
  { follow, ndjson }: TailFlags,
  told: TailOptions & { readonly signal: AbortSignal },
): AsyncGenerator<EventView, void> {
  const payloads = ndjson === true;
  const { signal } = told;
  let next = from;
  // A server is not asked for events behind its last one.
  if (from < size) {
    for await (const event of client.stored(id, { from, payloads, signal })) {
      next = event.seq + 1;
      yield event;
    }
  }
  if (!follow) return;
  const after = from < size ? next - 1 : size - 1;
  for await (const { seq } of client.tail(id, { ...told, after, payload: "none" })) {
    if (seq < next) continue;
    for await (const event of client.stored(id, { from: next, payloads, signal })) {
      next = event.seq + 1;
      yield event;
    }
  }
}
