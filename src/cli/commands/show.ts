/**
 * `reach show`: one session at a glance: what it is, what signed it, and below what the built-in
 * program makes of its events, or, of an executed session, its own state.
 */
import type { Command } from "commander";
import { codeOf, type ReachError, toHex } from "../../base/index.ts";
import type { ReachClient } from "../../client/index.ts";
import { renderTranscript, type TranscriptState, transcript } from "../../programs/index.ts";
import { closeWorkers, loadProgram, programFor, stateAt } from "../../runtime/index.ts";
import {
  type Directory,
  type ImportNote,
  importNoteOf,
  type SessionReader,
} from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { summariseProblems } from "../import-text.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { byteSize, counted, dateTime, grouped } from "../quantity.ts";
import { remoteOf, resolveRemote, summaryOf } from "../remote.ts";
import { type SessionSummary, summarise } from "../session-summary.ts";
import { resolveSession, withReader } from "../sessions.ts";
import { labelled } from "../table.ts";
import { oneLine } from "../terminal-text.ts";
import { jsonable } from "../value-json.ts";
import { treeStyles, valueTree } from "../value-tree.ts";

/** `reach show`. */
export const showCommand: CommandDefinition = {
  examples: [
    ["reach show 0199c1f2", "any unique beginning of an id will do"],
    ["reach show 0199c1f2 --json", "with the whole state of the built-in program"],
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .action((id: string) => start((invocation) => show(invocation, id)));
  },
};

/** What is known of a session besides its summary. */
interface Details {
  /** A server says it of the newest checkpoint only. */
  readonly root: string | null;
  readonly checkpoint: { readonly size: number; readonly signedBy: string } | null;
  /** Of the program it ran, else the built-in one: how many, and the events under the last. */
  readonly snapshots: {
    readonly program: string;
    readonly count: number;
    readonly last: number | null;
  } | null;
  readonly import: ImportNote | null;
}

async function show(invocation: Invocation, text: string): Promise<undefined> {
  const { output } = invocation;
  const client = remoteOf(invocation);
  if (client) return showRemote(output, client, await resolveRemote(client, text));
  try {
    await withReader(invocation, async (directory) => {
      const id = resolveSession(directory, text);
      const summary = summarise(directory, id);
      const session = directory.session(id);
      let details: Details;
      try {
        details = detailsOf(directory, session, summary);
      } finally {
        session.close();
      }
      if (!output.json) await output.print(...headerLines(summary, details, output));
      if (summary.events === 0 && !output.json) return;
      if (summary.program !== null) {
        await showExecuted(output, directory, { ...summary, ...details });
        return;
      }
      const state = summary.events === 0 ? null : await transcriptOf(directory, id);
      if (output.json) {
        const note = details.import === null ? null : importObject(details.import);
        const about = { ...summary, ...details, import: note };
        await output.printObject({ ...about, transcript: jsonable(state) });
      } else if (state && !output.quiet) await output.print("", renderTranscript(state));
    });
  } finally {
    await closeWorkers();
  }
  return undefined;
}

/** What a server says of a session, and the state that it has computed. */
async function showRemote(output: Output, client: ReachClient, id: string): Promise<undefined> {
  const session = await client.session(id);
  const summary = summaryOf(session);
  const { signed, root } = session;
  const signedBy = (await client.about()).verifierKey.split("+").slice(0, 2).join("+");
  const checkpoint = signed === null ? null : { size: signed, signedBy };
  const details: Details = { root, checkpoint, snapshots: null, import: null };
  if (!output.json) await output.print(...headerLines(summary, details, output));
  if (summary.events === 0 && !output.json) return;
  const find = async () => (summary.events === 0 ? null : (await client.state(id)).state);
  if (summary.program !== null) {
    const found = await stateOrFailure(find);
    const about = { ...summary, root, checkpoint };
    if (output.json) await output.printObject({ ...about, ...stateMembers(found) });
    else await printState(output, found);
    return;
  }
  const state = await find();
  if (output.json) {
    await output.printObject({ ...summary, root, checkpoint, transcript: jsonable(state) });
  } else if (!output.quiet) await output.print("", renderTranscript(state as TranscriptState));
}

/** The state of an executed session, folded by the program that it runs. */
async function showExecuted(
  output: Output,
  directory: Directory,
  about: SessionSummary & Details,
): Promise<void> {
  const found = await stateOrFailure(async () => {
    const program = await programFor(directory, about.id);
    return (await stateAt(directory, about.id, undefined, { program })).state;
  });
  if (output.json) await output.printObject({ ...about, ...stateMembers(found) });
  else await printState(output, found);
}

/** A state, or why the program comes to none: a session may have ended for that very reason. */
type FoundState = { readonly state: unknown } | { readonly failure: ReachError };

const programFailures: ReadonlySet<string | undefined> = new Set([
  "PROGRAM_FAILED",
  "STATE_UNSUPPORTED",
  "STATE_TOO_LARGE",
  "WORKER_FAILED",
]);

async function stateOrFailure(find: () => Promise<unknown>): Promise<FoundState> {
  try {
    return { state: await find() };
  } catch (error) {
    if (!programFailures.has(codeOf(error))) throw error;
    return { failure: error as ReachError };
  }
}

function stateMembers(found: FoundState): object {
  if ("state" in found) return { state: jsonable(found.state) };
  const { code, message } = found.failure;
  return { state: null, stateError: { code, message } };
}

async function printState(output: Output, found: FoundState): Promise<void> {
  if (output.quiet) return;
  const text =
    "state" in found
      ? valueTree(found.state, treeStyles(output))
      : `no state: ${oneLine(found.failure.message)}`;
  await output.print("", text);
}

async function transcriptOf(directory: Directory, id: string): Promise<TranscriptState> {
  const program = await loadProgram(transcript.name);
  const { state } = await stateAt(directory, id, undefined, { program });
  return state as TranscriptState;
}

function detailsOf(directory: Directory, session: SessionReader, summary: SessionSummary): Details {
  const signed = summary.signed === null ? undefined : session.checkpoint();
  const own = session.manifest.program;
  const snapshots = session.snapshots(own?.bundle ?? transcript.hash);
  const last = snapshots.at(-1)?.size ?? null;
  const signedBy = directory.identity.verifierKey.split("+").slice(0, 2).join("+");
  return {
    root: toHex(session.root()),
    checkpoint: signed ? { size: signed.size, signedBy } : null,
    snapshots: { program: own?.name ?? transcript.name, count: snapshots.length, last },
    import: lastImport(session),
  };
}

/** The newest import: its note is the last event, unless something was appended since. */
function lastImport(session: SessionReader): ImportNote | null {
  const behind = 50;
  let found: ImportNote | null = null;
  for (const event of session.events(Math.max(0, session.size - behind))) {
    found = importNoteOf(event) ?? found;
  }
  return found;
}

function importObject(note: ImportNote): object {
  const { name, format, size, sha256, records, interrupted, problemCount, problems } = note;
  const about = { name, format, bytes: size, sha256: toHex(sha256), records, interrupted };
  return { ...about, problemCount, problems };
}

function headerLines(summary: SessionSummary, details: Details, output: Output): string[] {
  const { checkpoint, snapshots } = details;
  const { events, created } = summary;
  const signed = checkpoint
    ? `signed over ${counted(checkpoint.size, "event")} by ${oneLine(checkpoint.signedBy)}`
    : "none yet";
  const lines = labelled([
    ["session", output.style("bold", summary.id)],
    ["name", oneLine(summary.name)],
    ["program", summary.program === null ? undefined : `${oneLine(summary.program)} (executed)`],
    ["format", summary.program === null ? formatText(summary) : undefined],
    ["created", created === null ? undefined : `${dateTime(created)} UTC`],
    ["events", events === null ? undefined : grouped(events)],
    ["on disk", onDisk(summary)],
    ["root", details.root ?? undefined],
    ["checkpoint", signed],
    ["snapshots", snapshots === null ? undefined : snapshotText(summary, snapshots)],
    ["import", importText(details.import)],
    ["status", statusText(summary, output)],
  ]);
  const problems = summariseProblems(details.import?.problems ?? []);
  return [...lines, ...problems.map((problem) => `  ${problem}`)];
}

function onDisk({ bytes }: SessionSummary): string | undefined {
  return bytes === null ? undefined : `${byteSize(bytes)}, payloads above 4 KiB aside`;
}

function snapshotText(
  summary: SessionSummary,
  { count, last, program }: NonNullable<Details["snapshots"]>,
): string {
  if (last !== null) {
    return `${grouped(count)} of ${oneLine(program)}, the last after ${grouped(last)} events`;
  }
  return `none of ${oneLine(program)} yet${summary.program ? "" : ": `reach replay` makes them"}`;
}

function importText(note: ImportNote | null): string | undefined {
  if (!note) return undefined;
  const parts = [
    counted(note.records, "record"),
    `${byteSize(note.size)} of ${oneLine(note.name)}`,
  ];
  if (note.interrupted) parts.push("interrupted");
  if (note.problemCount > 0) parts.push(counted(note.problemCount, "problem"));
  return parts.join(", ");
}

function statusText(summary: SessionSummary, output: Output): string | undefined {
  const { status, phase, outcome, problem } = summary;
  if (status === "ok") return outcome ?? phase ?? undefined;
  const text = problem === null ? status : `${status}: ${oneLine(problem)}`;
  return output.style(status === "importing" ? "yellow" : "red", text);
}

function formatText({ format, kind }: SessionSummary): string {
  return [oneLine(format), `(${kind})`].join(" ").trim();
}
