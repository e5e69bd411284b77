/**
 * The command line as commander sees it: options that every command takes, the commands, which
 * are loaded when they are called, and one way for every error to come out.
 */
import process from "node:process";
import { Command, CommanderError } from "commander";
import { codeOf, ReachError } from "../base/index.ts";
import { startRunnerAhead } from "../threads/index.ts";
import { catalogue } from "./catalogue.ts";
import type { CommandDefinition, Start } from "./command.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes.ts";
import { complainOf } from "./failure.ts";
import { helpEpilogue, helpExamples, helpNotes, overviewExamples } from "./help.ts";
import { interruptedExitCode } from "./interrupt.ts";
import { configOf, type Invocation, invocationOf, outputOf } from "./invocation.ts";
import { type CommonFlags, colourSetting, configSetting } from "./settings.ts";

/** Runs a whole command line and returns what to exit with; errors have been printed then. */
export async function runProgram(args: readonly string[], version: string): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  let invocation: Invocation | undefined;
  const program = createProgram(version);
  const start: Start = async (task) => {
    const flags = program.opts<CommonFlags>();
    invocation = invocationOf(flags, await configOf(flags));
    exitCode = (await task(invocation)) ?? exitCodes.ok;
  };
  program.hook("preSubcommand", async (_, command) => {
    const entry = catalogue.find(({ name }) => name === command.name());
    if (program.opts<CommonFlags>().url !== undefined && entry && !entry.remote) {
      throw new ReachError("USAGE", `reach ${entry.name} works on a data directory, not a server`, {
        hint: `with --url: ${remoteCommands.join(", ")}`,
      });
    }
    if (entry?.runner && runsPrograms(args, program.opts<CommonFlags>())) startRunnerAhead();
    if (entry) addDefinition(command, await entry.load(), start);
  });
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    exitCode = await report(error, program, invocation);
  }
  await invocation?.output.flush();
  return exitCode;
}

/** Whether there seem to be programs to run; whoever only wants help runs none. */
function runsPrograms(args: readonly string[], flags: CommonFlags): boolean {
  if (args.includes("--help") || args.includes("-h")) return false;
  const given = args.some((arg) => arg === "--program" || arg.startsWith("--program="));
  return given || configSetting(flags, process.env).value !== "";
}

const remoteCommands = catalogue.filter(({ remote }) => remote).map(({ name }) => name);

function createProgram(version: string): Command {
  const program = new Command("reach");
  program
    .description("Deterministic session replay: record, verify and replay transcripts.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show examples and options")
    .helpCommand("help [command]", "show examples and options of a command")
    .option("--data <folder>", "data directory (default: REACH_DATA, or ./.reach)")
    .option("--workspace <name>", "workspace in it (default: REACH_WORKSPACE, or default)")
    .option("--url <url>", "ask a server instead; its token: REACH_TOKEN, or REACH_TOKEN_FILE")
    .option("--config <file>", "configuration (default: REACH_CONFIG, or ./reach.config.ts)")
    .option("--json", "print one JSON object")
    .option("--quiet", "print no notes and no progress, and of results only what scripts need")
    .option("--no-color", "no colours (also: NO_COLOR)")
    .option("--debug", "print the stack of an error")
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => `\u001b[1m${title}\u001b[22m`,
    })
    .configureOutput({
      getOutHasColors: () => coloured(program.opts<CommonFlags>(), process.stdout),
      getErrHasColors: () => coloured(program.opts<CommonFlags>(), process.stderr),
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText("before", () => helpExamples(overviewExamples))
    .addHelpText("after", () => helpEpilogue);
  for (const { name, summary } of catalogue) program.command(name).description(summary);
  return program;
}

function addDefinition(command: Command, definition: CommandDefinition, start: Start): void {
  command.addHelpText("before", () => helpExamples(definition.examples));
  const { notes } = definition;
  if (notes) command.addHelpText("after", () => helpNotes(notes));
  definition.configure(command, start);
}

function coloured(flags: CommonFlags, stream: { readonly isTTY?: boolean }): boolean {
  const colour = colourSetting(flags, process.env);
  return colour.value === "always" || (colour.value === "terminal" && stream.isTTY === true);
}

/** Prints what went wrong, on stderr, and returns the exit code for it. */
async function report(
  error: unknown,
  program: Command,
  invocation: Invocation | undefined,
): Promise<ExitCode> {
  if (error instanceof CommanderError && isHelp(error)) return exitCodes.ok;
  const shown = error instanceof CommanderError ? usageError(error, program) : error;
  if (shown === undefined) return exitCodes.usage;
  const flags = program.opts<CommonFlags>();
  const output = invocation?.output ?? outputOf({ json: flags.json === true });
  complainOf(output, shown, flags.debug === true);
  await output.flush();
  return codeOf(shown) === "INTERRUPTED" ? interruptedExitCode() : exitCodeOf(shown);
}

function isHelp({ code, exitCode }: CommanderError): boolean {
  return exitCode === 0 && (code.startsWith("commander.help") || code === "commander.version");
}

/** An error of commander in our words; nothing when the help has been shown instead. */
function usageError(error: CommanderError, program: Command): ReachError | undefined {
  if (error.code === "commander.help") return undefined;
  const [, text = "", suggestion] =
    /^(?:error: )?([\s\S]*?)(?:\n\(Did (you mean [\s\S]*\?)\))?$/.exec(error.message) ?? [];
  const [name, word] = program.args;
  const command = program.commands.find((known) => known.name() === name);
  const inner = command?.commands.find((known) => known.name() === word);
  const words = ["reach", command?.name(), inner?.name(), "--help"];
  const help = words.filter((part) => part !== undefined).join(" ");
  return new ReachError("USAGE", text.trimEnd().replace(/\.$/, ""), {
    hint: suggestion ? `did ${suggestion}` : `\`${help}\` shows how`,
    cause: error,
  });
}
