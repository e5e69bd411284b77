/**
 * The registry of sessions that have not ended: which ones there are, when the next timer of each
 * is due, and which have something to go on with. Derived from the logs and only there so that an
 * engine opens without reading them; written now and then, and when it closes. An engine that opens
 * says first that it may be behind from now on.
 *
 *   0  u32 magic "RREG"   u32 bytes of the content   u32 CRC-32 of the content
 *  12  content: CBOR [version, ends clean, [[id, due or null, whether it goes on by itself, bytes
 *      of its log where it was put to sleep, else null], ...]]; earlier versions of Reach wrote,
 *      and read, the first three of an entry
 */
import {
  assert,
  crc32,
  decodeValue,
  encodeValue,
  readU32,
  type SessionId,
  sessionIdBytes,
  sessionIdOf,
  writeU32,
} from "../base/index.ts";
import { type Disk, readFile, replaceFile } from "../disk/index.ts";

const magic = 0x47455252;
const headerBytes = 12;
const version = 1;
/** Where the content says whether it ends clean: behind the heads of the array and the version. */
const cleanAt = headerBytes + 2;
const [cleanByte, behindByte] = [0xf5, 0xf4];

/** What is known of a session that has not ended. */
export interface RegistryEntry {
  /** When its next timer is due, milliseconds since the epoch. */
  readonly due: number | null;
  /** Whether it goes on without a timer and without anybody's doing. */
  readonly runnable: boolean;
  /**
   * Bytes of its log when it was put to sleep with nothing under way: while the log is as long, it
   * has nothing to go on with, whatever has happened to the engine.
   */
  readonly logBytes?: number | undefined;
}

/** What a registry file says. */
export interface RegistryContent {
  /** Whether it was written when the engine closed; else it may be behind the logs. */
  readonly clean: boolean;
  readonly sessions: ReadonlyMap<SessionId, RegistryEntry>;
}

function registryPath(root: string): string {
  return `${root}/engine.registry`;
}

/** Reads the registry of a data directory; `undefined` when it is missing or damaged. */
export function readRegistry(disk: Disk, root: string): RegistryContent | undefined {
  const path = registryPath(root);
  if (!disk.exists(path)) return undefined;
  const bytes = readFile(disk, path);
  if (bytes.length < headerBytes || readU32(bytes, 0) !== magic) return undefined;
  const content = bytes.subarray(headerBytes);
  if (content.length !== readU32(bytes, 4) || crc32(content) !== readU32(bytes, 8)) {
    return undefined;
  }
  const [written, clean, entries] = decodeValue(content) as [number, boolean, unknown[]];
  if (written !== version) return undefined;
  const sessions = new Map<SessionId, RegistryEntry>();
  for (const entry of entries) {
    const [id, due, runnable, bytes] = entry as [Uint8Array, number | null, boolean, unknown];
    const logBytes = typeof bytes === "number" ? bytes : undefined;
    sessions.set(sessionIdOf(id), { due, runnable, logBytes });
  }
  return { clean, sessions };
}

/** Writes it, whole or not at all. */
export async function writeRegistry(
  disk: Disk,
  root: string,
  { clean, sessions }: RegistryContent,
): Promise<void> {
  const entries = [...sessions].map(([id, { due, runnable, logBytes }]) => {
    return [sessionIdBytes(id), due, runnable, logBytes ?? null];
  });
  const content = encodeValue([version, clean, entries]);
  const bytes = new Uint8Array(headerBytes + content.length);
  writeU32(bytes, 0, magic);
  writeU32(bytes, 4, content.length);
  writeU32(bytes, 8, crc32(content));
  bytes.set(content, headerBytes);
  await replaceFile(disk, registryPath(root), bytes);
}

/**
 * Has the registry say, durably, that it may be behind the logs, and otherwise what it said when it
 * was read. One that says so already stays: whoever wrote it may only have been killed before its
 * name was durable, and then the one before could come back.
 */
export async function markBehind(
  disk: Disk,
  root: string,
  { clean }: RegistryContent,
): Promise<void> {
  if (!clean) {
    await disk.syncFolder(root);
    return;
  }
  const bytes = readFile(disk, registryPath(root));
  assert(bytes[cleanAt] === cleanByte, "a registry that was read as clean says so");
  bytes[cleanAt] = behindByte;
  writeU32(bytes, 8, crc32(bytes.subarray(headerBytes)));
  await replaceFile(disk, registryPath(root), bytes);
}

/**
 * Has the next engine look for a session that is about to be made without one, durably. Where it
 * does not come to be, the engine finds that out.
 */
export async function enterSession(disk: Disk, root: string, id: SessionId): Promise<void> {
  const registry = readRegistry(disk, root);
  // One that is missing or may be behind has everything looked for.
  if (!registry?.clean || registry.sessions.has(id)) return;
  const sessions = new Map([...registry.sessions, [id, { due: null, runnable: true }] as const]);
  await writeRegistry(disk, root, { clean: true, sessions });
}
