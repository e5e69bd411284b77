/**
 * `reach state`: the state of a program after a number of events, computed from the nearest
 * snapshot.
 */
import type { Command } from "commander";
import type { StateInfo } from "../../client/index.ts";
import { closeWorkers, programFor, programName, stateAt } from "../../runtime/index.ts";
import {
  addPatience,
  addProgram,
  type CommandDefinition,
  type PatienceFlags,
  parseCount,
  patienceMsOf,
} from "../command.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { checkProgram } from "../program-choice.ts";
import { counted, grouped, seconds } from "../quantity.ts";
import { localOnly, remoteOf, resolveRemote } from "../remote.ts";
import { resolveSession, withReader } from "../sessions.ts";
import { jsonable } from "../value-json.ts";
import { treeStyles, valueTree } from "../value-tree.ts";

/** From so many events on it is worth saying that they need not be folded each time. */
const slowEvents = 5000;

interface StateFlags extends PatienceFlags {
  readonly at?: number;
  readonly program?: string;
}

/** `reach state`. */
export const stateCommand: CommandDefinition = {
  examples: [
    ["reach state 0199c1f2", "after the last event"],
    ["reach state 0199c1f2 --at 48213", "after the first 48,213 events"],
    ["reach state 0199c1f2 --program my-reducer.ts --json", "of a reducer of your own"],
  ],
  notes: [
    'With --json: {"id", "at", "program", "stateHash", "snapshotUsed", "state"}; how "state" is ' +
      "written is told by `reach events --help`.",
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .option("--at <count>", "after that many events (default: all)", parseCount);
    addProgram(command);
    addPatience(command);
    command.action((id: string, flags: StateFlags) => {
      return start((invocation) => showState(invocation, id, flags));
    });
  },
};

async function showState(
  invocation: Invocation,
  text: string,
  { at, program: spec, patience }: StateFlags,
): Promise<undefined> {
  const { output } = invocation;
  const client = remoteOf(invocation);
  if (client) {
    if (spec !== undefined) throw localOnly("--program");
    if (patience !== undefined) throw localOnly("--patience");
    const id = await resolveRemote(client, text);
    const started = performance.now();
    const found = await client.state(id, at);
    await printState(output, { ...found, id, seconds: (performance.now() - started) / 1000 });
    return;
  }
  if (spec !== undefined) checkProgram(spec);
  try {
    await withReader(invocation, async (directory) => {
      const id = resolveSession(directory, text);
      const program = await programFor(directory, id, spec);
      const patienceMs = patienceMsOf(patience);
      const found = await stateAt(directory, id, at, { program, patienceMs });
      await printState(output, { ...found, id, program: programName(program) });
    });
  } finally {
    await closeWorkers();
  }
  return undefined;
}

type FoundState = StateInfo & { readonly id: string; readonly seconds: number };

async function printState(output: Output, found: FoundState): Promise<void> {
  const { id, at, program, stateHash, snapshotUsed, state } = found;
  output.note(output.noteStyle("dim", originText(found)));
  if (output.json) {
    const about = { id, at, program, stateHash, snapshotUsed };
    await output.printObject({ ...about, state: jsonable(state) });
  } else await output.print(valueTree(state, treeStyles(output)));
}

/** `after 48,213 events: from the snapshot at 48,000 and 213 events, 0.02 s`. */
function originText(found: FoundState): string {
  const { at, snapshotUsed } = found;
  const start = snapshotUsed === null ? "no snapshot" : `the snapshot at ${grouped(snapshotUsed)}`;
  const events = at - (snapshotUsed ?? 0);
  const folded = `${counted(events, "event")}, ${seconds(found.seconds)}`;
  const slow = events >= slowEvents ? "; fast once `reach replay` has kept states" : "";
  return `after ${counted(at, "event")}: from ${start} and ${folded}${slow}`;
}
