/**
 * `reach events`: the events of a session, or of a bundle that has been verified, in order, as a
 * table, as NDJSON or as one object. They are written as they are read, never held all at once.
 */
import { type Command, Option } from "commander";
import { codeOf, messageOf, ReachError } from "../../base/index.ts";
import { type EventKind, type EventView, eventKinds, typeFilter } from "../../event/index.ts";
import { BundleReader } from "../../session/index.ts";
import { isBundleFile, namesBundle } from "../bundle-file.ts";
import { addRange, type CommandDefinition, parsePositive, type RangeFlags } from "../command.ts";
import { EventTable, eventJson, type PayloadChoice, payloadChoices } from "../event-text.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { counted } from "../quantity.ts";
import { remoteOf, resolveRemote } from "../remote.ts";
import { resolveSession, withReader } from "../sessions.ts";
import { checkKey } from "../verifier-key.ts";
import { keyRemark, verdictWords, withheldText } from "../verify-text.ts";

interface EventsFlags extends RangeFlags {
  readonly type?: string;
  readonly kind?: EventKind;
  readonly limit?: number;
  readonly ndjson?: boolean;
  readonly payload?: PayloadChoice;
  readonly key?: string;
}

/** `reach events`. */
export const eventsCommand: CommandDefinition = {
  examples: [
    ["reach events 0199c1f2 --from 48200 --limit 20", "the 20 events from 48,200 on"],
    ["reach events 0199c1f2 --kind call", "every call"],
    ["reach events 0199c1f2 --type 'assistant/*' --ndjson", "one JSON object per line"],
    ["reach events run.bundle --key reach.local+5ab3c0de+AbCd…", "of a bundle, verified before"],
  ],
  notes: [
    'An object is {"seq", "time" (ms), "kind", "type", "ref", "form", "data"}. Where "form" ' +
      'is "json", "data" is the imported record, token for token. Else what JSON has no form ' +
      "for is " +
      '{"$bytes": base64}, {"$bigint": "1"}, {"$number": "NaN"}, {"$undefined": true}; an object ' +
      'that looks like one of these is {"$object": [[key, value]]}. With --payload ref large ' +
      'payloads are {"form", "blob": {"sha256", "size"}}.',
    "A bundle needs no data directory. All of it is verified, as by `reach verify`, before any " +
      "event is shown; damaged or incomplete: exit 4, and nothing is shown. What is shown waits " +
      "in a temporary file meanwhile: TMPDIR says where. Events that the bundle withholds are " +
      "left out.",
  ],
  configure(command: Command, start) {
    command.argument(
      "<id or bundle>",
      "session, by id or a unique beginning of one, or a file that holds a bundle",
    );
    addRange(command);
    command
      .option("--type <type>", "only events of this type; * stands for anything")
      .addOption(new Option("--kind <kind>", "only events of this kind").choices(eventKinds))
      .option("--limit <count>", "stop after that many", parsePositive)
      .option("--ndjson", "one JSON object per line")
      .addOption(
        new Option(
          "--payload <how>",
          "all of it, blobs as references, or none (default: ref in the table, else inline)",
        ).choices(payloadChoices),
      )
      .option("--key <key>", "verifier key (C2SP vkey) that has to have signed the bundle")
      .action((id: string, flags: EventsFlags) => {
        return start((invocation) => showEvents(invocation, id, flags));
      });
  },
};

/** Text is written in pieces of about this many characters. */
const pieceChars = 64 * 1024;

async function showEvents(
  invocation: Invocation,
  text: string,
  flags: EventsFlags,
): Promise<undefined> {
  const { output } = invocation;
  if (flags.ndjson && output.json) {
    throw new ReachError("USAGE", "--ndjson and --json are two ways to write the same", {
      hint: "--ndjson is one object per line, --json one object in all",
    });
  }
  if (namesBundle(text)) {
    await showBundle(invocation, text, flags);
    return;
  }
  if (flags.key !== undefined) {
    throw new ReachError("USAGE", "--key is for bundles, and this is a session", {
      hint: "`reach verify ID --key` checks a session",
    });
  }
  const client = remoteOf(invocation);
  if (client) {
    const id = await resolveRemote(client, text);
    const { size } = await client.session(id);
    const payloads = wantsPayloads(output, flags);
    const { from, to = size, type, kind, limit } = flags;
    const all = client.stored(id, { from, to: Math.min(to, size), type, kind, limit, payloads });
    await writeEvents(output, { id, size }, selected(all, flags), flags);
    return;
  }
  await withReader(invocation, async (directory) => {
    const session = directory.session(resolveSession(directory, text));
    try {
      const { from = 0, to = session.size } = flags;
      const all = session.events(from, Math.min(to, session.size));
      await writeEvents(output, session, selected(all, flags), flags);
    } finally {
      session.close();
    }
  });
}

async function showBundle(invocation: Invocation, file: string, flags: EventsFlags): Promise<void> {
  const { output } = invocation;
  checkKey(flags.key);
  if (remoteOf(invocation)) {
    throw new ReachError("USAGE", `${file} is a file here, and --url asks a server`, {
      hint: "leave --url out",
    });
  }
  const bundle = await openBundle(invocation, file, flags);
  try {
    const { report } = bundle;
    output.note(`${verdictWords(report)}: ${keyRemark(report)}`);
    if (report.withheld > 0) output.note(withheldText(report));
    await writeEvents(output, bundle, selected(bundle.events(), flags), flags);
  } finally {
    bundle.close();
  }
}

async function openBundle(
  invocation: Invocation,
  file: string,
  flags: EventsFlags,
): Promise<BundleReader> {
  const { from = 0, to = Infinity, type, kind, limit = Infinity, key } = flags;
  // Where every event counts, the limit says where the last one is.
  const end = type === undefined && kind === undefined ? Math.min(to, from + limit) : to;
  const progress = invocation.progress("verifying");
  try {
    return await BundleReader.open(file, {
      from,
      to: end,
      payloads: wantsPayloads(invocation.output, flags),
      ...(key === undefined ? {} : { verifierKey: key }),
      onProgress: progress.update,
    });
  } catch (error) {
    if (codeOf(error) !== "BUNDLE_INVALID" || !isBundleFile(file)) throw error;
    throw new ReachError("BUNDLE_INVALID", messageOf(error), {
      where: file,
      hint: `none of its events is shown; \`reach verify ${file}\` says all that is wrong`,
      cause: error,
    });
  } finally {
    progress.clear();
  }
}

/** Whether payloads are shown that lie outside of their events. */
function wantsPayloads(output: Output, { payload, ndjson }: EventsFlags): boolean {
  return (payload ?? (ndjson || output.json ? "inline" : "ref")) === "inline";
}

/** What is said of a session whose events are written. */
interface Written {
  readonly id: string;
  readonly size: number;
}

async function writeEvents(
  output: Output,
  session: Written,
  events: AsyncIterable<EventView>,
  flags: EventsFlags,
): Promise<void> {
  if (flags.ndjson) await writeLines(output, events, lineWriter(flags.payload ?? "inline"));
  else if (output.json) await writeObject(output, session, events, flags);
  else await writeTable(output, session, events, flags);
}

async function* selected(
  events: Iterable<EventView> | AsyncIterable<EventView>,
  { type, kind, limit = Number.POSITIVE_INFINITY }: EventsFlags,
): AsyncGenerator<EventView, void> {
  const matches = type === undefined ? undefined : typeFilter(type);
  let count = 0;
  for await (const event of events) {
    if (kind !== undefined && event.kind !== kind) continue;
    if (matches && !matches(event.type)) continue;
    yield event;
    count += 1;
    if (count >= limit) return;
  }
}

function lineWriter(payload: PayloadChoice): (event: EventView) => string {
  return (event) => `${eventJson(event, payload)}\n`;
}

async function writeLines(
  output: Output,
  events: AsyncIterable<EventView>,
  line: (event: EventView) => string,
): Promise<number> {
  let piece = "";
  let count = 0;
  try {
    for await (const event of events) {
      piece += line(event);
      count += 1;
      if (piece.length < pieceChars) continue;
      await output.write(piece);
      piece = "";
      if (output.closed) break;
    }
  } finally {
    // What came before an event that cannot be read is shown in any case.
    await output.write(piece);
  }
  return count;
}

async function writeObject(
  output: Output,
  session: Written,
  events: AsyncIterable<EventView>,
  { payload = "inline" }: EventsFlags,
): Promise<void> {
  const { id, size } = session;
  await output.write(`${JSON.stringify({ id, size }).slice(0, -1)},"events":[`);
  let separator = "\n";
  await writeLines(output, events, (event) => {
    const text = separator + eventJson(event, payload);
    separator = ",\n";
    return text;
  });
  await output.write("\n]}\n");
}

async function writeTable(
  output: Output,
  session: Written,
  events: AsyncIterable<EventView>,
  { payload = "ref" }: EventsFlags,
): Promise<void> {
  const table = new EventTable(session.size, payload, output.columns);
  if (!output.quiet) await output.print(output.style("bold", table.heading()));
  const count = await writeLines(output, events, (event) => `${table.line(event)}\n`);
  if (count === 0) output.note(`no such events: the session has ${counted(session.size, "event")}`);
}
