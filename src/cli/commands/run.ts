/**
 * `reach run`: runs one session of a program here and now, and shows its events as they become
 * durable. A session that waits for an input, or that Ctrl-C has stopped, goes on with `--resume`.
 */
import { type Command, Option } from "commander";
import {
  codeOf,
  encodeValue,
  equalBytes,
  isSessionId,
  ReachError,
  type SessionId,
  systemClock,
} from "../../base/index.ts";
import { EffectRegistry } from "../../effects/index.ts";
import { type EndReport, Engine, type SessionStatus } from "../../engine/index.ts";
import type { EventView } from "../../event/index.ts";
import { closeWorkers, failedAt, type LoadedProgram, loadProgram } from "../../runtime/index.ts";
import type { Directory } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { EventFeed } from "../event-feed.ts";
import { EventTable, eventJson } from "../event-text.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { checkProgram } from "../program-choice.ts";
import { counted, timestamp } from "../quantity.ts";
import { exactNumbers, jsonValue, type SentInput, sentInput } from "../run-inputs.ts";
import { resolveSession, shortId, withWriter } from "../sessions.ts";
import { oneLine } from "../terminal-text.ts";
import { jsonable } from "../value-json.ts";

interface RunFlags {
  readonly input?: string;
  readonly name?: string;
  readonly id?: string;
  readonly resume?: string;
  readonly send?: readonly SentInput[];
  readonly ndjson?: boolean;
}

/** For a session to come to a boundary between activations. */
const closeGraceMs = 1000;

/** `reach run`. */
export const runCommand: CommandDefinition = {
  examples: [
    [
      `reach run agent.ts --input '{"prompt":"hello"}'`,
      "one session, from its beginning to its end",
    ],
    ["reach run agent.ts --input @request.json", "the input from a file; @- for standard input"],
    [`reach run --resume 0199c1f2 --send approval='{"by":"me"}'`, "with what it waits for"],
  ],
  notes: [
    "The program runs in a thread of this process; what it calls is looked up in " +
      "reach.config.ts. Everything is in the data directory: `reach events`, `reach replay` and " +
      "`reach verify` work on it, also while it runs.",
    exactNumbers,
    "Ends when the session has ended (exit 1 unless it is done) or waits for an input that was " +
      "not sent (exit 0). Ctrl-C stops at a place from which --resume goes on. With --json: " +
      '{"id", "status", "outcome", "events", "result", "error", "source", "waitingFor"}.',
  ],
  configure(command: Command, start) {
    command
      .argument("[program]", "a .ts or .js file with a program that has `step`")
      .option("--input <json>", "what the trigger carries, or @file (default: null)")
      .option("--name <text>", "a name for the session")
      .option("--id <id>", "id of the session; one that is there is not begun again")
      .option("--resume <id>", "go on with a session that was left unfinished")
      .addOption(
        new Option("--send <type=json>", "an input for the session; repeat for more").argParser(
          (text: string, before: readonly SentInput[] = []) => [...before, sentInput(text)],
        ),
      )
      .option("--ndjson", "events as one JSON object per line")
      .action((program: string | undefined, flags: RunFlags) => {
        return start((invocation) => run(invocation, program, flags));
      });
  },
};

function checkFlags(program: string | undefined, { resume, input, id, name }: RunFlags): void {
  if ((program === undefined) === (resume === undefined)) {
    const message = program === undefined ? "there is no program to run" : "two things to run";
    throw new ReachError("USAGE", message, {
      hint: "give the file of a program, or --resume with the id of a session",
    });
  }
  if (resume !== undefined && (input !== undefined || id !== undefined)) {
    throw new ReachError("USAGE", "--resume takes neither --input nor --id: it has both", {
      hint: "--send gives a session what it waits for",
    });
  }
  if (resume !== undefined && name !== undefined) {
    throw new ReachError("USAGE", "--resume takes no --name: the session has one", {
      hint: "a session is named when it is begun",
    });
  }
  if (id !== undefined && !isSessionId(id)) {
    throw new ReachError("USAGE", `${id} is no session id`, {
      hint: "an id is a UUID of version 7; without --id a new one is made",
    });
  }
}

/** What a run has come to. */
interface RunOutcome {
  readonly id: SessionId;
  readonly status: SessionStatus;
  readonly report: EndReport | undefined;
  /** Why not all of what was sent has been taken. */
  readonly refusal: unknown;
}

/** Where a session that failed did; nobody is told why that is not known. */
async function sourceOf(
  directory: Directory,
  { id, report }: RunOutcome,
  program: LoadedProgram | undefined,
): Promise<string | undefined> {
  if (report?.outcome !== "failed") return undefined;
  return failedAt(directory, id, program).catch(() => undefined);
}

async function run(
  invocation: Invocation,
  file: string | undefined,
  flags: RunFlags,
): Promise<ExitCode> {
  checkFlags(file, flags);
  if (file !== undefined) checkProgram(file);
  const input = jsonValue(flags.input ?? "null", "--input");
  const stop = interruption(() => {
    invocation.output.note("stopping at a place from which it can go on…");
  });
  try {
    const program = file === undefined ? undefined : await loadProgram(file, stop.signal);
    return await withWriter(invocation, { create: program !== undefined }, async (directory) => {
      const engine = await Engine.open({
        directory,
        effects: invocation.config?.registry ?? new EffectRegistry({}),
        runners: { kind: "threads", threads: 1 },
        resumes: "asked",
        onTrouble: (trouble) => invocation.output.note(trouble),
      });
      try {
        const id = await begin(invocation, directory, engine, program, input, flags);
        const outcome = await follow(invocation, directory, engine, id, flags, stop.signal);
        const source = await sourceOf(directory, outcome, program);
        await tell(invocation, directory, { ...outcome, source }, flags);
        if (outcome.refusal) throw outcome.refusal;
        return stop.exitCode ?? exitCodeOf(outcome);
      } finally {
        // What is still busy then is left where it is: its log says how to go on.
        await engine.close({ graceMs: closeGraceMs });
      }
    });
  } finally {
    stop.end();
    await closeWorkers();
  }
}

async function begin(
  invocation: Invocation,
  directory: Directory,
  engine: Engine,
  program: LoadedProgram | undefined,
  input: unknown,
  flags: RunFlags,
): Promise<SessionId> {
  const { resume, id, name } = flags;
  if (program !== undefined) {
    const named = { ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { name }) };
    const started = await engine.start(program, input, named);
    if (!started.created) {
      checkSame(invocation, directory, started.id, program, input, flags);
      await goOn(engine, started.id);
    }
    return started.id;
  }
  const found = resolveSession(directory, resume as string);
  await goOn(engine, found);
  return found;
}

/**
 * A session that is there goes on as it was begun: throws `ALREADY_EXISTS` where something else
 * was asked for.
 */
function checkSame(
  { output }: Invocation,
  directory: Directory,
  id: SessionId,
  program: LoadedProgram,
  input: unknown,
  { input: given, name }: RunFlags,
): void {
  const reader = directory.session(id);
  try {
    const { manifest } = reader;
    const differs = (what: string): ReachError => {
      return new ReachError("ALREADY_EXISTS", `session ${id} ${what}`, {
        where: id,
        hint: "`reach run --resume` goes on with it; a new session takes another --id",
      });
    };
    const own = manifest.program;
    if (own?.name !== program.name) {
      const runs = own ? `runs the program ${own.name}` : "is recorded and runs no program";
      throw differs(`${runs}, not ${program.name}`);
    }
    if (name !== undefined && name !== manifest.name) {
      throw differs(`is called ${JSON.stringify(manifest.name)}`);
    }
    for (const trigger of reader.events(0, 1)) {
      const isOther = !equalBytes(trigger.payloadBytes, encodeValue(input));
      if (given !== undefined && isOther) throw differs("was begun with another input");
    }
    if (!equalBytes(own.bundle, program.hash)) {
      output.note("the program has changed: it goes on with the code it was begun with");
    }
  } finally {
    reader.close();
  }
}

async function goOn(engine: Engine, id: SessionId): Promise<void> {
  if (engine.status(id).phase !== "ended") await engine.resume(id);
}

/** Shows events and sends inputs until the session has ended or waits for somebody. */
async function follow(
  { output }: Invocation,
  directory: Directory,
  engine: Engine,
  id: SessionId,
  { send = [], resume, ndjson }: RunFlags,
  signal: AbortSignal,
): Promise<RunOutcome> {
  const from = resume === undefined ? 0 : engine.status(id).size;
  const table = new EventTable(10_000, "ref", output.columns);
  const shows = !output.json && (!output.quiet || ndjson === true);
  if (shows && !ndjson) await output.print(output.style("bold", table.heading()));
  const feed = new EventFeed(directory, id, from, async (events: Iterable<EventView>) => {
    if (!shows) return;
    for (const event of events) {
      await output.print(ndjson ? eventJson(event, "inline") : table.line(event));
    }
  });
  let refusal: unknown;
  try {
    if (engine.status(id).phase !== "ended") {
      refusal = await sendAll(engine, id, send);
      await settled(engine, id, signal);
    }
  } finally {
    const { phase, size } = engine.status(id);
    await feed.end(phase === "stuck" ? 0 : size);
  }
  const status = engine.status(id);
  const report = status.phase === "ended" ? await engine.finished(id) : undefined;
  return { id, status, report, refusal };
}

/** Sends inputs; what is thrown when the session has ended meanwhile is returned. */
async function sendAll(
  engine: Engine,
  id: SessionId,
  send: readonly SentInput[],
): Promise<unknown> {
  try {
    for (const one of send) await engine.input(id, one);
  } catch (error) {
    if (codeOf(error) === "SESSION_ENDED") return error;
    throw error;
  }
  return undefined;
}

/** Resolves when a session has ended, or is stuck, or waits for nothing but inputs. */
function settled(engine: Engine, id: SessionId, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { phase, waiting } = engine.status(id);
      const forInputs =
        phase === "waiting" &&
        waiting !== undefined &&
        waiting.inputs.length > 0 &&
        waiting.calls.length === 0 &&
        // A timer that is due goes off in a moment.
        (waiting.due === null || waiting.due > systemClock());
      if (phase !== "ended" && phase !== "stuck" && !forInputs && !signal.aborted) return;
      end();
      resolve();
    };
    const stop = engine.onPhase((changed) => {
      if (changed === id) queueMicrotask(look);
    });
    const end = (): void => {
      stop();
      signal.removeEventListener("abort", look);
    };
    signal.addEventListener("abort", look);
    look();
  });
}

async function tell(
  { output }: Invocation,
  directory: Directory,
  { id, status, report, source }: RunOutcome & { readonly source: string | undefined },
  { ndjson }: RunFlags,
): Promise<void> {
  const waitingFor = status.phase === "waiting" ? (status.waiting?.inputs ?? []) : [];
  if (output.json) {
    await output.printObject({
      id,
      status: status.phase,
      outcome: report?.outcome ?? null,
      events: status.size,
      ...(report && "result" in report ? { result: jsonable(report.result) } : {}),
      ...(report?.error ? { error: report.error } : {}),
      ...(status.error ? { error: status.error } : {}),
      ...(source === undefined ? {} : { source }),
      ...(waitingFor.length > 0 ? { waitingFor } : {}),
    });
    return;
  }
  const short = shortId(id, directory.sessionIds());
  // Lines of JSON are for a program: it is told the rest beside them.
  const say = async (line: string): Promise<void> => {
    if (ndjson) output.complain(line);
    else await output.print(line);
  };
  if (output.quiet) {
    await say(id);
    return;
  }
  const word = report?.outcome ?? status.phase;
  const style = word === "done" ? "green" : report || status.error ? "red" : "yellow";
  const events = counted(status.size, "event");
  await say(`${output.style(style, word)}   ${events}   id ${output.style("bold", short)}`);
  if (report?.result !== undefined) {
    await say(`  result ${JSON.stringify(jsonable(report.result))}`);
  }
  const error = report?.error ?? status.error;
  if (error) await say(`  ${error.code ?? "error"}: ${error.message}`);
  if (source !== undefined) await say(`  at ${oneLine(source)}`);
  const due = status.waiting?.due ?? null;
  if (waitingFor.length > 0) {
    const until = due === null ? "" : `, at most until ${timestamp(due)}`;
    await say(`  waits for the input ${waitingFor.join(" or ")}${until}`);
    output.note(`reach run --resume ${short} --send ${waitingFor[0]}='…'`);
  } else if (!report && !status.error) output.note(`reach run --resume ${short} goes on`);
}

function exitCodeOf({ report, status }: RunOutcome): ExitCode {
  if (status.phase === "stuck") return exitCodes.failed;
  return report && report.outcome !== "done" ? exitCodes.failed : exitCodes.ok;
}
