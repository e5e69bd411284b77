/**
 * Which sessions came from sources that begin alike, so that a longer version of one is recognised:
 * `imports/<hash of the first bytes>`, one JSON line per import. Only a hint: what it names is
 * compared by SHA-256, and without it an import makes a new session.
 */
import { fromUtf8, isSessionId, type SessionId, sha256, toHex, utf8 } from "../base/index.ts";
import { type Disk, readFile, replaceFile } from "../disk/index.ts";

/** First bytes of a source that stay the same while it grows: less than the first line of most. */
const headBytes = 128;
const linesMax = 1000;

/** Folder of the index in the directory `root`. */
export function importsFolder(root: string): string {
  return `${root}/imports`;
}

/** One import. */
export interface IndexedImport {
  readonly id: SessionId;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** The imports of a data directory by how their sources begin. */
export class ImportIndex {
  readonly #disk: Disk;
  readonly #folder: string;

  constructor(directory: { readonly disk: Disk; readonly path: string }) {
    this.#disk = directory.disk;
    this.#folder = importsFolder(directory.path);
  }

  #pathOf(head: Uint8Array): string {
    return `${this.#folder}/${toHex(sha256(head.subarray(0, headBytes))).slice(0, 32)}`;
  }

  /** Sessions whose sources began like `head`, each once, the newest last. */
  find(head: Uint8Array): IndexedImport[] {
    const path = this.#pathOf(head);
    if (!this.#disk.exists(path)) return [];
    const byId = new Map<SessionId, IndexedImport>();
    for (const line of fromUtf8(readFile(this.#disk, path)).split("\n")) {
      const entry = parseLine(line);
      if (entry) byId.set(entry.id, entry);
    }
    return [...byId.values()];
  }

  /** Notes an import. */
  async add(head: Uint8Array, entry: IndexedImport): Promise<void> {
    this.#disk.createFolder(this.#folder);
    const others = this.find(head).filter(({ id }) => id !== entry.id);
    const lines = [...others, entry].slice(-linesMax).map((one) => JSON.stringify(one));
    await replaceFile(this.#disk, this.#pathOf(head), utf8(`${lines.join("\n")}\n`));
  }
}

function parseLine(line: string): IndexedImport | undefined {
  try {
    const { id, size, sha256: hash } = JSON.parse(line) as Partial<IndexedImport>;
    if (typeof id !== "string" || !isSessionId(id) || typeof size !== "number") return undefined;
    return { id, size, sha256: String(hash) };
  } catch {
    return undefined;
  }
}
