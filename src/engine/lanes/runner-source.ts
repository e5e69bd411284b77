/**
 * Makes the runners of an engine, by mode; the one place that knows which file contexts come
 * from.
 */
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { builtFile } from "../../disk/index.ts";
import type { EngineLimits } from "../engine-limits.ts";
import type { RunnerMode } from "../engine-options.ts";
import type { ContextMaker } from "../host/session-host.ts";
import type { RunnerSource } from "../scheduler.ts";
import { InlineRunner } from "./inline-runner.ts";
import type { RunnerEvents } from "./lane.ts";
import { ProcessRunner } from "./process-runner.ts";
import { SpareProcess } from "./spare-process.ts";
import { ThreadRunner } from "./thread-runner.ts";

/** A process for every two cores, with two threads. */
function usualRunners(): RunnerMode {
  const processes = Math.max(1, Math.floor(availableParallelism() / 2));
  return { kind: "processes", processes, threads: 2 };
}

/** The runners that options ask for. */
export async function runnerSource(
  options: { readonly runners?: RunnerMode; readonly contexts?: string },
  limits: EngineLimits,
): Promise<RunnerSource> {
  const { runners = usualRunners() } = options;
  const contexts = options.contexts ?? builtFile("entries/sandbox-contexts.js");
  switch (runners.kind) {
    case "inline": {
      const module = (await import(pathToFileURL(contexts).href)) as { contexts: ContextMaker };
      const start = (events: RunnerEvents) => new InlineRunner(module.contexts, events);
      return { start: (events) => [start(events)], startAlone: start };
    }
    case "threads": {
      const start = (threads: number, events: RunnerEvents) =>
        new ThreadRunner({ threads, contexts, events });
      return {
        start: (events) => [start(runners.threads, events)],
        startAlone: (events) => start(1, events),
      };
    }
    case "processes": {
      const { processes, threads } = runners;
      const common = { contexts, rssBytesMax: limits.runnerRssBytesMax };
      return {
        start: (events) => {
          const options = { ...common, threads, comesBack: true, events };
          const spare = new SpareProcess(options);
          return Array.from({ length: processes }, () => new ProcessRunner({ ...options, spare }));
        },
        startAlone: (events) => {
          return new ProcessRunner({
            ...common,
            threads: 1,
            comesBack: false,
            isBackground: true,
            events,
          });
        },
      };
    }
  }
}
