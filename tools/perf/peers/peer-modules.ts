// The peers' packages, which are installed in `perf/peers` and not with the project; here is as
// much of their types as is used, so that the project is checked without them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The project: programs run this file in `dist-tools/tools/perf/peers`, tests where it is. */
export const projectRoot: string = fileURLToPath(
  new URL(import.meta.url.includes("/dist-tools/") ? "../../../.." : "../../..", import.meta.url),
);
/** Where the peers are installed. */
export const peersFolder: string = path.join(projectRoot, "perf", "peers");

const load = createRequire(path.join(peersFolder, "package.json"));

/** A package of `perf/peers`, as `T` describes it. */
export function peerModule<T>(name: string): T {
  return load(name) as T;
}

/** The version that is installed. */
export function peerVersion(name: string): string {
  const file = path.join(peersFolder, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** `better-sqlite3`: its export is the class. */
export interface SqliteDatabase {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): {
    run(...values: unknown[]): unknown;
    iterate(): IterableIterator<{ readonly data: Buffer }>;
  };
  transaction<A extends unknown[]>(body: (...args: A) => void): (...args: A) => void;
  close(): unknown;
}

/** `lmdb`. */
export interface Lmdb {
  open(options: {
    path: string;
    encoding: "binary";
    keyEncoding: "uint32";
    separateFlushed: boolean;
    readOnly?: boolean;
  }): LmdbDatabase;
}

/** What `put` and `batch` return, with `separateFlushed`. */
export type LmdbCommit = Promise<boolean> & { readonly flushed: Promise<boolean> };

/** A database of `lmdb`. */
export interface LmdbDatabase {
  put(key: number, value: Uint8Array): LmdbCommit;
  batch(body: () => void): LmdbCommit;
  getRange(): Iterable<{ readonly key: number; readonly value: Uint8Array }>;
  close(): Promise<void>;
}

/** `hypercore`: its export is the class. */
export interface Hypercore {
  readonly length: number;
  ready(): Promise<void>;
  append(blocks: readonly Uint8Array[]): Promise<unknown>;
  get(index: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** `@durable-streams/server`. */
export interface DurableStreams {
  readonly DurableStreamTestServer: new (options: {
    port: number;
    host: string;
    dataDir: string;
  }) => { start(): Promise<string>; stop(): Promise<void> };
}

/** `@temporalio/worker`. */
export interface TemporalWorker {
  readonly Worker: {
    runReplayHistory(options: object, history: unknown): Promise<void>;
  };
  readonly Runtime: {
    install(options: object): { shutdown(): Promise<void> };
  };
  readonly DefaultLogger: new (level: string) => object;
  bundleWorkflowCode(options: object): Promise<{ readonly code: string }>;
}

/** `@temporalio/common/lib/proto-utils`. */
export interface TemporalProtoUtils {
  historyFromJSON(json: unknown): unknown;
}

/** `@temporalio/proto`, as far down as its message `History`. */
export interface TemporalProto {
  readonly temporal: {
    readonly api: {
      readonly history: {
        readonly v1: {
          readonly History: {
            encode(history: unknown): { finish(): Uint8Array };
            decode(bytes: Uint8Array): unknown;
          };
        };
      };
    };
  };
}
