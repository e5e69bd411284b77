/**
 * `reach bench`: what this machine and the disk of the data make of Reach, with generated sessions
 * in a folder of their own that is gone afterwards. The first row is the disk alone: whatever is
 * acknowledged waits for that.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { type CommandDefinition, parsePositive } from "../command.ts";
import { interruptedExitCode, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { fileError } from "../output-file.ts";
import { byteSize, counted, grouped, perSecond, seconds } from "../quantity.ts";
import { type Measured, measurements } from "../speed.ts";
import { type Column, table } from "../table.ts";

interface BenchFlags {
  readonly events: number;
}

const eventsDefault = 50_000;
/** Slower than this an event that is waited for takes longer than the step that made it. */
const slowSyncMs = 10;

/** `reach bench`. */
export const benchCommand: CommandDefinition = {
  examples: [
    ["reach bench", "some ten seconds, on the disk that the data is on"],
    ["reach bench --data /mnt/reach/data", "the same for another disk"],
    ["reach bench --events 1000000 --json", "a long session; every figure as JSON"],
  ],
  notes: [
    'With --json: {"machine", "folder", "rows"}, each row {"name", "what", "count", "unit", ' +
      '"seconds", "p50Ms", "p95Ms"}.',
  ],
  configure(command: Command, start) {
    command
      .option("--events <count>", "events of the long session", parsePositive, eventsDefault)
      .action((flags: BenchFlags) => start((invocation) => bench(invocation, flags)));
  },
};

async function bench(invocation: Invocation, { events }: BenchFlags): Promise<undefined> {
  const { output, settings } = invocation;
  const place = nearestFolder(path.resolve(settings.data.value));
  const folder = folderIn(place);
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true });
  // Of what is thrown away nothing needs an orderly end.
  const stop = interruption(() => {
    remove();
    process.exit(interruptedExitCode());
  });
  let line: ReturnType<Invocation["progress"]> | undefined;
  const say = (what: string): void => {
    line?.clear();
    line = invocation.progress(what);
    line.update({ done: 0, total: null, unit: "events" });
  };
  try {
    const rows: Measured[] = [];
    for await (const row of measurements(folder, events, say)) rows.push(row);
    line?.clear();
    const machine = machineText();
    if (output.json) await output.printObject({ machine, folder: place, rows });
    else await output.print(`${machine}, in ${place}`, "", ...table(columns, rows.map(cells)));
    warn(invocation, rows);
  } finally {
    line?.clear();
    stop.end();
    remove();
  }
  return undefined;
}

/** A new folder in `place`. Throws `IO_FAILED` and its like where nothing can be made there. */
function folderIn(place: string): string {
  try {
    return fs.mkdtempSync(path.join(place, ".reach-bench-"));
  } catch (error) {
    throw fileError(error, place);
  }
}

/** The folder itself, or the nearest one above it that is there: it is on the same disk. */
function nearestFolder(folder: string): string {
  if (fs.existsSync(folder)) return folder;
  const above = path.dirname(folder);
  return above === folder ? folder : nearestFolder(above);
}

function machineText(): string {
  const [cpu] = os.cpus();
  const cores = counted(os.availableParallelism(), "core");
  return `${cpu?.model.trim() ?? "unknown processor"}, ${cores}, Node ${process.version}`;
}

const columns: readonly Column[] = [
  { heading: "WHAT" },
  { heading: "HOW MUCH", align: "right" },
  { heading: "TIME", align: "right" },
  { heading: "SPEED", align: "right" },
  { heading: "P50", align: "right" },
  { heading: "P95", align: "right" },
];

function cells({ what, count, unit, seconds: time, p50Ms, p95Ms }: Measured): string[] {
  const amount = unit === "bytes" ? byteSize(count) : counted(count, unit.slice(0, -1));
  const speed = unit === "bytes" ? `${byteSize(count / time)}/s` : `${perSecond(count, time)}/s`;
  return [what, amount, seconds(time), speed, milliseconds(p50Ms), milliseconds(p95Ms)];
}

function milliseconds(ms: number | null): string {
  return ms === null ? "" : `${ms < 10 ? ms.toFixed(2) : grouped(Math.round(ms))} ms`;
}

function warn({ output }: Invocation, [disk]: readonly Measured[]): void {
  if (disk?.p50Ms == null || disk.p50Ms < slowSyncMs) return;
  const taken = milliseconds(disk.p50Ms);
  output.note(
    `this disk takes ${taken} to make a write durable, and every event that is waited for takes ` +
      "that; a local SSD takes less than 1 ms",
  );
}
