/**
 * Processes of the tests that really write, are really killed and really stopped, and the lines
 * that they say.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as path from "node:path";
import { createInterface } from "node:readline";

const script = path.join(import.meta.dirname, "writer.mjs");

/** One process of `writer.mjs`. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  readonly #ended: Promise<void>;
  #over = false;
  #errors = "";

  /** Starts it; `node` and the script come before `parts`. */
  constructor(...parts: readonly string[]) {
    this.#process = spawn(process.execPath, [script, ...parts], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => {
      const next = this.#waiting.shift();
      if (next) next(line);
      else this.#lines.push(line);
    });
    this.#process.stderr?.on("data", (bytes) => {
      this.#errors += String(bytes);
    });
    this.#process.stdin?.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#process.on("close", () => {
        this.#over = true;
        for (const next of this.#waiting.splice(0)) next(undefined);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** What it said on standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The next line that it says, `undefined` when it has ended. */
  line(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#over) return Promise.resolve(line);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Waits for a line that begins with `start`; throws when it ends or says something else. */
  async expect(start: string): Promise<string> {
    const line = await this.line();
    if (line?.startsWith(start)) return line;
    throw new Error(`the child says ${JSON.stringify(line)}, not ${start}: ${this.#errors}`);
  }

  /** Gives a command, without waiting for what it says. */
  tell(command: string): void {
    this.#process.stdin?.write(`${command}\n`);
  }

  /** Gives a command and returns the answer. */
  async ask(command: string): Promise<string> {
    this.tell(command);
    return (await this.line()) ?? `ended: ${this.#errors}`;
  }

  stop(): void {
    this.#process.kill("SIGSTOP");
  }

  wake(): void {
    this.#process.kill("SIGCONT");
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
