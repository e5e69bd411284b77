/**
 * The values in a bundle's sections and how they are read from a stranger: every member is looked
 * at before anybody uses it.
 */
import { isSessionId, noBytes, type SessionId } from "../base/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";
import { type BundleHeader, bundleError, decodeSectionValue } from "./bundle-format.ts";
import type { KeyedNote } from "./checkpoint-files.ts";
import type { Manifest, ManifestFork, ManifestProgram } from "./manifest.ts";
import type { Quarantine } from "./session-reader.ts";

const namesMax = 64 * 1024;

/** What a bundle says of itself before anything else; claims, until all of it has been read. */
export interface BundleHead {
  /** With empty secrets where the bundle withholds events. */
  readonly manifest: Manifest;
  /** Origin that the session's checkpoints and snapshots are signed for. */
  readonly origin: string;
  /** C2SP vkey of the exporting directory. */
  readonly verifierKey: string;
  readonly events: number;
  readonly root: Uint8Array;
  readonly quarantine: Quarantine | null;
}

/** What a bundle ends with. */
export interface BundleTrailer {
  readonly events: number;
  readonly root: Uint8Array;
  readonly payloads: number;
  readonly payloadBytes: number;
  readonly states: number;
  readonly snapshots: number;
  /** Bytes in front of the trailer's section, and their hash. */
  readonly bytes: number;
  readonly sha256: Uint8Array;
  /** Signed note over `bundleText`; `null` when the exporter had no key at hand. */
  readonly note: Uint8Array | null;
}

/** Snapshot records of one program. */
export interface BundleSnapshots {
  readonly program: Uint8Array;
  readonly records: readonly SnapshotRecord[];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord || value instanceof Uint8Array) throw bundleError(`its ${what} is no record`);
  return value as Fields;
}

function text(value: unknown, what: string): string {
  if (typeof value === "string" && value.length <= namesMax) return value;
  throw bundleError(`its ${what} is no text`);
}

function count(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw bundleError(`its ${what} is no count`);
}

function bytes(value: unknown, size: number, what: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === size) return value;
  throw bundleError(`its ${what} is not ${size} bytes`);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw bundleError(`its ${what} is no list`);
}

/** What a redacted bundle says of its session: nothing by which withheld events can be guessed. */
export function withoutSecrets({ secret: _, fork, ...rest }: Manifest): object {
  return { ...rest, ...(fork && { fork: { ...fork, secrets: [] } }) };
}

function manifestOf(value: unknown, id: SessionId, redacted: boolean): Manifest {
  const fields = fieldsOf(value, "manifest");
  const { kind } = fields;
  const program = programOf(fields.program);
  const fork = forkOf(fields.fork);
  if (fields.id !== id || !isSessionId(id)) throw bundleError("its manifest is of another session");
  if (kind !== "recorded" && kind !== "executed") throw bundleError("its kind is unknown");
  return {
    id,
    kind,
    created: count(fields.created, "time of creation"),
    secret: redacted ? noBytes : bytes(fields.secret, 32, "salt secret"),
    name: text(fields.name, "name"),
    format: text(fields.format, "format"),
    ...(program === undefined ? {} : { program }),
    ...(fork === undefined ? {} : { fork }),
  };
}

function forkOf(value: unknown): ManifestFork | undefined {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value, "fork");
  const source = text(fields.source, "fork");
  if (!isSessionId(source)) throw bundleError("its source is no session");
  return {
    source,
    at: count(fields.at, "fork"),
    root: bytes(fields.root, 32, "fork"),
    secrets: list(fields.secrets, "fork").map((one) => {
      const { from, secret } = fieldsOf(one, "fork");
      return { from: count(from, "fork"), secret: bytes(secret, 32, "fork") };
    }),
  };
}

function programOf(value: unknown): ManifestProgram | undefined {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value, "program");
  return {
    name: text(fields.name, "program"),
    version: text(fields.version, "program"),
    bundle: bytes(fields.bundle, 32, "program"),
    map: bytes(fields.map, 32, "program"),
    runtime: text(fields.runtime, "program"),
  };
}

/** The head in a section's content. Throws `BUNDLE_INVALID`, `CORRUPT`. */
export function readHead(content: Uint8Array, { id, redacted }: BundleHeader): BundleHead {
  const fields = fieldsOf(decodeSectionValue(content), "head");
  const quarantine = fields.quarantine === null ? null : fieldsOf(fields.quarantine, "quarantine");
  return {
    manifest: manifestOf(fields.manifest, id, redacted),
    origin: text(fields.origin, "origin"),
    verifierKey: text(fields.verifierKey, "key"),
    events: count(fields.events, "number of events"),
    root: bytes(fields.root, 32, "root"),
    quarantine: quarantine && {
      seq: count(quarantine.seq, "quarantine"),
      reason: text(quarantine.reason, "quarantine"),
    },
  };
}

/** The checkpoint in a section's content. */
export function readCheckpoint(content: Uint8Array): KeyedNote {
  const [verifierKey, note] = list(decodeSectionValue(content), "checkpoint");
  if (!(note instanceof Uint8Array)) throw bundleError("its checkpoint is no note");
  return { verifierKey: text(verifierKey, "key"), note };
}

/** The value of a section of snapshot records. */
export function snapshotsValue({ program, records }: BundleSnapshots): unknown {
  return [
    program,
    records.map(({ size, root, stateHash, stateBytes, signature }) => {
      return [size, root, stateHash, stateBytes, signature];
    }),
  ];
}

/** The snapshot records in a section's content. */
export function readSnapshotRecords(content: Uint8Array): BundleSnapshots {
  const [program, records] = list(decodeSectionValue(content), "snapshots");
  return {
    program: bytes(program, 32, "program"),
    records: list(records, "snapshots").map((value) => {
      const [size, root, stateHash, stateBytes, signature] = list(value, "snapshot");
      return {
        size: count(size, "snapshot"),
        root: bytes(root, 32, "root"),
        stateHash: bytes(stateHash, 32, "state"),
        stateBytes: count(stateBytes, "state"),
        signature: bytes(signature, 64, "signature"),
      };
    }),
  };
}

/** The trailer in a section's content. */
export function readTrailer(content: Uint8Array): BundleTrailer {
  const fields = fieldsOf(decodeSectionValue(content), "trailer");
  const { note } = fields;
  if (note !== null && !(note instanceof Uint8Array)) throw bundleError("its signature is no note");
  return {
    events: count(fields.events, "number of events"),
    root: bytes(fields.root, 32, "root"),
    payloads: count(fields.payloads, "number of payloads"),
    payloadBytes: count(fields.payloadBytes, "size of payloads"),
    states: count(fields.states, "number of states"),
    snapshots: count(fields.snapshots, "number of snapshots"),
    bytes: count(fields.bytes, "size"),
    sha256: bytes(fields.sha256, 32, "hash"),
    note,
  };
}
