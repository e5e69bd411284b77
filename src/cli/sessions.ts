/**
 * The way to sessions: opening the data directory, and finding the session that somebody means by
 * the beginning of its id.
 */
import { codeOf, isSessionId, messageOf, ReachError, type SessionId } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import { Directory, hasIdentity, type RecoveryReport } from "../session/index.ts";
import type { Invocation } from "./invocation.ts";
import { counted } from "./quantity.ts";
import { checkDataFolder } from "./settings.ts";
import { closest } from "./suggest.ts";
import { oneLine } from "./terminal-text.ts";

/**
 * Fewest characters of an id that are shown: those of its time, to the millisecond. With fewer,
 * what `import` has printed would be ambiguous after the next import.
 */
const shortIdChars = 13;
const candidatesShown = 8;

/** Opens the data directory for reading, runs `work`, closes it. */
export async function withReader<Result>(
  { settings }: Invocation,
  work: (directory: Directory) => Promise<Result>,
): Promise<Result> {
  checkDataFolder(settings);
  const directory = await Directory.open({ path: settings.folder, mode: "read" });
  return closing(directory, work);
}

/** How a directory is opened for writing. */
export interface WriterOptions {
  /** Makes the directory when there is none. */
  readonly create?: boolean;
  readonly takeOver?: boolean;
}

/** Opens the data directory for writing, runs `work`, closes it; says what was recovered. */
export async function withWriter<Result>(
  invocation: Invocation,
  options: WriterOptions,
  work: (directory: Directory) => Promise<Result>,
): Promise<Result> {
  return closing(await openWriter(invocation, options), work);
}

/** The same, but reads when it cannot be opened for writing, and says so. */
export async function withWriterOrReader<Result>(
  invocation: Invocation,
  without: string,
  work: (directory: Directory) => Promise<Result>,
): Promise<Result> {
  let directory: Directory;
  try {
    directory = await openWriter(invocation, {});
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    invocation.output.note(`${without}: ${messageOf(error)}`);
    return withReader(invocation, work);
  }
  return closing(directory, work);
}

/** Whether a directory cannot be written now, but perhaps read. */
function isUnwritable(error: unknown): boolean {
  const code = codeOf(error);
  return code === "LOCKED" || code === "DISK_FULL" || isForbidden(error);
}

function isForbidden(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : null;
  const forbidden = ["EACCES", "EPERM", "EROFS"].includes(cause?.code ?? "");
  return codeOf(error) === "IO_FAILED" && forbidden;
}

function mayNotBeWritten(path: string, error: unknown): ReachError {
  return new ReachError("IO_FAILED", `${path} may not be written: ${messageOf(error)}`, {
    where: path,
    hint: "check who owns it and its permissions; to look at sessions reading is enough",
    cause: error instanceof Error ? error.cause : error,
  });
}

async function openWriter(invocation: Invocation, options: WriterOptions): Promise<Directory> {
  const { settings, output } = invocation;
  checkDataFolder(settings);
  const path = settings.folder;
  if (!options.create && !hasIdentity(nodeDisk, path)) {
    throw new ReachError("NOT_FOUND", `there is no Reach data directory at ${path}`, {
      where: path,
      hint: "give the folder with --data or REACH_DATA, or import something first",
    });
  }
  let directory: Directory;
  try {
    directory = await Directory.open({
      path,
      mode: "write",
      takeOver: options.takeOver === true,
      onTrouble: (trouble) => output.note(trouble),
    });
  } catch (error) {
    throw isForbidden(error) ? mayNotBeWritten(path, error) : error;
  }
  if (directory.recovery) for (const line of recoveryLines(directory.recovery)) output.note(line);
  return directory;
}

async function closing<Result>(
  directory: Directory,
  work: (directory: Directory) => Promise<Result>,
): Promise<Result> {
  let result: Result;
  try {
    result = await work(directory);
  } catch (error) {
    // The first error is the one that explains; closing may fail for the same reason.
    await directory.close().catch(() => {});
    throw error;
  }
  await directory.close();
  return result;
}

/** What opening for writing has found, where it is worth a word: nothing after a clean close. */
export function recoveryLines(recovery: RecoveryReport): string[] {
  const lines: string[] = [];
  for (const { id, size } of recovery.cut) {
    lines.push(`session ${id}: an interrupted import ends at ${counted(size, "event")}`);
  }
  if (recovery.torn) {
    lines.push(
      "the last group of a writer that crashed was torn: never acknowledged, " +
        `and kept as ${recovery.torn.savedAs}`,
    );
  }
  for (const { path, offset } of recovery.damage) {
    lines.push(`the journal is damaged: ${path} at byte ${offset}`);
  }
  for (const { id, seq } of recovery.quarantined) {
    lines.push(`session ${id} is read-only from now on: event ${seq} may be wrong or missing`);
  }
  return lines;
}

/**
 * The session that `text` names: an id, or the beginning of exactly one. Throws `NOT_FOUND` with
 * what may have been meant, `USAGE` with the candidates when several ids begin like that.
 */
export function resolveSession(directory: Directory, text: string): SessionId {
  const wanted = wantedId(text);
  const ids = directory.sessionIds();
  // One that was removed has its own error.
  if (isSessionId(wanted) && !ids.includes(wanted)) requireSession(directory, wanted, ids);
  return resolveAmong(ids, text, (id) => nameOf(directory, id));
}

/** What somebody means by an id that is cut, as it is printed or copied. */
export function wantedId(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/(?:…|\.{2,3})$/, "");
}

/** Whether an id can begin with `wanted`. */
export function isBeginning(wanted: string): boolean {
  return /^[0-9a-f][0-9a-f-]{0,35}$/.test(wanted);
}

/** The one of `ids`, oldest first, that `text` names. Throws as `resolveSession`. */
export function resolveAmong(
  ids: readonly SessionId[],
  text: string,
  name: (id: SessionId) => string,
): SessionId {
  const wanted = wantedId(text);
  if (ids.includes(wanted)) return wanted;
  const found = isBeginning(wanted) ? ids.filter((id) => id.startsWith(wanted)) : [];
  if (found.length > 1) throw ambiguous(text, found, name);
  const [id] = found;
  if (id === undefined) throw unknownSession(text, wanted, ids);
  return id;
}

function requireSession(directory: Directory, id: SessionId, ids: readonly SessionId[]): void {
  try {
    directory.session(id).close();
  } catch (error) {
    throw codeOf(error) === "NOT_FOUND" ? unknownSession(id, id, ids) : error;
  }
}

function unknownSession(text: string, wanted: string, ids: readonly SessionId[]): ReachError {
  const shown = oneLine(text);
  return new ReachError("NOT_FOUND", `there is no session ${shown === "" ? '""' : shown}`, {
    hint: didYouMeanId(wanted, ids) ?? "`reach ls` shows the sessions of this data directory",
  });
}

/** Ids whose beginnings are close to a mistyped one. */
function didYouMeanId(wanted: string, ids: readonly SessionId[]): string | undefined {
  if (wanted.length < 4 || wanted.length > 36) return undefined;
  const beginnings = new Map(ids.map((id) => [id.slice(0, wanted.length), id]));
  const [nearest] = closest(wanted, beginnings.keys());
  const id = nearest === undefined ? undefined : beginnings.get(nearest);
  return id === undefined ? undefined : `did you mean ${id}?`;
}

function ambiguous(
  text: string,
  found: readonly SessionId[],
  name: (id: SessionId) => string,
): ReachError {
  const newest = found.slice(-candidatesShown).reverse();
  const lines = newest.map((id) => `${id}  ${name(id)}`.trimEnd());
  const more = found.length - newest.length;
  if (more > 0) lines.push(`and ${counted(more, "older one")}`);
  return new ReachError("USAGE", `${text} is the beginning of ${counted(found.length, "id")}`, {
    hint: lines.join("\n"),
  });
}

function nameOf(directory: Directory, id: SessionId): string {
  try {
    const session = directory.session(id);
    session.close();
    return oneLine(session.manifest.name);
  } catch {
    return "(damaged)";
  }
}

/** The shortest beginnings, all of one length, that tell `ids` apart; at least 13 characters. */
export function shortIdLength(ids: readonly SessionId[]): number {
  const sorted = [...ids].sort();
  let length = shortIdChars;
  for (let i = 1; i < sorted.length; i++) {
    const a = sorted[i - 1] as SessionId;
    const b = sorted[i] as SessionId;
    let same = 0;
    while (same < a.length && a[same] === b[same]) same += 1;
    length = Math.max(length, same + 1);
  }
  return length;
}

/** The shortest beginning of `id` that no other one has; at least 13 characters. */
export function shortId(id: SessionId, ids: readonly SessionId[]): string {
  let length = shortIdChars;
  for (const other of ids) {
    if (other === id) continue;
    while (length < id.length && other.startsWith(id.slice(0, length))) length += 1;
  }
  return id.slice(0, length);
}
