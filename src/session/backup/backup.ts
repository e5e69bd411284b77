/**
 * A backup of one workspace while somebody writes it, or nobody does, without its lock: its journal
 * first, then its sessions, then its packs, then once more a look at what was removed meanwhile.
 * Why that order finds everything is in docs/decisions/0012-backup.md. What is new is gathered
 * beside the last backup, made durable, and only then put in its place.
 */
import { isSessionId, ReachError, type SessionId, utf8 } from "../../base/index.ts";
import { createFolders, type Disk, folderOf, readFile, replaceFile } from "../../disk/index.ts";
import { eventLogPath, HeldJournal, parseSegmentName, systemProcesses } from "../../log/index.ts";
import { importsFolder } from "../import-index.ts";
import { identityPath, keyPath, readIdentity } from "../keys.ts";
import { sessionFolderIds } from "../session-folders.ts";
import { isRemoved } from "../session-reader.ts";
import { applyBackup } from "./apply.ts";
import { applyPath, backupFolder, backupStatePath, gatheredFolder } from "./backup-folder.ts";
import type { BackupContext, BackupOutcome, BackupTrouble } from "./context.ts";
import { openIfThere } from "./log-copy.ts";
import { PackCopies } from "./pack-copy.ts";
import { SessionCopy } from "./session-copy.ts";
import { Staging } from "./staging.ts";

/** How a workspace is backed up. */
export interface BackupOptions {
  /** The disk of the data directory, and the workspace on it. */
  readonly source: Disk;
  readonly from: string;
  /** The disk of the backup, and the workspace in it. */
  readonly target: Disk;
  readonly to: string;
  /** Leaves the private key out, and takes it out of a backup that has it. */
  readonly withoutKeys?: boolean;
  /** Compares everything that is there already, and not only the ends of files. */
  readonly whole?: boolean;
  /** Boot id of the machine: after another start everything is compared. Default: asked for. */
  readonly boot?: string;
  readonly signal?: AbortSignal;
  /** Told of bytes that were copied and are there. */
  readonly onProgress?: (bytes: number) => void;
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** Asked between any two steps, for tests of what may happen there. */
  readonly turn?: () => Promise<void>;
}

/** What a backup of a workspace holds, and what was done. */
export interface BackupReport {
  readonly sessions: number;
  readonly events: number;
  /** Sessions of which a tombstone is there. */
  readonly removed: number;
  /** Bytes that were copied, and bytes of logs and packs that were there already. */
  readonly copiedBytes: number;
  readonly presentBytes: number;
  /** Sessions and packs that are not whole in the data directory. */
  readonly troubles: readonly BackupTrouble[];
  /**
   * Sessions of which the backup has more, and how many events the data directory has: what was
   * never acknowledged, and lost there with the power, or the end of a log.
   */
  readonly ahead: readonly { readonly id: SessionId; readonly events: number }[];
  /** Sessions that are only in the backup: given up since, or lost. */
  readonly onlyInBackup: readonly SessionId[];
}

/** What a backup says of itself. */
interface BackupState {
  readonly version: 1;
  readonly verifierKey: string;
  /** ISO 8601, UTC: when it began. Everything acknowledged before is in it. */
  readonly began: string;
  readonly boot: string;
  /** Packs with holes: number and offset of the first one. */
  readonly firm: readonly (readonly [number, number])[];
}

/** Others get their turn after so many milliseconds. */
const turnMs = 25;
/** How often sessions that change in an unexpected way are gathered again. */
const roundsMax = 10;

/**
 * Backs a workspace up. Throws `NOT_FOUND` where there is none, `CONFLICT` for a folder that holds
 * something else or has been written to since, `CORRUPT` for a journal that cannot be read,
 * `INTERRUPTED`, and what the disks throw; what was there stays, and the next one goes on.
 */
export async function backupWorkspace(options: BackupOptions): Promise<BackupReport> {
  const { target, to } = options;
  await applyBackup(target, to);
  const backup = new WorkspaceBackup(options);
  return backup.run();
}

class WorkspaceBackup {
  readonly #options: BackupOptions;
  readonly #staging: Staging;
  readonly #state: BackupState | undefined;
  readonly #sessions = new Map<SessionId, BackupOutcome | "removed">();
  readonly #packs = new Map<string, BackupOutcome>();
  #turned = performance.now();
  #presentBytes = 0;

  constructor(options: BackupOptions) {
    this.#options = options;
    const { target, to } = options;
    this.#staging = new Staging(target, to);
    this.#state = readState(target, to);
  }

  async run(): Promise<BackupReport> {
    const { source, from, target, to, boot = systemProcesses.self().boot } = this.#options;
    const { verifierKey } = readIdentity(source, from);
    const began = new Date().toISOString();
    checkTarget(target, to, verifierKey, this.#state);
    await createFolders(target, folderOf(to), backupFolder(to));
    this.#clearGathered();
    const pause = this.#options.pause ?? systemProcesses.pause;
    const turn = (): Promise<void> => this.#turn();
    const journal = await HeldJournal.read(source, from, pause, turn);
    let firm: BackupState["firm"];
    try {
      const whole = this.#options.whole === true || (this.#state?.boot ?? boot) !== boot;
      const staging = this.#staging;
      const context = { source, from, staging, journal, whole, pause, turn };
      firm = await this.#gather(context);
      await this.#staging.settle();
    } finally {
      journal.close();
      this.#staging.abandon();
    }
    const state: BackupState = { version: 1, verifierKey, began, boot, firm };
    checkTarget(target, to, verifierKey, this.#state);
    await replaceFile(target, applyPath(to), utf8(`${JSON.stringify(state)}\n`));
    await applyBackup(target, to);
    if (this.#options.withoutKeys) await removeKey(target, to);
    return this.#report();
  }

  /** Lets others have the thread. */
  async #turn(): Promise<void> {
    const { signal, turn, onProgress } = this.#options;
    if (turn) await turn();
    if (signal?.aborted) {
      throw new ReachError("INTERRUPTED", "the backup was interrupted: run it again to go on");
    }
    if (performance.now() - this.#turned < turnMs) return;
    onProgress?.(this.#staging.bytes + this.#presentBytes);
    if (!turn) await new Promise((resolve) => setImmediate(resolve));
    this.#turned = performance.now();
  }

  /**
   * What an interrupted backup has left. Of the first one, logs and packs are gone on with: they
   * may be nearly everything.
   */
  #clearGathered(): void {
    const { target, to } = this.#options;
    const gathered = gatheredFolder(to);
    const keeps = (name: string): boolean => {
      return this.#state === undefined && (name === "events.log" || name.endsWith(".pack"));
    };
    const clear = (folder: string): void => {
      for (const name of target.list(folder)) {
        const isFolder = foldersIn.has(name) || /^[0-9a-f]{2}$/.test(name) || isSessionId(name);
        if (!isFolder && !keeps(name)) target.remove(`${folder}/${name}`);
        if (isFolder) clear(`${folder}/${name}`);
        if (isFolder && target.list(`${folder}/${name}`).length === 0) {
          target.removeFolder(`${folder}/${name}`);
        }
      }
    };
    clear(gathered);
  }

  async #gather(context: BackupContext): Promise<BackupState["firm"]> {
    this.#gatherSmall(context);
    const ids = new Set<SessionId>(context.journal.sessions);
    for (const some of sessionFolderIds(context.source, context.from)) {
      for (const id of some) ids.add(id);
    }
    const packs = new PackCopies(context, new Map(this.#state?.firm ?? []));
    let wanted: Iterable<SessionId> = ids;
    for (let round = 1; ; round++) {
      await this.#gatherSessions(context, wanted, packs.overwrites);
      packs.again();
      await packs.gather((name, outcome) => {
        this.#presentBytes += outcome.presentBytes - (this.#packs.get(name)?.presentBytes ?? 0);
        this.#packs.set(name, outcome);
      });
      const again = await this.#lookBack(context);
      if (packs.overwrites) again.push(...this.#ahead().map(({ id }) => id));
      if (again.length === 0 || round === roundsMax) break;
      wanted = again;
    }
    return [...packs.firm];
  }

  /** What is replaced as a whole: the identity, and hints for imports. */
  #gatherSmall({ source, from, staging }: BackupContext): void {
    const copy = (path: string): void => {
      const bytes = openIfThere(() => readFile(source, path));
      if (bytes) staging.put(path.slice(from.length + 1), bytes);
    };
    copy(identityPath(from));
    if (!this.#options.withoutKeys) copy(keyPath(from));
    for (const name of source.list(importsFolder(from))) {
      if (/^[0-9a-f]{32}$/.test(name)) copy(`${importsFolder(from)}/${name}`);
    }
  }

  async #gatherSessions(
    context: BackupContext,
    ids: Iterable<SessionId>,
    cuts = false,
  ): Promise<void> {
    for (const id of ids) {
      const outcome = await new SessionCopy(context, id).gather(cuts);
      const before = this.#sessions.get(id);
      if (typeof before === "object") this.#presentBytes -= before.presentBytes;
      if (typeof outcome === "object") this.#presentBytes += outcome.presentBytes;
      if (outcome) this.#sessions.set(id, outcome);
      else this.#sessions.delete(id);
      await this.#turn();
    }
  }

  /**
   * Sessions that have been removed while the packs were read, whose payloads may be gone, and
   * imports that were given up with the session that they had begun. Returns those whose logs have
   * been replaced by shorter ones.
   */
  async #lookBack(context: BackupContext): Promise<SessionId[]> {
    const { source, from, journal, staging } = context;
    const again: SessionId[] = [];
    const { disk } = staging;
    for (const ids of sessionFolderIds(disk, gatheredFolder(this.#options.to))) {
      for (const id of ids) {
        const outcome = this.#sessions.get(id);
        if (outcome === "removed") continue;
        const copy = new SessionCopy(context, id);
        if (isRemoved(source, from, id)) await this.#gatherSessions(context, [id]);
        else if (!outcome) copy.drop();
        else {
          const log = openIfThere(() => source.open(eventLogPath(from, id), "read"));
          const size = log?.size();
          log?.close();
          const held = journal.ofSession(id).map(({ offset, length }) => offset + length);
          const end = Math.max(size ?? 0, ...held);
          if (end === 0) this.#forget(id, copy);
          else if (end < gatheredEnd(staging, id)) again.push(id);
        }
      }
      await this.#turn();
    }
    return again;
  }

  /** Sessions of which the backup has more than the data directory. */
  #ahead(): { readonly id: SessionId; readonly events: number }[] {
    return [...this.#sessions].flatMap(([id, outcome]) => {
      const events = outcome === "removed" ? undefined : outcome.ahead;
      return events === undefined ? [] : [{ id, events }];
    });
  }

  #forget(id: SessionId, copy: SessionCopy): void {
    copy.drop();
    this.#sessions.delete(id);
  }

  #report(): BackupReport {
    const { source, target, to, from } = this.#options;
    const outcomes = [...this.#sessions];
    const kept = outcomes.flatMap(([, outcome]) => (outcome === "removed" ? [] : [outcome]));
    const troubles: BackupTrouble[] = [];
    for (const [where, outcome] of [...outcomes, ...this.#packs]) {
      if (outcome === "removed" || outcome.trouble === undefined) continue;
      troubles.push({ where, message: outcome.trouble });
    }
    const onlyInBackup: SessionId[] = [];
    for (const ids of sessionFolderIds(target, to)) {
      for (const id of ids) {
        if (this.#sessions.has(id) || isRemoved(target, to, id)) continue;
        if (!source.exists(eventLogPath(from, id))) onlyInBackup.push(id);
      }
    }
    return {
      sessions: kept.length,
      events: kept.reduce((sum, { events }) => sum + events, 0),
      removed: outcomes.length - kept.length,
      copiedBytes: this.#staging.bytes,
      presentBytes: this.#presentBytes,
      troubles,
      ahead: this.#ahead(),
      onlyInBackup,
    };
  }
}

const foldersIn = new Set(["keys", "blobs", "imports", "sessions", "snapshots"]);

/** Bytes that the gathered log of a session will have. */
function gatheredEnd(staging: Staging, id: SessionId): number {
  const { disk } = staging;
  const folder = staging.path(`sessions/${id.slice(-2)}/${id}`);
  let end = 0;
  for (const name of disk.list(folder)) {
    const [, offset = "0"] = /^events\.log(?:@([0-9]+))?$/.exec(name) ?? [];
    if (!name.startsWith("events.log")) continue;
    const file = disk.open(`${folder}/${name}`, "read");
    end = Math.max(end, Number(offset) + file.size());
    file.close();
  }
  return end;
}

async function removeKey(disk: Disk, root: string): Promise<void> {
  if (!disk.exists(keyPath(root))) return;
  disk.remove(keyPath(root));
  await disk.syncFolder(`${root}/keys`);
}

/** What the last backup said of itself; nothing before the first one is complete. */
function readState(disk: Disk, root: string): BackupState | undefined {
  const path = backupStatePath(root);
  if (!disk.exists(path)) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(readFile(disk, path))) as BackupState;
  } catch {
    throw conflict(root, `${path} is damaged`);
  }
}

/** Throws unless what is there is a backup of this directory that nobody has written to. */
function checkTarget(
  disk: Disk,
  root: string,
  verifierKey: string,
  state: BackupState | undefined,
): void {
  if (state && state.version !== 1) {
    throw new ReachError("FORMAT_UNSUPPORTED", `the backup in ${root} is of a newer Reach`, {
      where: root,
      hint: "use that version, or a later one",
    });
  }
  if (state && state.verifierKey !== verifierKey) {
    throw conflict(root, "it is the backup of another data directory");
  }
  const names = disk.list(root);
  if (!state && names.some((name) => name !== "backup")) {
    throw conflict(root, "it holds something that is no backup");
  }
  const segments = disk.list(`${root}/journal`).some((name) => parseSegmentName(name));
  if (segments || names.some((name) => name.startsWith("lock."))) {
    throw conflict(root, "it has been opened for writing since: it is a data directory of its own");
  }
}

function conflict(where: string, how: string): ReachError {
  return new ReachError("CONFLICT", `${where} cannot be used for this backup: ${how}`, {
    where,
    hint: "nothing has changed; name another folder, a new one or an empty one",
  });
}
