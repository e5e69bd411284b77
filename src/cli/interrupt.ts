/**
 * Ctrl-C during work that can end at a good place: the first one asks for that, the second one
 * kills. Only for work that looks at its signal; everything else dies at once, as usual.
 */
import process from "node:process";
import { type ExitCode, exitCodes } from "./exit-codes.ts";

let received: ExitCode | undefined;

/** What work that was interrupted ends with: by the signal that came. */
export function interruptedExitCode(): ExitCode {
  return received ?? exitCodes.interrupted;
}

/** A signal that Ctrl-C aborts. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** What the command ends with when it was interrupted. */
  readonly exitCode: ExitCode | undefined;
  /** Gives Ctrl-C its usual meaning back. */
  end(): void;
}

/** Takes over SIGINT and SIGTERM until `end`; `onInterrupt` runs at the first one. */
export function interruption(onInterrupt: () => void): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | undefined;
  const stop = (name: NodeJS.Signals): void => {
    end();
    exitCode = name === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
    received = exitCode;
    onInterrupt();
    controller.abort();
  };
  const end = (): void => {
    process.removeListener("SIGINT", stop);
    process.removeListener("SIGTERM", stop);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    end,
  };
}
