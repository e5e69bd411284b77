/**
 * Tokens: one file each in `<data>/.access`, holding the hash of the secret, never the secret.
 * Files are created exclusively and removed whole, so that any number of processes may create and
 * revoke while the server runs; it looks at a token's file again after a second at the latest.
 *
 *   <data>/.access/<12 hex digits>.json   {"version": 1, "workspace", "name", "scopes",
 *                                          "created", "expires", "sha256"}
 *   token   reach_<12 hex digits>_<43 characters base64url: 32 random bytes>
 */
import { timingSafeEqual } from "node:crypto";
import { codeOf, ReachError, sha256, systemEntropy, toHex, utf8 } from "../../base/index.ts";
import { createFolders, type Disk, folderOf, readFile, replaceFile } from "../../disk/index.ts";
import { isScope, type Scope } from "./scopes.ts";

/** What is known of a token; the secret is not. */
export interface TokenRecord {
  /** 12 hexadecimal digits; part of the token, and what it is called in lists and logs. */
  readonly id: string;
  readonly workspace: string;
  /** What people call it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly expires: number | null;
}

/** What a new token is to be. */
export interface NewToken {
  readonly workspace: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expires?: number | null;
}

interface Stored extends TokenRecord {
  /** SHA-256 of the whole token, 32 bytes. */
  readonly hash: Uint8Array;
}

const idPattern = /^[0-9a-f]{12}$/;
const tokenPattern = /^reach_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
/** A file that was looked at so many milliseconds ago is believed. */
const believedMs = 1000;
const nobody = new Uint8Array(32);

const unknown = { at: Number.NEGATIVE_INFINITY, value: false };

/** The tokens of a data directory. */
export class TokenStore {
  readonly #disk: Disk;
  readonly #data: string;
  readonly #folder: string;
  readonly #clock: () => number;
  readonly #passed: () => number;
  readonly #seen = new Map<string, { readonly at: number; readonly stored: Stored | undefined }>();
  #any = unknown;

  /**
   * `clock` says the time, in milliseconds since the epoch; `passed` how many milliseconds have
   * passed, whatever becomes of the time: a clock that is set back must not keep tokens alive.
   */
  constructor(
    disk: Disk,
    data: string,
    clock: () => number = Date.now,
    passed: () => number = () => performance.now(),
  ) {
    this.#disk = disk;
    this.#data = data;
    this.#folder = `${data}/.access`;
    this.#clock = clock;
    this.#passed = passed;
  }

  /** Whether there is any token: without one the server serves this machine only. */
  get any(): boolean {
    const now = this.#passed();
    if (now - this.#any.at >= believedMs) this.#any = { at: now, value: this.#ids().length > 0 };
    return this.#any.value;
  }

  /**
   * The token that a request carries, or `undefined` if it is none that counts now. Takes the same
   * time whatever is wrong with the secret.
   */
  find(token: string): TokenRecord | undefined {
    const id = tokenPattern.exec(token)?.[1];
    const stored = id === undefined ? undefined : this.#look(id);
    const same = timingSafeEqual(sha256(utf8(token)), stored?.hash ?? nobody);
    if (!stored || !same) return undefined;
    if (stored.expires !== null && stored.expires <= this.#clock()) return undefined;
    return stored;
  }

  /** Creates a token. The text is shown once and known to nobody afterwards. */
  async create(request: NewToken): Promise<{ record: TokenRecord; token: string }> {
    const id = toHex(systemEntropy(6));
    const secret = Buffer.from(systemEntropy(32)).toString("base64url");
    const token = `reach_${id}_${secret}`;
    const { workspace, name, scopes, expires = null } = request;
    const record: TokenRecord = {
      id,
      workspace,
      name,
      scopes: [...scopes],
      created: this.#clock(),
      expires,
    };
    const { id: _, ...fields } = record;
    const hash = toHex(sha256(utf8(token)));
    const text = `${JSON.stringify({ version: 1, ...fields, sha256: hash })}\n`;
    await createFolders(this.#disk, folderOf(this.#data), this.#folder);
    // Whole or not there: half of a token would have everybody asked for one that nobody has.
    await replaceFile(this.#disk, this.#path(id), utf8(text));
    this.#any = unknown;
    return { record, token };
  }

  /** All tokens, oldest first. */
  list(): TokenRecord[] {
    const found = this.#ids().flatMap((id) => this.#read(id) ?? []);
    return found
      .map(({ hash: _, ...record }) => record)
      .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  }

  /** Removes a token; running servers refuse it after a second. Throws `NOT_FOUND`. */
  async revoke(id: string): Promise<void> {
    if (!idPattern.test(id) || !this.#disk.exists(this.#path(id))) {
      throw new ReachError("NOT_FOUND", `there is no token ${id}`, {
        hint: "`reach token ls` shows the tokens",
      });
    }
    this.#disk.remove(this.#path(id));
    await this.#disk.syncFolder(this.#folder);
    this.#seen.delete(id);
    this.#any = unknown;
  }

  #look(id: string): Stored | undefined {
    const now = this.#passed();
    const seen = this.#seen.get(id);
    if (seen && now - seen.at < believedMs) return seen.stored;
    const stored = this.#read(id);
    // Only what exists is remembered: guesses must not fill the memory.
    if (stored) this.#seen.set(id, { at: now, stored });
    else this.#seen.delete(id);
    return stored;
  }

  /** The token of a file; `undefined` for one that is not there or not a token's. */
  #read(id: string): Stored | undefined {
    try {
      const value: unknown = JSON.parse(
        Buffer.from(readFile(this.#disk, this.#path(id))).toString(),
      );
      return storedToken(id, value);
    } catch (error) {
      if (error instanceof SyntaxError || codeOf(error) === "NOT_FOUND") return undefined;
      throw error;
    }
  }

  #ids(): string[] {
    return this.#disk.list(this.#folder).flatMap((name) => {
      const id = name.endsWith(".json") ? name.slice(0, -".json".length) : "";
      return idPattern.test(id) ? [id] : [];
    });
  }

  #path(id: string): string {
    return `${this.#folder}/${id}.json`;
  }
}

function storedToken(id: string, value: unknown): Stored | undefined {
  const fields = (value ?? {}) as Record<string, unknown>;
  const { version, workspace, name, scopes, created, expires = null, sha256: hex } = fields;
  const hash = typeof hex === "string" ? Buffer.from(hex, "hex") : nobody;
  const whole =
    version === 1 &&
    typeof workspace === "string" &&
    typeof name === "string" &&
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === "string" && isScope(scope)) &&
    typeof created === "number" &&
    (expires === null || typeof expires === "number") &&
    hash.length === 32;
  if (!whole) return undefined;
  return { id, workspace, name, scopes: scopes as Scope[], created, expires, hash };
}
