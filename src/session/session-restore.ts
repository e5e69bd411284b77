/**
 * A bundle in the place of a session that is here and damaged, or has only a part of its events.
 * Nothing may be lost by that: every event that can still be read here has to be in the bundle,
 * byte for byte, and so has everything that was signed here. The new log is written beside the old
 * one and renamed over it; all the rest is derived, or was compared.
 */
import { codeOf, equalBytes, ReachError, type SessionId, sessionIdBytes } from "../base/index.ts";
import { type DiskFile, dropTemporary, replaceFile, temporarySuffix } from "../disk/index.ts";
import { BatchWalk } from "../event/index.ts";
import {
  checkpointPath,
  encodeEventLogHeader,
  eventLogPath,
  manifestPath,
  sessionFolder,
} from "../log/index.ts";
import { claimedWithin } from "./damage-search.ts";
import type { Directory } from "./directory.ts";
import { LogScan } from "./log-scan.ts";
import { encodeManifest, type Manifest } from "./manifest.ts";
import type { RootClaim } from "./root-marks.ts";
import { quarantinePath, readManifest, treePath } from "./session-reader.ts";
import { type SignedClaims, storedClaims } from "./signed-claims.ts";
import { ProblemList } from "./verify-report.ts";

/** The events of a log that can be read, whatever stands between them. */
class ReadableEvents {
  readonly #file: DiskFile | undefined;
  readonly #scan: LogScan | undefined;
  #walk: BatchWalk | undefined;
  /** Seq behind the events that there were by what is left of those that cannot be read. */
  lostUntil = 0;

  constructor({ disk, path }: Directory, id: SessionId) {
    const log = eventLogPath(path, id);
    if (!disk.exists(log)) return;
    this.#file = disk.open(log, "read");
    this.#scan = new LogScan(this.#file, sessionIdBytes(id), this.#file.size());
    this.next();
  }

  /** Seq of the event that it stands at; `undefined` behind the last one. */
  get seq(): number | undefined {
    return this.#walk?.seq;
  }

  /** Its bytes, valid until `next`. */
  get bytes(): Uint8Array {
    return (this.#walk as BatchWalk).event();
  }

  next(): void {
    while (!this.#walk?.next()) {
      this.#walk = undefined;
      const piece = this.#scan?.next();
      if (!piece) return;
      if ("batch" in piece) this.#walk = new BatchWalk(piece.batch);
      else {
        const claimed = claimedWithin(piece.damage, this.#scan as LogScan);
        this.lostUntil = Math.max(this.lostUntil, claimed);
      }
    }
  }

  close(): void {
    this.#file?.close();
  }
}

/** One session on its way back. */
export class SessionRestore {
  readonly #directory: Directory;
  readonly #manifest: Manifest;
  readonly #claims: SignedClaims;
  readonly #here: ReadableEvents;
  readonly #temporary: string;
  readonly #file: DiskFile;
  #end = 0;
  /** Events of the bundle so far. */
  #events = 0;
  #closed = false;
  /** Events that could still be read here. */
  found = 0;

  private constructor(directory: Directory, manifest: Manifest, here: ReadableEvents) {
    const { disk, path } = directory;
    const { id } = manifest;
    this.#directory = directory;
    this.#manifest = manifest;
    this.#here = here;
    this.#claims = storedClaims(directory, id, {}, new ProblemList(), (error) => error);
    this.#temporary = eventLogPath(path, id) + temporarySuffix;
    directory.checkLock();
    disk.remove(this.#temporary);
    this.#file = disk.open(this.#temporary, "create");
  }

  /** Throws `CONFLICT` while sessions are written, and for another manifest than that here. */
  static async begin(directory: Directory, manifest: Manifest): Promise<SessionRestore> {
    await directory.settle();
    const here = manifestHere(directory, manifest.id);
    if (here && !equalBytes(encodeManifest(here), encodeManifest(manifest))) {
      throw conflict(manifest.id, "its manifest is another one than that in the bundle");
    }
    const events = new ReadableEvents(directory, manifest.id);
    try {
      return new SessionRestore(directory, manifest, events);
    } catch (error) {
      events.close();
      throw error;
    }
  }

  /** What was signed here: roots that the events of the bundle have to come to. */
  get claims(): readonly RootClaim[] {
    return this.#claims.claims;
  }

  /** The next event of the bundle. Throws `CONFLICT` when it is another one here. */
  appendEvent(bytes: Uint8Array): void {
    const seq = this.#events;
    if (this.#here.seq === seq) {
      if (!equalBytes(this.#here.bytes, bytes)) {
        throw conflict(this.#manifest.id, `event ${seq} is another one than that in the bundle`);
      }
      this.found += 1;
      this.#here.next();
    }
    this.#events += 1;
  }

  /** The batch that those events stand in, as it is in a log. */
  appendBatch(bytes: Uint8Array): void {
    if (this.#end === 0) this.#write(encodeEventLogHeader(sessionIdBytes(this.#manifest.id)));
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.#file.write(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** All events have come. Throws `CONFLICT` when there is more here than in the bundle. */
  checkLoss(): void {
    const { id } = this.#manifest;
    const end = this.#events;
    const { seq, lostUntil } = this.#here;
    const last = seq ?? lostUntil - 1;
    if (last >= end)
      throw conflict(id, `it has an event ${last}, and the bundle has ${end} events`);
    for (const { size, holds, signedBy } of this.#claims.verified) {
      if (size > end)
        throw conflict(id, `${signedBy} signed ${size} events, the bundle has ${end}`);
      if (holds === false) throw conflict(id, `its events are not those that ${signedBy} signed`);
    }
    const { signed, wrong } = this.#claims.snapshots;
    const size = signed.at(-1)?.size ?? 0;
    if (size > end)
      throw conflict(id, `there is a snapshot after ${size} events, the bundle has ${end}`);
    if (wrong.length > 0)
      throw conflict(id, "its events are not those that a snapshot was taken of");
  }

  /** Everything in the bundle has been verified: it takes the place of what is here, durably. */
  async finish(): Promise<void> {
    const { disk, path } = this.#directory;
    const { id } = this.#manifest;
    const checkLock = (): void => this.#directory.checkLock();
    await this.#file.sync();
    this.#close();
    if (!manifestHere(this.#directory, id)) {
      await replaceFile(disk, manifestPath(path, id), encodeManifest(this.#manifest), checkLock);
    }
    checkLock();
    this.#directory.forgetSession(id);
    const folder = sessionFolder(path, id);
    disk.remove(`${folder}/events.idx`);
    disk.remove(treePath(path, id));
    // A checkpoint that cannot be opened keeps the next one from being signed.
    if (!this.#claims.verified.some(({ foreign }) => !foreign)) {
      disk.remove(checkpointPath(path, id));
    }
    disk.rename(this.#temporary, eventLogPath(path, id));
    await disk.syncFolder(folder);
    // Last: should we crash before, the session is whole and read-only, and this can be repeated.
    checkLock();
    disk.remove(quarantinePath(path, id));
    await disk.syncFolder(folder);
    await this.#directory.signSession(id);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
    this.#here.close();
  }

  /** Nothing of it stays. */
  discard(): void {
    this.#close();
    const { disk } = this.#directory;
    dropTemporary(disk, this.#temporary, () => this.#directory.checkLock());
  }
}

/** The manifest that is here, unless it is lost or damaged. */
function manifestHere({ disk, path }: Directory, id: SessionId): Manifest | undefined {
  try {
    return readManifest(disk, path, id);
  } catch (error) {
    const code = codeOf(error);
    if (code === "CORRUPT" || code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function conflict(id: SessionId, how: string): ReachError {
  return new ReachError("CONFLICT", `session ${id} is not a part of the bundle: ${how}`, {
    where: id,
    hint: "nothing has changed; import the bundle into another data directory (--data)",
  });
}
