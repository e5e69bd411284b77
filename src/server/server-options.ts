/**
 * What a server is made of, and how it is set up: every setting with its default. The command
 * line and `reach.config.ts` fill it.
 */
import type { FastifyBaseLogger } from "fastify";
import { limits } from "../base/index.ts";
import type { Directory } from "../session/index.ts";
import type { TokenStore } from "./access/token-store.ts";
import type { SessionEngine } from "./engine-port.ts";
import type { TriggerLimits } from "./triggers.ts";

/** Settings of a server; units last. */
export interface ServerConfig {
  /** Largest body of a request. */
  readonly bodyBytesMax: number;
  /** How long a request may take to arrive: against clients that trickle. */
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /**
   * A connection on which nothing moves for so long is closed, whatever is under way on it. An
   * upload has to bring 64 KiB in each such time, and may go on for as long as it does.
   */
  readonly stalledMs: number;
  /** Imports under way at a time, in each workspace. */
  readonly importsMax: number;
  /** A comment on every tail that says nothing for so long. */
  readonly heartbeatMs: number;
  /** A tail that takes no byte for so long is cut. */
  readonly slowReaderMs: number;
  /** Bytes that wait for a tail before it has to fetch at its own pace. */
  readonly tailQueueBytesMax: number;
  readonly tailsMax: number;
  /** How long a long-poll of a stream waits for messages. */
  readonly streamPollMs: number;
  /** After so long an SSE answer of a stream ends, and the client comes back. */
  readonly streamEventsMs: number;
  /** A writer without appends for so long is closed, and its session signed. */
  readonly writerIdleMs: number;
  readonly triggers: TriggerLimits;
  /** Origins that pages in browsers may ask from; none by default. */
  readonly corsOrigins: readonly string[];
  /** How long a shutdown waits for requests under way. */
  readonly shutdownMs: number;
}

/** The settings that a server has where nobody says otherwise. */
export const defaultConfig: ServerConfig = {
  bodyBytesMax: limits.requestBytesMax,
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 72_000,
  stalledMs: 300_000,
  importsMax: 4,
  heartbeatMs: 15_000,
  slowReaderMs: 30_000,
  tailQueueBytesMax: limits.tailQueueBytesMax,
  tailsMax: limits.tailsMax,
  streamPollMs: 30_000,
  streamEventsMs: 60_000,
  writerIdleMs: 30_000,
  triggers: {
    entriesMax: 10_000,
    bytesMax: 64 * 1024 * 1024,
    concurrency: 256,
    workspacePerSecond: 0,
    programPerSecond: 0,
  },
  corsOrigins: [],
  shutdownMs: 10_000,
};

/** A workspace to serve: its directory, open for writing, and what runs its programs. */
export interface WorkspaceSource {
  readonly directory: Directory;
  readonly engine?: SessionEngine | undefined;
}

/** What a server is made of. */
export interface ServerOptions {
  /** The first one is served to this machine when there are no tokens. */
  readonly workspaces: readonly WorkspaceSource[];
  /** Without a store, or without a token in it, everybody on this machine may do everything. */
  readonly tokens?: TokenStore | undefined;
  readonly config?: Partial<ServerConfig>;
  /** A pino logger; none by default. */
  readonly logger?: FastifyBaseLogger | undefined;
  /** Whether `/metrics` tells of the process as well: for the one server of a process. */
  readonly processMetrics?: boolean;
  /** What `/healthz` calls the version. */
  readonly version?: string;
}
