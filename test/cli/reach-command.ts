/** The built `reach` command as a child process, in a temporary folder of its own. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { fileSource, importSource } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";

export const mainFile = fileURLToPath(new URL("../../dist/entries/reach.js", import.meta.url));

/** How a call of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** User to run as; needs root. */
  readonly uid?: number;
}

/** What the command finds in its environment: nothing that colours or redirects it. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  return { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...extra };
}

/** A folder to work in; `./.reach` in it is the data directory unless a call says otherwise. */
export class Workbench {
  readonly folder: string;

  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-cli-"));
    onTestFinished(() => fs.rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Path of a file in the folder. */
  path(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  /** Writes a file into the folder; returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const file = this.path(name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    return file;
  }

  read(name: string): Buffer {
    return fs.readFileSync(this.path(name));
  }

  /** The event log of a session. */
  logOf(id: string): string {
    return this.path(".reach/default/sessions", id.slice(-2), id, "events.log");
  }

  /** Flips a bit in the middle of a session's log. */
  damage(id: string): void {
    const bytes = fs.readFileSync(this.logOf(id));
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] as number) ^ 1;
    fs.writeFileSync(this.logOf(id), bytes);
  }

  /** Where the last batch of a log begins: cut there, it is whole but shorter. */
  batchEnd(log: string): number {
    return fs.readFileSync(log).lastIndexOf("RBT1");
  }

  /** Resolves when an import, the only one here, has written its first events. */
  async importing(): Promise<void> {
    const sessions = this.path(".reach/default/sessions");
    const begun = (): boolean => {
      const names = fs.existsSync(sessions) ? fs.readdirSync(sessions, { recursive: true }) : [];
      const log = names.map(String).find((name) => name.endsWith("events.log"));
      return log !== undefined && fs.statSync(path.join(sessions, log)).size > 1000;
    };
    for (const started = Date.now(); !begun(); ) {
      if (Date.now() - started > 10_000) throw new Error("the import has not begun");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Starts the command and does not wait. */
  start(
    args: readonly string[],
    options: CallOptions & { stdio?: SpawnOptions["stdio"] } = {},
  ): ChildProcess {
    const { env, cwd = this.folder, uid, stdio = "pipe" } = options;
    const child = spawn(process.execPath, [mainFile, ...args], {
      cwd,
      env: environment(env),
      stdio,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    return child;
  }

  /** Runs the command to its end. */
  async run(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
    const child = this.start(args, options);
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
    return ended(child);
  }

  /** Runs the command, which has to succeed, and reads what it printed as JSON. */
  async json<Shape = Record<string, unknown>>(args: readonly string[]): Promise<Shape> {
    const { code, stdout, stderr } = await this.run([...args, "--json"]);
    if (code !== 0) throw new Error(`reach ${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Shape;
  }

  /** Imports text as a file, without a child process; returns the id of its session. */
  async import(name: string, content: string | Uint8Array): Promise<string> {
    const source = fileSource(this.write(name, content));
    const path = this.path(".reach/default");
    const directory = await Directory.open({ path, mode: "write" });
    try {
      return (await importSource(directory, { source })).id;
    } finally {
      await directory.close();
    }
  }
}

/** What a child process printed, and how it ended. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (bytes: Buffer) => stdout.push(bytes));
  child.stderr?.on("data", (bytes: Buffer) => stderr.push(bytes));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const text = (parts: Buffer[]): string => Buffer.concat(parts).toString("utf8");
      resolve({ code, signal, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

/** Resolves when what a stream brings matches; rejects when it ends before. */
export async function heard(stream: NodeJS.ReadableStream | null, what: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    stream?.on("data", (bytes: Buffer) => {
      text += bytes.toString("utf8");
      if (what.test(text)) resolve(text);
    });
    stream?.on("close", () => reject(new Error(`never heard ${what}: ${text}`)));
  });
}
