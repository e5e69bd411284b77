/**
 * An example of `docs/examples`, copied to a folder of its own, where the blocks of its README are
 * run as they stand. `reach`, the package and `npx` are found there as after `npm install`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import { type Ended, ended, mainFile, Workbench } from "../cli/reach-command.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** What examples import, beside Reach. */
const packages = ["vitest"];

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The folder of an example. */
export function exampleFolder(name: string): string {
  return path.join(root, "docs/examples", name);
}

/** A copy of an example. */
export class Example extends Workbench {
  readonly readme: string;
  /** The shell blocks of its README, in order. */
  readonly blocks: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;

  constructor(name: string, environment: Readonly<Record<string, string>> = {}) {
    super();
    fs.cpSync(exampleFolder(name), this.folder, { recursive: true });
    this.readme = this.read("README.md").toString("utf8");
    this.blocks = [...this.readme.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
    fs.mkdirSync(this.path("node_modules"));
    for (const one of [".bin", ...packages]) this.#link(path.join(root, "node_modules", one), one);
    this.#link(root, "reach-replay");
    const command = this.write("bin/reach", `#!/bin/sh\nexec node '${mainFile}' "$@"\n`);
    fs.chmodSync(command, 0o755);
    const folders = [this.path("bin"), path.dirname(process.execPath), process.env["PATH"] ?? ""];
    const { HOME = "" } = process.env;
    const own = { PATH: folders.join(path.delimiter), HOME, NO_COLOR: "1" };
    this.#environment = { ...own, ...environment };
  }

  #link(target: string, name: string): void {
    fs.symlinkSync(target, this.path("node_modules", name));
  }

  /** Runs shell text to its end; it stops at the first command that fails. */
  shell(text: string): Promise<Ended> {
    return ended(this.#spawn(text));
  }

  /** Runs shell text until the test is over, or `stop` is called. */
  background(text: string): { readonly child: ChildProcess; stop(signal: NodeJS.Signals): void } {
    const child = this.#spawn(text);
    const stop = (signal: NodeJS.Signals): void => {
      // Its processes are a group of their own.
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
    };
    onTestFinished(() => stop("SIGKILL"));
    return { child, stop };
  }

  #spawn(text: string): ChildProcess {
    const child = spawn("/bin/sh", ["-e", "-c", text], {
      cwd: this.folder,
      env: this.#environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return child;
  }
}
