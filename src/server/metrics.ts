/**
 * Metrics in the format of Prometheus: prefix `reach_`, base units, labels with few values: never
 * the id of a session. What stands in memory is looked up when somebody asks.
 */
import { statfs } from "node:fs/promises";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Workspace } from "./workspace.ts";

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.6, 1.2, 2.5, 5, 10];
/** Finer, for what service levels are read from: what they allow is a bound of a bucket. */
const levelBuckets = [
  ...[0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04],
  ...[0.05, 0.06, 0.08, 0.1, 0.15, 0.25, 0.4, 0.6, 0.9, 1.2, 2.5, 5, 10],
];
const syncBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];
const longBuckets = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800];

/** Looks a figure of a workspace up. */
type Look = (workspace: Workspace) => number | Promise<number>;

/** Bytes of the file system that a workspace is on; what cannot be seen hides no other figure. */
async function diskOf({ directory }: Workspace): Promise<{ free: number; size: number }> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory.path);
    return { free: bavail * bsize, size: blocks * bsize };
  } catch {
    return { free: Number.NaN, size: Number.NaN };
  }
}

/** The metrics of one server. */
export class ServerMetrics {
  readonly registry = new Registry();
  readonly triggerToFirstEvent = this.#histogram(
    "reach_trigger_to_first_event_seconds",
    "From the arrival of a trigger to its durable first event",
    levelBuckets,
  );
  readonly spawn = this.#histogram(
    "reach_spawn_seconds",
    "From an accepted trigger to the first line of its program",
    levelBuckets,
  );
  readonly appendCommit = this.#histogram(
    "reach_append_commit_seconds",
    "From an append over HTTP to its being durable",
    latencyBuckets,
  );
  readonly journalSync = this.#histogram(
    "reach_journal_fsync_seconds",
    "Writing a group to the journal and making it durable",
    syncBuckets,
  );
  readonly replay = this.#histogram("reach_replay_seconds", "Replays over HTTP", longBuckets);
  readonly request = new Histogram({
    name: "reach_http_request_seconds",
    help: "Requests by route, tails aside",
    labelNames: ["method", "route", "status"] as const,
    buckets: latencyBuckets,
    registers: [this.registry],
  });
  readonly events = this.#counter("reach_events_appended_total", "Events that became durable");
  readonly divergences = this.#counter("reach_divergences_total", "Replays that diverged");
  readonly verifyFailures = this.#counter(
    "reach_verify_failures_total",
    "Replays that found a log that is not what was written",
  );

  /** With `processMetrics` also those of the process, which there is one of. */
  constructor(workspaces: () => Iterable<Workspace>, processMetrics: boolean) {
    if (processMetrics) collectDefaultMetrics({ register: this.registry });
    const each = (name: string, help: string, value: Look): void => {
      const gauge = new Gauge({
        name,
        help,
        labelNames: ["workspace"] as const,
        registers: [this.registry],
        collect: async () => {
          for (const one of workspaces()) gauge.set({ workspace: one.name }, await value(one));
        },
      });
    };
    each("reach_sessions_active", "Sessions of programs in memory", ({ engine }) => {
      return engine?.figures?.().active ?? 0;
    });
    each("reach_runner_utilization", "Share of the runners' time that is used", ({ engine }) => {
      return engine?.figures?.().utilization ?? 0;
    });
    each("reach_queue_depth", "Triggers that wait", ({ triggers }) => triggers.depth);
    each("reach_queue_age_seconds", "How long the oldest trigger has waited", ({ triggers }) => {
      return triggers.ageSeconds;
    });
    each("reach_tail_subscribers", "Tails that are open", ({ tails }) => tails.size);
    each("reach_jobs_running", "Replays and forks under way", ({ jobs }) => jobs.running);
    each("reach_imports_running", "Imports under way", ({ imports }) => imports.running);
    each("reach_sessions", "Sessions in the workspace", ({ catalogue }) => catalogue.size);
    each("reach_runner_memory_limit_bytes", "What ends a runner process", ({ engine }) => {
      return engine?.figures?.().runnerRssBytesMax ?? 0;
    });
    each("reach_disk_free_bytes", "What may still be used of the disk", async (one) => {
      return (await diskOf(one)).free;
    });
    each("reach_disk_size_bytes", "Size of the file system of the data", async (one) => {
      return (await diskOf(one)).size;
    });
    this.#runners(workspaces);
    this.#leases(workspaces);
  }

  /** Runners are numbered as they are held: one that took the place of another has its number. */
  #runners(workspaces: () => Iterable<Workspace>): void {
    const gauge = new Gauge({
      name: "reach_runner_memory_bytes",
      help: "Resident memory of a runner process, where it can be seen",
      labelNames: ["workspace", "runner"] as const,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const { name, engine } of workspaces()) {
          const { runnerRssBytes = [] } = engine?.figures?.() ?? {};
          for (const [i, bytes] of runnerRssBytes.entries()) {
            gauge.set({ workspace: name, runner: String(i) }, bytes);
          }
        }
      },
    });
  }

  /** The engine counts; the counter is brought up to that when somebody asks. */
  #leases(workspaces: () => Iterable<Workspace>): void {
    const help = "Runners that were given up because they did not answer";
    let counted = 0;
    const counter = new Counter({
      name: "reach_leases_expired_total",
      help,
      registers: [this.registry],
      collect: () => {
        let now = 0;
        for (const { engine } of workspaces()) now += engine?.figures?.().leasesExpired ?? 0;
        counter.inc(Math.max(now - counted, 0));
        counted = Math.max(now, counted);
      },
    });
  }

  /** The text that Prometheus scrapes. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] });
  }
}
