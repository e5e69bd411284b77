/**
 * `reach doctor`: which data directory is meant and why, who writes it, what a crash has left, and
 * which sessions are damaged. `--recover` mends what can be mended.
 */
import type { Command } from "commander";
import { ReachError } from "../../base/index.ts";
import type { RecoveryReport } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { type DoctorReport, examine } from "../doctor-report.ts";
import { doctorLines, type Finding, findingsOf } from "../doctor-text.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { packageVersion } from "../package-version.ts";
import { withWriter } from "../sessions.ts";

interface DoctorFlags {
  readonly recover?: boolean;
  readonly takeOver?: boolean;
}

/** `reach doctor`. */
export const doctorCommand: CommandDefinition = {
  examples: [
    ["reach doctor", "changes nothing"],
    ["reach doctor --recover", "put in place what a crashed writer left in the journal"],
    ["reach doctor --recover --take-over", "from a writer that hangs: it is fenced off"],
  ],
  notes: [
    "Exit 4 when a session or the directory is damaged, else 0. `key` is what others need to " +
      "check bundles: `reach verify FILE --key KEY`.",
  ],
  configure(command: Command, start) {
    command
      .option("--recover", "open the directory for writing, which recovers it")
      .option("--take-over", "take the lock from a writer that is alive")
      .action((flags: DoctorFlags) => start((invocation) => doctor(invocation, flags)));
  },
};

async function doctor(invocation: Invocation, flags: DoctorFlags): Promise<ExitCode> {
  const { output, settings } = invocation;
  if (flags.takeOver && !flags.recover) {
    throw new ReachError("USAGE", "--take-over goes with --recover", {
      hint: "nothing has to be taken over to look",
    });
  }
  const recovery = flags.recover ? await recover(invocation, flags) : null;
  const report = await examine(settings, packageVersion());
  const findings = findingsOf(report);
  if (output.json) await output.printObject({ ...report, recovery, findings });
  else if (output.quiet) await output.print(...findings.map(({ message }) => message));
  else {
    if (recovery) await output.print(recoveryText(recovery));
    await output.print(...doctorLines(report, findings, output));
  }
  return exitCodeFor(report, findings);
}

async function recover(invocation: Invocation, { takeOver }: DoctorFlags): Promise<RecoveryReport> {
  return withWriter(invocation, { takeOver: takeOver === true }, async ({ recovery }) => {
    return (
      recovery ?? { groups: 0, sessions: [], torn: undefined, damage: [], quarantined: [], cut: [] }
    );
  });
}

/** The particulars have been told as notes. */
function recoveryText({ groups, torn, damage, quarantined, cut }: RecoveryReport): string {
  const nothing = groups + damage.length + quarantined.length + cut.length === 0 && !torn;
  return nothing ? "nothing had to be recovered" : `recovered (${groups} groups of the journal)`;
}

function exitCodeFor(report: DoctorReport, findings: readonly Finding[]): ExitCode {
  const { problem } = report.directory;
  if (problem?.code === "USAGE") return exitCodes.usage;
  const wrong = findings.some(({ level }) => level === "error");
  return wrong ? exitCodes.unverified : exitCodes.ok;
}
