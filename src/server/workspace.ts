/**
 * One workspace as the server sees it: its directory, what runs its programs, its open readers,
 * its appends, its tails. Everything that a route touches of a workspace hangs here, so that a
 * request cannot reach another one.
 */
import type { Directory } from "../session/index.ts";
import type { SessionEngine } from "./engine-port.ts";
import { ReaderPool } from "./reader-pool.ts";
import type { ServerConfig, WorkspaceSource } from "./server-options.ts";

/** A workspace that is being served. */
export class Workspace {
  readonly name: string;
  readonly directory: Directory;
  readonly engine: SessionEngine | undefined;
  readonly readers: ReaderPool;
  readonly config: ServerConfig;

  constructor({ directory, engine }: WorkspaceSource, config: ServerConfig) {
    this.name = directory.workspace;
    this.directory = directory;
    this.engine = engine;
    this.config = config;
    this.readers = new ReaderPool(directory);
  }

  /** Parks what runs, makes durable and signs what was appended, closes the directory. */
  async close(): Promise<void> {
    await this.engine?.close({ graceMs: this.config.shutdownMs });
    this.readers.close();
    await this.directory.close();
  }
}
