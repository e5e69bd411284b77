/**
 * Where text goes: results to stdout, everything else to stderr. A reader that closes the pipe
 * (`| head`) ends the output, quietly; a full disk behind a redirection does not pass for success.
 */
import { styleText } from "node:util";
import { messageOf, ReachError } from "../base/index.ts";
import type { ColourChoice } from "./settings.ts";

/** How text is set off; names of `util.styleText`. */
export type TextStyle = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** A stream of the process, or a stand-in for one. */
export interface TextStream {
  write(text: string | Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** How a command writes. */
export interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly colour: ColourChoice;
  /** Results are one JSON object. */
  readonly json: boolean;
  /** No notes, and results reduced to what a script needs. */
  readonly quiet: boolean;
}

const columnsWithoutTerminal = 120;
const columnsMin = 40;

/** The two streams of a command. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #colour: ColourChoice;
  #closed = false;
  #pending: Promise<void> = Promise.resolve();

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.quiet = options.quiet;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#colour = options.colour;
    // Errors arrive through the callbacks of `write`; without a listener they would end Node.
    this.#stdout.on("error", () => {});
    this.#stderr.on("error", () => {});
  }

  /** Whether nobody reads the results any more: whoever streams may stop. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether results go to a terminal. */
  get terminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Columns that a line of results may take. */
  get columns(): number {
    const { columns } = this.#stdout;
    return this.terminal && columns ? Math.max(columns, columnsMin) : columnsWithoutTerminal;
  }

  /** Lines of results. */
  async print(...lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.write(`${lines.join("\n")}\n`);
  }

  /** A result as one JSON object: on one line, but indented for a terminal. */
  async printObject(value: object): Promise<void> {
    await this.print(JSON.stringify(value, undefined, this.terminal ? 2 : undefined));
  }

  /** Bytes or text of a result as they are. Throws `DISK_FULL` or `IO_FAILED`. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#closed || data.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#stdout.write(data, (error) => {
        if (!error) resolve();
        else if (this.#pipeClosed(error)) resolve();
        else reject(outputError(error));
      });
    });
  }

  #pipeClosed(error: Error): boolean {
    const code = (error as NodeJS.ErrnoException).code;
    const closed = code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET";
    this.#closed ||= closed;
    return closed;
  }

  /** A line for the person at the terminal, not part of the result; nothing with `--quiet`. */
  note(text: string): void {
    if (!this.quiet) this.complain(text);
  }

  /** The same, also with `--quiet`. */
  complain(text: string): void {
    this.#pending = new Promise((resolve) => {
      this.#stderr.write(`${text}\n`, () => resolve());
    });
  }

  /** Resolves when what `note` and `complain` wrote is out. */
  async flush(): Promise<void> {
    await this.#pending;
  }

  /** Text of a result in a style, where colours are wanted. */
  style(style: TextStyle, text: string): string {
    return this.#coloured(this.#stdout) ? styled(style, text) : text;
  }

  /** Text for `note` in a style. */
  noteStyle(style: TextStyle, text: string): string {
    return this.#coloured(this.#stderr) ? styled(style, text) : text;
  }

  /** Whether results are coloured. */
  get coloured(): boolean {
    return this.#coloured(this.#stdout);
  }

  #coloured(stream: TextStream): boolean {
    return this.#colour === "always" || (this.#colour === "terminal" && stream.isTTY === true);
  }
}

function styled(style: TextStyle, text: string): string {
  return styleText(style, text, { validateStream: false });
}

function outputError(error: Error): ReachError {
  const full = (error as NodeJS.ErrnoException).code === "ENOSPC";
  const message = full ? "no room for the output" : `the output failed: ${messageOf(error)}`;
  return new ReachError(full ? "DISK_FULL" : "IO_FAILED", message, {
    where: "stdout",
    cause: error,
  });
}
