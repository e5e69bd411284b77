/**
 * `reach demo`: what Reach does, shown on a generated session in a temporary folder: import,
 * replay, state, verify, the original back, and what happens when a byte of the log changes.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { fileSource, importSource } from "../../importers/index.ts";
import { eventLogPath } from "../../log/index.ts";
import type { TranscriptState } from "../../programs/index.ts";
import { closeWorkers, loadProgram, replaySession, stateAt } from "../../runtime/index.ts";
import { Directory, exportOriginal, verifySession } from "../../session/index.ts";
import { type CommandDefinition, parsePositive } from "../command.ts";
import { writeDemoTranscript } from "../demo-transcript.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { importLines, shortHash } from "../import-text.ts";
import { interruptedExitCode, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { counted, grouped } from "../quantity.ts";
import { replayLines } from "../replay-text.ts";
import { shortId } from "../sessions.ts";
import { verifyExitCode, verifyLines } from "../verify-text.ts";

interface DemoFlags {
  readonly events: number;
  readonly keep?: boolean;
}

const eventsDefault = 5000;
const seed = 20_260_105;

/** `reach demo`. */
export const demoCommand: CommandDefinition = {
  examples: [
    ["reach demo", "a few seconds, and nothing stays behind"],
    ["reach demo --events 100000 --keep", "more of it; the folder stays, to play with"],
  ],
  configure(command: Command, start) {
    command
      .option("--events <count>", "events of the session", parsePositive, eventsDefault)
      .option("--keep", "keep the folder")
      .action((flags: DemoFlags) => start((invocation) => demo(invocation, flags)));
  },
};

/** The folder of a demo, and what its steps found. */
interface Stage {
  readonly invocation: Invocation;
  readonly folder: string;
  readonly file: string;
  readonly workspace: string;
  /** By name of the step, for `--json`. */
  readonly results: Record<string, unknown>;
}

async function demo(invocation: Invocation, { events, keep }: DemoFlags): Promise<ExitCode> {
  const { output } = invocation;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-demo-"));
  const file = path.join(folder, "session.jsonl");
  const workspace = path.join(folder, "data", "default");
  const stage: Stage = { invocation, folder, file, workspace, results: { folder } };
  const remove = (): void => {
    if (!keep) fs.rmSync(folder, { recursive: true, force: true });
  };
  // Of what is thrown away nothing needs an orderly end.
  const stop = interruption(() => {
    remove();
    process.exit(interruptedExitCode());
  });
  try {
    const sha256 = writeDemoTranscript(file, events, seed);
    const id = await recordAndReplay(stage, sha256);
    const caught = await damageAndVerify(stage, id);
    if (output.json) await output.printObject(stage.results);
    return caught ? exitCodes.ok : exitCodes.failed;
  } finally {
    await closeWorkers();
    stop.end();
    remove();
    if (keep) output.note(`kept: reach ls --data ${path.join(folder, "data")}`);
  }
}

/** A step: the command that would do the same, then what came out. */
async function tell(
  { invocation: { output }, results }: Stage,
  step: { readonly name: string; readonly call: string; readonly result: unknown },
  lines: readonly string[],
): Promise<void> {
  results[step.name] = step.result;
  if (output.json || output.quiet) return;
  await output.print(output.style("bold", `$ ${step.call}`), ...lines, "");
}

async function recordAndReplay(stage: Stage, sha256: string): Promise<string> {
  const { invocation, file, workspace } = stage;
  const { output } = invocation;
  const directory = await Directory.open({ path: workspace, mode: "write" });
  try {
    const report = await importSource(directory, { source: fileSource(file) });
    const { id } = report;
    const short = shortId(id, directory.sessionIds());
    const imported = { name: "import", call: "reach import session.jsonl", result: report };
    await tell(stage, imported, importLines(report, short));
    const program = await loadProgram("transcript");
    for (const name of ["firstReplay", "secondReplay"]) {
      const replayed = await replaySession(directory, id, { program, keep: true });
      const step = { name, call: `reach replay ${short}`, result: replayed };
      await tell(stage, step, replayLines(replayed, output));
    }
    await tellState(stage, directory, id, Math.ceil(report.events / 2), short);
    const verified = await verifySession(directory, id, {});
    const step = { name: "verify", call: `reach verify ${short}`, result: verified };
    await tell(stage, step, verifyLines(verified, output));
    await tellOriginal(stage, directory, id, short, sha256);
    return id;
  } finally {
    await directory.close();
  }
}

async function tellState(
  stage: Stage,
  directory: Directory,
  id: string,
  at: number,
  short: string,
): Promise<void> {
  const program = await loadProgram("transcript");
  const found = await stateAt(directory, id, at, { program });
  const { calls, errors } = found.state as TranscriptState;
  const { snapshotUsed, stateHash } = found;
  const result = { at, snapshotUsed, stateHash };
  await tell(stage, { name: "state", call: `reach state ${short} --at ${at}`, result }, [
    `{ calls: ${grouped(calls.total.calls)}, errors: ${grouped(errors.count)}, … }`,
    `  after ${counted(at, "event")}, from the snapshot at ${grouped(snapshotUsed ?? 0)}`,
  ]);
}

async function tellOriginal(
  stage: Stage,
  directory: Directory,
  id: string,
  short: string,
  sha256: string,
): Promise<void> {
  const session = directory.session(id);
  try {
    const original = await exportOriginal(session, () => {});
    const same = original.sha256 === sha256;
    const call = `reach export ${short} --format original | sha256sum`;
    await tell(stage, { name: "original", call, result: { ...original, same } }, [
      `${shortHash(original.sha256)}  ${same ? "" : "NOT "}the same as of session.jsonl`,
    ]);
  } finally {
    session.close();
  }
}

/** Changes one byte in the middle of the log; whether `verify` notices. */
async function damageAndVerify(stage: Stage, id: string): Promise<boolean> {
  const { invocation, workspace } = stage;
  const log = eventLogPath(workspace, id);
  const at = Math.floor(fs.statSync(log).size / 2);
  const fd = fs.openSync(log, "r+");
  try {
    const byte = Buffer.alloc(1);
    fs.readSync(fd, byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ 0x01;
    fs.writeSync(fd, byte, 0, 1, at);
  } finally {
    fs.closeSync(fd);
  }
  const directory = await Directory.open({ path: workspace, mode: "read" });
  try {
    const verified = await verifySession(directory, id, {});
    const why = `after one bit of byte ${at} of its log has changed`;
    const call = `reach verify ${shortId(id, [id])}    # ${why}`;
    const step = { name: "verifyDamaged", call, result: verified };
    await tell(stage, step, verifyLines(verified, invocation.output));
    return verifyExitCode(verified) === exitCodes.unverified;
  } finally {
    await directory.close();
  }
}
