/**
 * The manifest: what a session is, written once when it begins and never changed.
 *
 *   0  u32 magic "RMAN"   u32 bytes of the content   u32 CRC-32 of session id and content
 *  12  content: CBOR map
 */
import {
  crc32,
  decodeValue,
  encodeValue,
  isSessionId,
  ReachError,
  readU32,
  type SessionId,
  sessionIdBytes,
  writeU32,
} from "../base/index.ts";

const magic = 0x4e414d52;
const headerBytes = 12;

/** Whether a session's events come from outside, or Reach runs it itself. */
export type SessionKind = "recorded" | "executed";

/** The program that an executed session runs; its code lies in the blob store. */
export interface ManifestProgram {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the bundle, which is its name in the blob store and the hash of the program. */
  readonly bundle: Uint8Array;
  /** SHA-256 of the source map, and its name in the blob store. */
  readonly map: Uint8Array;
  /** What ran it first: "reach 0.1.0 node 20.20.2". */
  readonly runtime: string;
}

/** Where a fork comes from: it has the first `at` events of `source`. */
export interface ManifestFork {
  readonly source: SessionId;
  readonly at: number;
  /** Root of the tree over the events it shares. */
  readonly root: Uint8Array;
  /**
   * Whose secret counts for the events it shares, from which seq on: the randomness of its steps
   * comes from there. It stands here so that a fork needs nothing of its source.
   */
  readonly secrets: readonly ForkSecret[];
}

/** The secret of a session that a fork comes from. */
export interface ForkSecret {
  readonly from: number;
  readonly secret: Uint8Array;
}

/** What a session is. */
export interface Manifest {
  readonly id: SessionId;
  readonly kind: SessionKind;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** 32 bytes that the salts derive from; left out of redacted exports. */
  readonly secret: Uint8Array;
  /** What people call it: a file name, the type given to `record`. */
  readonly name: string;
  /** Format it was imported from, or empty. */
  readonly format: string;
  /** In executed sessions only. */
  readonly program?: ManifestProgram;
  /** In forks only. */
  readonly fork?: ManifestFork;
}

/** Whose secret counts from which seq on: those of the sessions that a fork comes from, first. */
export function secretsOf({ fork, secret }: Manifest): ForkSecret[] {
  return fork ? [...fork.secrets, { from: fork.at, secret }] : [{ from: 0, secret }];
}

/** A payload that the manifest of an executed session names. */
export interface ProgramPayload {
  readonly name: Uint8Array;
  /** What it is, for messages. */
  readonly what: "code" | "source map";
}

/** The payloads that the manifest names. */
export function programPayloads({ program }: Pick<Manifest, "program">): ProgramPayload[] {
  if (!program) return [];
  return [
    { name: program.bundle, what: "code" },
    { name: program.map, what: "source map" },
  ];
}

/** What a new session is to be; what is left out has a default. */
export interface ManifestRequest {
  readonly kind?: SessionKind;
  readonly name?: string;
  readonly format?: string;
  readonly program?: ManifestProgram;
  readonly fork?: ManifestFork;
  /** The manifest of a session that was made elsewhere; then nothing else counts. */
  readonly manifest?: Manifest;
}

/** The manifest of a new session. */
export function manifestOf(
  request: ManifestRequest,
  id: SessionId,
  created: number,
  secret: Uint8Array,
): Manifest {
  if (request.manifest) return request.manifest;
  const { kind = "recorded", name = "", format = "", program, fork } = request;
  const executed = program === undefined ? {} : { program };
  const forked = fork === undefined ? {} : { fork };
  return { id, kind, created, secret, name, format, ...executed, ...forked };
}

/** The bytes of a manifest file. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const content = encodeValue({ version: 1, ...manifest });
  const bytes = new Uint8Array(headerBytes + content.length);
  writeU32(bytes, 0, magic);
  writeU32(bytes, 4, content.length);
  writeU32(bytes, 8, crc32(content, crc32(sessionIdBytes(manifest.id))));
  bytes.set(content, headerBytes);
  return bytes;
}

/** The manifest of session `id` from its file's bytes. Throws `CORRUPT` or `FORMAT_UNSUPPORTED`. */
export function decodeManifest(bytes: Uint8Array, id: SessionId): Manifest {
  const size = bytes.length < headerBytes ? -1 : readU32(bytes, 4);
  const content = bytes.subarray(headerBytes, headerBytes + size);
  const whole = size >= 0 && content.length === size && readU32(bytes, 0) === magic;
  if (!whole || crc32(content, crc32(sessionIdBytes(id))) !== readU32(bytes, 8)) {
    throw new ReachError("CORRUPT", `the manifest of session ${id} is damaged`, {
      where: id,
      hint: "restore manifest.cbor from a bundle or a copy; the events themselves are separate",
    });
  }
  const { version, ...manifest } = fieldsOf(decodeValue(content));
  if (typeof version === "number" && version > 1) {
    throw new ReachError("FORMAT_UNSUPPORTED", `session ${id} has manifest version ${version}`, {
      hint: "a newer Reach wrote it; use that or a later one",
    });
  }
  if (version === 1 && isManifest(manifest, id)) return manifest;
  throw new ReachError("CORRUPT", `the manifest of session ${id} is not one that Reach writes`, {
    where: id,
    hint: "restore manifest.cbor from a bundle or a copy; the events themselves are separate",
  });
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isManifest(fields: object, id: SessionId): fields is Manifest {
  const { kind, created, secret, name, format, program, fork, ...rest } =
    fields as Partial<Manifest>;
  return (
    rest.id === id &&
    (kind === "recorded" || kind === "executed") &&
    Number.isSafeInteger(created) &&
    (created as number) >= 0 &&
    secret instanceof Uint8Array &&
    secret.length === 32 &&
    typeof name === "string" &&
    typeof format === "string" &&
    (program === undefined || isProgram(program)) &&
    (fork === undefined || isFork(fork))
  );
}

function isProgram(fields: Partial<ManifestProgram> | null): boolean {
  return (
    typeof fields?.name === "string" &&
    typeof fields.version === "string" &&
    typeof fields.runtime === "string" &&
    isHash(fields.bundle) &&
    isHash(fields.map)
  );
}

function isFork(fields: Partial<ManifestFork> | null): boolean {
  return (
    typeof fields?.source === "string" &&
    isSessionId(fields.source) &&
    Number.isSafeInteger(fields.at) &&
    (fields.at as number) > 0 &&
    isHash(fields.root) &&
    Array.isArray(fields.secrets) &&
    fields.secrets.every(isSecret)
  );
}

function isSecret(fields: Partial<ForkSecret> | null): boolean {
  return Number.isSafeInteger(fields?.from) && isHash(fields?.secret);
}

function isHash(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 32;
}
