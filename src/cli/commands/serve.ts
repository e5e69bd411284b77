/**
 * `reach serve`: the HTTP server over a data directory, until it is told to stop. The address goes
 * to stdout when it takes requests; the log, as lines of JSON, to stderr.
 */
import * as path from "node:path";
import process from "node:process";
import { type Command, Option } from "commander";
import { destination, type Logger, pino } from "pino";
import { messageOf, ReachError } from "../../base/index.ts";
import type { LoadedConfig } from "../../config/index.ts";
import { nodeDisk } from "../../disk/index.ts";
import { EffectRegistry } from "../../effects/index.ts";
import { Engine } from "../../engine/index.ts";
import { whenAtRest, whenQuiet } from "../../log/index.ts";
import { closeWorkers, type LoadedProgram, loadProgram } from "../../runtime/index.ts";
import {
  type Address,
  checkAddress,
  createServer,
  defaultConfig,
  type ReachServer,
  TokenStore,
} from "../../server/index.ts";
import { Directory } from "../../session/index.ts";
import { endRunnerAhead } from "../../threads/index.ts";
import { type CommandDefinition, parseCount, parsePositive } from "../command.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { packageVersion } from "../package-version.ts";
import { checkProgram } from "../program-choice.ts";
import { recoveryLines } from "../sessions.ts";
import { checkDataFolder } from "../settings.ts";
import { workspacesIn } from "../workspaces.ts";

interface ServeFlags {
  readonly host?: string;
  readonly port?: number;
  readonly cors?: readonly string[];
  readonly program?: readonly string[];
  readonly rate?: number;
  readonly programRate?: number;
  readonly log: string;
  readonly takeOver?: boolean;
}

const defaultHost = "127.0.0.1";
const defaultPort = 4320;
/**
 * Files of sessions are written when nothing has come for so long, and within so long: in a burst,
 * after the first events have been sent.
 */
const quietMs = 25;
const placeWithinMs = 250;
/** The journal is retired when nothing has come for so long, so that a crash then costs nothing. */
const restMs = 5_000;
/** Most sessions are short: two files less for each, and nobody misses an index of so few. */
const derivedFromEvents = 256;
/** For so long the sessions that go on may keep the server from its framework. */
const calmMsMax = 150;
/** For so long a runner process that was started with the server waits for a session. */
const runnerAheadMs = 10_000;
const logLevels = ["error", "warn", "info", "debug", "silent"] as const;

/** `reach serve`. */
export const serveCommand: CommandDefinition = {
  examples: [
    ["reach serve", "for this machine, without tokens"],
    ["reach serve --host 0.0.0.0 --port 8080", "for everybody who has a token"],
    ["reach serve --program agent.ts", "runs sessions of this program as well"],
    ["curl localhost:4320/v1/sessions", "`/docs` shows every route"],
  ],
  notes: [
    "Serves every workspace of the data directory; `reach token create` makes tokens for them. " +
      "Ctrl-C or SIGTERM stops it: no more triggers, observers are told where to resume, " +
      "everything is durable and signed.",
    "Programs and their effects come from reach.config.ts, programs from --program as well; " +
      "`server` in it holds defaults for the flags.",
    'With --json: {"url", "port", "workspaces", "programs", "tokens"} when it takes requests.',
  ],
  configure(command: Command, start) {
    command
      .option("--host <address>", "address to listen on (default: 127.0.0.1)")
      .option("--port <number>", `port to listen on; 0: any (default: ${defaultPort})`, parsePort)
      .option("--program <file>", "a program to run by its name; repeat for more", collectPath)
      .option("--cors <origin>", "pages of this origin may ask; repeat for more", collect)
      .option("--rate <number>", "triggers a second in each workspace", parsePositive)
      .option("--program-rate <number>", "triggers a second of each program", parsePositive)
      .addOption(new Option("--log <level>", "what is logged").choices(logLevels).default("info"))
      .option("--take-over", "take the lock from a writer that is alive")
      .action((flags: ServeFlags) => start((invocation) => serve(invocation, flags)));
  },
};

function parsePort(text: string): number {
  const port = parseCount(text);
  if (port <= 65_535) return port;
  throw new ReachError("USAGE", `${text} is no port`);
}

function collect(text: string, before: readonly string[] = []): string[] {
  if (/^https?:\/\/[^/]+$/.test(text)) return [...before, text];
  throw new ReachError("USAGE", `${text} is no origin`, {
    hint: "for example https://example.com",
  });
}

function collectPath(file: string, before: readonly string[] = []): string[] {
  return [...before, file];
}

async function serve(invocation: Invocation, flags: ServeFlags): Promise<undefined> {
  const { settings, output, config } = invocation;
  const { server: set = {} } = config ?? {};
  if (settings.workspace.source === "flag") {
    throw new ReachError("USAGE", "`reach serve` takes no --workspace: it serves all of them");
  }
  checkDataFolder(settings);
  const log = pino({ level: flags.log }, destination({ fd: 2, sync: true }));
  const data = settings.data.value;
  // Whoever stops it while it starts stops it all the same.
  const interrupted = interruption(() => output.note("stopping: observers are told to resume"));
  const served: Served[] = [];
  let server: ReachServer | undefined;
  try {
    const programs = await loadPrograms(programFiles(flags, config), interrupted.signal);
    const tokens = new TokenStore(nodeDisk, data);
    const address: Address = {
      host: flags.host ?? set.host ?? defaultHost,
      port: flags.port ?? set.port ?? defaultPort,
    };
    await checkAddress(address, !tokens.any);
    for (const name of workspacesToServe(data, tokens)) {
      const directory = await openDirectory(`${data}/${name}`, flags, log, () => server);
      served.push({ directory, engine: undefined });
      const engine = await openEngine(directory, programs, config, log, () => server);
      served[served.length - 1] = { directory, engine };
    }
    // What goes on was away for long enough: it comes before the framework, which takes the thread.
    await Promise.all(served.map(({ engine }) => engine?.calm(calmMsMax)));
    server = await createServer({
      workspaces: served,
      tokens,
      logger: log,
      config: {
        corsOrigins: flags.cors ?? set.cors ?? [],
        triggers: {
          ...defaultConfig.triggers,
          workspacePerSecond: flags.rate ?? set.rates?.workspace ?? 0,
          programPerSecond: flags.programRate ?? set.rates?.program ?? 0,
        },
      },
      processMetrics: true,
      version: packageVersion(),
    });
    const { url, port, open } = await server.listen(address);
    const workspaces = served.map(({ directory }) => directory.workspace);
    const names = programs.map(({ name }) => name);
    const about = { url, port, workspaces, programs: names, tokens: !open };
    if (output.json) await output.printObject(about);
    else await output.print(`listening on ${url}`);
    output.note(`for a browser: ${url}/ui`);
    if (open) output.note("no tokens: only this machine is answered; see `reach token create`");
    // By now whoever runs sessions has it.
    setTimeout(endRunnerAhead, runnerAheadMs).unref();
    await stopped(interrupted.signal);
  } finally {
    endRunnerAhead();
    await close(server, served);
    interrupted.end();
    await closeWorkers();
  }
  return undefined;
}

/** A workspace, and what runs its sessions. */
interface Served {
  readonly directory: Directory;
  readonly engine: Engine | undefined;
}

/** Files of programs: those of the flags, then those of the configuration. */
function programFiles(
  { program = [] }: ServeFlags,
  config: LoadedConfig | undefined,
): readonly string[] {
  const folder = config ? path.dirname(config.file) : ".";
  return [...program, ...(config?.programs ?? []).map((file) => path.resolve(folder, file))];
}

/** Loads the programs; throws `USAGE` when two have one name. */
async function loadPrograms(
  files: readonly string[],
  signal: AbortSignal,
): Promise<LoadedProgram[]> {
  const programs: LoadedProgram[] = [];
  for (const file of files) {
    checkProgram(file);
    const program = await loadProgram(file, signal);
    if (programs.some(({ name }) => name === program.name)) {
      throw new ReachError("USAGE", `two programs have the name ${program.name}`, {
        where: file,
        hint: "sessions are begun by the name of their program: give one of them another",
      });
    }
    programs.push(program);
  }
  return programs;
}

function openEngine(
  directory: Directory,
  programs: readonly LoadedProgram[],
  config: LoadedConfig | undefined,
  log: Logger,
  server: () => ReachServer | undefined,
): Promise<Engine> {
  const runners = config?.server?.runners;
  return Engine.open({
    directory,
    programs,
    effects: config?.registry ?? new EffectRegistry({}),
    ...(runners ? { runners: { kind: "processes", ...runners } } : {}),
    onTrouble: (trouble) => log.warn({ trouble }, "trouble with running sessions"),
    onSpawn: (ms) => server()?.context.metrics.spawn.observe(ms / 1000),
  });
}

async function openDirectory(
  path: string,
  { takeOver = false }: ServeFlags,
  log: Logger,
  server: () => ReachServer | undefined,
): Promise<Directory> {
  const directory = await Directory.open({
    path,
    mode: "write",
    takeOver,
    placeLater: whenQuiet(quietMs, placeWithinMs),
    restLater: whenAtRest(restMs),
    derivedFrom: derivedFromEvents,
    onTrouble: (trouble) => log.warn({ trouble }, "the disk made trouble"),
    onSync: (seconds) => server()?.context.metrics.journalSync.observe(seconds),
  });
  if (directory.recovery) for (const line of recoveryLines(directory.recovery)) log.warn(line);
  return directory;
}

/** `default`, every workspace that is there, and those that there are tokens for. */
function workspacesToServe(data: string, tokens: TokenStore): ReadonlySet<string> {
  const named = tokens.list().map(({ workspace }) => workspace);
  return new Set(["default", ...[...workspacesIn(data), ...named].sort()]);
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // The listening socket keeps the process alive until then.
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function close(server: ReachServer | undefined, served: readonly Served[]): Promise<void> {
  if (server) {
    await server.close();
    return;
  }
  for (const { directory, engine } of served) {
    await engine?.close();
    await directory.close().catch((error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
    });
  }
}
