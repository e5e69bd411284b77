/**
 * Exactly one session per `Idempotency-Key`, without a table of keys: the random part of the
 * session's id is derived from the key, and the session itself is the memory. See
 * docs/decisions/0006-idempotency-keys.md.
 */
import { type Clock, newSessionId, type SessionId, sha256, utf8 } from "../base/index.ts";
import { folderOf } from "../disk/index.ts";
import { sessionFolder } from "../log/index.ts";
import type { Directory } from "../session/index.ts";

/** Characters of an id that its time of creation decides; what follows is random, or derived. */
const timeChars = "01234567-89ab".length;
const domain = "reach/idempotency-key/v1";

/** Sessions begun with a key that are remembered; those of others are found in the store. */
const rememberedMax = 10_000;

/** Finds the session of a key, and makes ids for keys that have none yet. */
export class KeyedSessions {
  readonly #directory: Directory;
  readonly #clock: Clock;
  /** By derived part: beginnings that the store may not show yet. None is given up. */
  readonly #underWay = new Map<string, Promise<SessionId>>();
  /** Those that this process has begun, the newest last. */
  readonly #remembered = new Map<string, SessionId>();

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * The session of `key`: the one that was begun with it, even if it has been removed since, or the
   * one that `begin` makes now. While that is under way, others with the same key wait for it; when
   * it fails, nothing has been begun.
   */
  async once(
    key: string,
    begin: (id: SessionId) => Promise<void>,
  ): Promise<{ id: SessionId; begun: boolean }> {
    const id = this.#idOf(key);
    const derived = id.slice(timeChars);
    const underWay = this.#underWay.get(derived);
    if (underWay !== undefined) return { id: await underWay, begun: false };
    const found = this.#remembered.get(derived) ?? this.#find(id, derived);
    if (found !== undefined) return { id: found, begun: false };
    const beginning = begin(id).then(() => id);
    this.#underWay.set(derived, beginning);
    try {
      await beginning;
      this.#remember(derived, id);
      return { id, begun: true };
    } finally {
      this.#underWay.delete(derived);
    }
  }

  /** A new id, made now, whose random part is the key's. */
  #idOf(key: string): SessionId {
    const workspace = this.#directory.workspace;
    const hash = sha256(utf8(`${domain}\0${workspace}\0${key}`));
    return newSessionId(this.#clock, () => hash.slice(0, 16));
  }

  /** Every session whose id ends like that lies in the same folder: ids are spread by their end. */
  #find(id: SessionId, derived: string): SessionId | undefined {
    const { disk, path } = this.#directory;
    const names = disk.list(folderOf(sessionFolder(path, id)));
    return names.find((name) => name.length === id.length && name.endsWith(derived));
  }

  #remember(derived: string, id: SessionId): void {
    this.#remembered.set(derived, id);
    if (this.#remembered.size <= rememberedMax) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}
