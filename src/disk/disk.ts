/**
 * The port to the file system. Everything above writes through it, so that the simulated disk of
 * the tests can fail, tear and forget exactly what a real one may.
 */

/** How a file is opened: `create` fails when it exists. All but `read` can also write. */
export type OpenMode = "read" | "write" | "create";

/**
 * An open file. Reads and writes go to the page cache and are synchronous (5 to 10 µs for a batch,
 * a quarter of what a thread-pool round trip costs, measured); only `sync` takes long and does not
 * block. Nothing is durable before `sync` has resolved. There is no truncation: what must be cut is
 * copied to a new file, so that a writer that lost its lock can damage nothing.
 */
export interface DiskFile {
  readonly path: string;
  /** Bytes in the file now. */
  size(): number;
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number;
  /**
   * Writes all of `bytes` at `position`; a gap before it reads as zeros. Throws `DISK_FULL` or
   * `IO_FAILED`; then any part of the range may have been written.
   */
  write(bytes: Uint8Array, position: number): void;
  /** fdatasync: all bytes and the size are durable when it resolves. Never retried on failure. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * A file system below which a data directory lies. Paths are absolute or relative to the process.
 */
export interface Disk {
  /** Throws `NOT_FOUND` or `ALREADY_EXISTS` as the mode demands, `IO_FAILED` for the rest. */
  open(path: string, mode: OpenMode): DiskFile;
  /** Whether a file or folder of that name exists. Throws `IO_FAILED` where nobody can tell. */
  exists(path: string): boolean;
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(path: string): string[];
  /** Creates one folder; nothing happens when it exists. Its parent must exist. */
  createFolder(path: string): void;
  /** Atomically gives `from` the name `to`, replacing what was there. */
  rename(from: string, to: string): void;
  /** Removes a file; nothing happens when there is none. */
  remove(path: string): void;
  /** Removes an empty folder; nothing happens when there is none. */
  removeFolder(path: string): void;
  /** fsync of a folder: the names in it are durable when it resolves. */
  syncFolder(path: string): Promise<void>;
}
