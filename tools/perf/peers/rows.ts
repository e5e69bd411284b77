// What is compared: every row of the tables, how each store was set up, and what it promises for
// that. The words are meant to be ones that its own author would put his name under.

import { batchesAhead } from "./store.ts";

/** What a store keeps for its user, in a few words each. */
export interface Promises {
  /** Whether an acknowledged batch survives that the power goes. */
  readonly durable: string;
  /** Whether a flipped bit on the disk is noticed when it is read. */
  readonly checksums: string;
  /** Whether somebody who can write to the disk can change the past unnoticed. */
  readonly tamper: string;
  /** Whether a batch that is sent again because no answer came is stored once. */
  readonly dedup: string;
  readonly settings: string;
}

/** One thing that is measured. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** Package whose version is stated; none for what is Reach's own. */
  readonly package?: string;
  /** The row of Reach that it is held against. */
  readonly against: "reach" | "reach-http" | null;
  readonly kind: "store" | "server" | "replay";
  /** Whether it can have several batches under way. */
  readonly pipelined: boolean;
  readonly promises?: Promises;
}

const reachPromises = {
  durable: "yes, fdatasync of the journal (counted)",
  checksums: "CRC-32 of batches at each read, SHA-256 of events in `verify`",
  tamper: "Merkle tree (RFC 6962) under a signed root",
  dedup: "producer id, epoch and sequence",
} as const;

/** Everything that is measured, in the order of the table. */
export const rows: readonly Row[] = [
  {
    name: "floor",
    title: "floor: write + fdatasync",
    against: "reach",
    kind: "store",
    pipelined: true,
    promises: {
      durable: "yes",
      checksums: "no",
      tamper: "no",
      dedup: "no",
      settings: `plain file, length + bytes; pipelined: one fdatasync for ${batchesAhead} batches`,
    },
  },
  {
    name: "reach",
    title: "Reach, library",
    against: null,
    kind: "store",
    pipelined: true,
    promises: {
      ...reachPromises,
      dedup: "producer id, epoch and sequence (not used here)",
      settings: "defaults; payloads as JSON bytes, with kind, type, time and reference beside them",
    },
  },
  {
    name: "sqlite-full",
    title: "SQLite, WAL, synchronous=FULL",
    package: "better-sqlite3",
    against: "reach",
    kind: "store",
    pipelined: false,
    promises: {
      durable: "yes, fsync of the WAL at every commit (counted)",
      checksums: "of WAL frames; none in the database file",
      tamper: "no",
      dedup: "with a unique key of one's own",
      settings: "`events(seq INTEGER PRIMARY KEY, data BLOB)`, one transaction a batch",
    },
  },
  {
    name: "sqlite-normal",
    title: "SQLite, WAL, synchronous=NORMAL",
    package: "better-sqlite3",
    against: "reach",
    kind: "store",
    pipelined: false,
    promises: {
      durable: "no: consistent, but the last commits may go with the power",
      checksums: "of WAL frames; none in the database file",
      tamper: "no",
      dedup: "with a unique key of one's own",
      settings: "the same",
    },
  },
  {
    name: "lmdb",
    title: "LMDB",
    package: "lmdb",
    against: "reach",
    kind: "store",
    pipelined: true,
    promises: {
      durable: "yes, fdatasync before `flushed` resolves (counted), as waited for here",
      checksums: "no",
      tamper: "no",
      dedup: "with keys of one's own",
      settings: "defaults (sync, overlappingSync), `uint32` keys, binary values, `batch()`",
    },
  },
  {
    name: "hypercore",
    title: "Hypercore",
    package: "hypercore",
    against: "reach",
    kind: "store",
    pipelined: true,
    promises: {
      durable:
        "no: an append is resolved without a sync (counted: 11 for 400); a kill of the process " +
        "loses none",
      checksums: "of RocksDB blocks; BLAKE2b of every block of the log, in its tree",
      tamper: "Merkle tree under a signed root; made to be replicated and checked by peers",
      dedup: "no",
      settings: "defaults, an append of 50 blocks a batch; read with 64 gets under way",
    },
  },
  {
    name: "reach-http",
    title: "Reach, /v1/stream over HTTP",
    against: null,
    kind: "server",
    pipelined: false,
    promises: {
      ...reachPromises,
      dedup: "producer headers (not used here)",
      settings: "`application/json`, 50 messages a POST, one connection; exact bytes are kept",
    },
  },
  {
    name: "durable-streams",
    title: "Durable Streams server, file store",
    package: "@durable-streams/server",
    against: "reach-http",
    kind: "server",
    pipelined: false,
    promises: {
      durable: "yes, fdatasync of the segment and a commit of LMDB",
      checksums: "no",
      tamper: "no",
      dedup: "producer headers (not used here)",
      settings:
        "`dataDir`, the same requests, its reference server; keeps JSON values, not their bytes: " +
        "integers above 2^53 lose digits",
    },
  },
  {
    name: "temporal",
    title: "Temporal, Worker.runReplayHistory",
    package: "@temporalio/worker",
    against: "reach",
    kind: "replay",
    pipelined: false,
  },
];

/** The row of a name. */
export function rowOf(name: string): Row {
  const row = rows.find((known) => known.name === name);
  if (!row) throw new Error(`there is no row ${name}`);
  return row;
}
