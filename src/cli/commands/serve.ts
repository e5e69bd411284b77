/**
 * `reach serve`: the HTTP server over a data directory, until it is told to stop. The address goes
 * to stdout when it takes requests; the log, as lines of JSON, to stderr.
 */
import * as fs from "node:fs";
import process from "node:process";
import { type Command, Option } from "commander";
import { destination, type Logger, pino } from "pino";
import { messageOf, ReachError } from "../../base/index.ts";
import { nodeDisk } from "../../disk/index.ts";
import { closeWorkers } from "../../runtime/index.ts";
import { createServer, type ReachServer, TokenStore } from "../../server/index.ts";
import { Directory, hasIdentity } from "../../session/index.ts";
import { type CommandDefinition, parseCount } from "../command.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { packageVersion } from "../package-version.ts";
import { recoveryLines } from "../sessions.ts";
import { checkDataFolder } from "../settings.ts";

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly cors?: readonly string[];
  readonly log: string;
  readonly takeOver?: boolean;
}

const defaultPort = 4320;
const logLevels = ["error", "warn", "info", "debug", "silent"] as const;

/** `reach serve`. */
export const serveCommand: CommandDefinition = {
  examples: [
    ["reach serve", "for this machine, without tokens"],
    ["reach serve --host 0.0.0.0 --port 8080", "for everybody who has a token"],
    ["curl localhost:4320/v1/sessions", "`/docs` shows every route"],
  ],
  notes: [
    "Serves every workspace of the data directory; `reach token create` makes tokens for them. " +
      "Ctrl-C or SIGTERM stops it: no more triggers, observers are told where to resume, " +
      "everything is durable and signed.",
    'With --json: {"url", "port", "workspaces", "tokens"} when it takes requests.',
  ],
  configure(command: Command, start) {
    command
      .option("--host <address>", "address to listen on", "127.0.0.1")
      .option("--port <number>", "port to listen on; 0: any", parsePort, defaultPort)
      .option("--cors <origin>", "pages of this origin may ask; repeat for more", collect)
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

async function serve(invocation: Invocation, flags: ServeFlags): Promise<undefined> {
  const { settings, output } = invocation;
  checkDataFolder(settings);
  const log = pino({ level: flags.log }, destination({ fd: 2, sync: true }));
  const data = settings.data.value;
  // Whoever stops it while it starts stops it all the same.
  const interrupted = interruption(() => output.note("stopping: observers are told to resume"));
  const directories: Directory[] = [];
  let server: ReachServer | undefined;
  try {
    for (const name of workspacesIn(data)) {
      directories.push(await openDirectory(`${data}/${name}`, flags, log, () => server));
    }
    server = await createServer({
      workspaces: directories.map((directory) => ({ directory })),
      tokens: new TokenStore(nodeDisk, data),
      logger: log,
      config: { corsOrigins: flags.cors ?? [] },
      processMetrics: true,
      version: packageVersion(),
    });
    const { url, port, open } = await server.listen(flags);
    const workspaces = directories.map(({ workspace }) => workspace);
    if (output.json) await output.printObject({ url, port, workspaces, tokens: !open });
    else await output.print(`listening on ${url}`);
    if (open) output.note("no tokens: only this machine is answered; see `reach token create`");
    await stopped(interrupted.signal);
  } finally {
    await close(server, directories);
    interrupted.end();
    await closeWorkers();
  }
  return undefined;
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
    onTrouble: (trouble) => log.warn({ trouble }, "the disk made trouble"),
    onSync: (seconds) => server()?.context.metrics.journalSync.observe(seconds),
  });
  if (directory.recovery) for (const line of recoveryLines(directory.recovery)) log.warn(line);
  return directory;
}

/** Every workspace that is there, and `default`. */
function workspacesIn(data: string): string[] {
  const found = fs.existsSync(data) ? fs.readdirSync(data, { withFileTypes: true }) : [];
  const names = found.flatMap((entry) => {
    const named = entry.isDirectory() && /^[\w-][\w.-]{0,63}$/.test(entry.name);
    return named && hasIdentity(nodeDisk, `${data}/${entry.name}`) ? [entry.name] : [];
  });
  return ["default", ...names.filter((name) => name !== "default").sort()];
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // The listening socket keeps the process alive until then.
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function close(
  server: ReachServer | undefined,
  directories: readonly Directory[],
): Promise<void> {
  if (server) {
    await server.close();
    return;
  }
  for (const directory of directories) {
    await directory.close().catch((error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
    });
  }
}
