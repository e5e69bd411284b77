/**
 * One workspace as the server sees it: its directory, what runs its programs, its open readers,
 * its appends, its tails. Everything that a route touches of a workspace hangs here, so that a
 * request cannot reach another one.
 */
import type { FastifyBaseLogger } from "fastify";
import { messageOf, systemClock } from "../base/index.ts";
import type { Directory } from "../session/index.ts";
import { Appends } from "./appends.ts";
import { Catalogue } from "./catalogue.ts";
import type { SessionEngine } from "./engine-port.ts";
import { KeyedSessions } from "./idempotency.ts";
import { Imports } from "./imports/imports.ts";
import { type Job, Jobs } from "./jobs.ts";
import type { ServerMetrics } from "./metrics.ts";
import { Proofs } from "./proofs.ts";
import { ReaderPool } from "./reader-pool.ts";
import type { ServerConfig, WorkspaceSource } from "./server-options.ts";
import { StateKeeper } from "./state-keeper.ts";
import { Streams } from "./streams/streams.ts";
import { TailHub } from "./tails/tail-hub.ts";
import { TriggerQueue } from "./triggers.ts";

/** A workspace that is being served. */
export class Workspace {
  readonly name: string;
  readonly directory: Directory;
  readonly engine: SessionEngine | undefined;
  readonly readers: ReaderPool;
  readonly metrics: ServerMetrics;
  /** Appends to recorded sessions. */
  readonly appends: Appends;
  readonly catalogue: Catalogue;
  readonly keyed: KeyedSessions;
  readonly triggers: TriggerQueue;
  readonly tails: TailHub;
  readonly streams: Streams;
  readonly proofs: Proofs;
  readonly imports: Imports;
  readonly jobs: Jobs;
  readonly states: StateKeeper;
  readonly config: ServerConfig;

  constructor(
    { directory, engine }: WorkspaceSource,
    config: ServerConfig,
    metrics: ServerMetrics,
    log: FastifyBaseLogger | undefined,
  ) {
    this.name = directory.workspace;
    this.directory = directory;
    this.engine = engine;
    this.config = config;
    this.readers = new ReaderPool(directory);
    this.metrics = metrics;
    directory.onCommit((_, __, count) => metrics.events.inc(count));
    this.appends = new Appends(directory, this.readers, config.writerIdleMs, (seconds) => {
      metrics.appendCommit.observe(seconds);
    });
    this.catalogue = new Catalogue(directory);
    this.keyed = new KeyedSessions(directory, systemClock);
    this.proofs = new Proofs(directory, this.readers);
    this.tails = new TailHub(directory, this.readers, config);
    this.triggers = new TriggerQueue(config.triggers);
    this.imports = new Imports(directory, config);
    this.jobs = new Jobs((job, error) => logFailure(log, job, error));
    this.states = new StateKeeper(directory, (session, error) => {
      log?.info({ workspace: this.name, session, reason: messageOf(error) }, "states are not kept");
    });
    this.streams = new Streams({
      directory,
      readers: this.readers,
      appends: this.appends,
      catalogue: this.catalogue,
      tails: this.tails,
      clock: systemClock,
      onTrouble: (trouble) => log?.warn({ workspace: this.name, trouble }, "trouble with streams"),
    });
  }

  /** Takes nothing more that begins something. */
  stop(): void {
    this.triggers.stop();
    this.imports.stop();
    this.jobs.stop();
    this.states.stop();
    this.tails.stop();
    this.streams.stop();
  }

  /** Parks what runs, makes durable and signs what was appended, closes the directory. */
  async close(): Promise<void> {
    // A fork that is about to be there is still to be known to the engine.
    await this.jobs.idle();
    await this.imports.idle();
    await this.states.idle();
    try {
      await this.engine?.close({ graceMs: this.config.shutdownMs });
      await this.appends.close();
      await this.catalogue.close();
    } finally {
      this.readers.close();
      await this.directory.close();
    }
  }
}

/**
 * Of a fault of the server the log says what its problem does not; of the rest the problem says it,
 * in words that may be those of a program.
 */
function logFailure(log: FastifyBaseLogger | undefined, job: Job, error: unknown): void {
  const { kind, session, error: problem } = job;
  const { code, status = 500, requestId: reqId } = problem ?? {};
  const about = { reqId, kind, session, code };
  if (status < 500 || status === 503) {
    log?.info(about, "job failed");
    return;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  log?.error({ ...about, reason: messageOf(error), stack }, "job failed");
}
