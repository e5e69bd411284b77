/**
 * A session as a static transparency log (https://c2sp.org/tlog-tiles): a folder that any file
 * server can publish and anybody's tools can verify. Everything is computed from the events; the
 * root has to be the one that was signed before the checkpoint is written, last of all.
 */
import { equalBytes, ReachError, toHex } from "../base/index.ts";
import { type Disk, folderOf, nodeDisk } from "../disk/index.ts";
import { BatchWalk } from "../event/index.ts";
import {
  emptyRange,
  encodeEntryBundle,
  leafHash,
  RangeBuilder,
  storedLevelStep,
  type Tile,
  tilePath,
  tileWidth,
} from "../merkle/index.ts";
import type { SessionReader } from "./session-reader.ts";
import type { Progress } from "./verify-report.ts";

/** What was written. */
export interface TilesSummary {
  /** Events in the log: those that the newest checkpoint covers. */
  readonly events: number;
  /** Events behind the checkpoint, which are not in the log. */
  readonly unsigned: number;
  readonly root: string;
  readonly origin: string;
  readonly files: number;
  readonly bytes: number;
}

/** How tiles are written. */
export interface TilesOptions {
  readonly disk?: Disk;
  /** What it throws ends the export. */
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Writes `checkpoint`, `tile/<level>/…` and `tile/entries/…` into `folder`, which is empty or does
 * not exist. Throws `NOT_FOUND` when no checkpoint has been signed, `ALREADY_EXISTS` when there is
 * something in the folder, `CORRUPT` when the events are not those that were signed.
 */
export async function exportTlogTiles(
  reader: SessionReader,
  folder: string,
  { disk = nodeDisk, onProgress = () => {} }: TilesOptions = {},
): Promise<TilesSummary> {
  const signed = reader.signedNote();
  if (!signed) {
    throw new ReachError("NOT_FOUND", `session ${reader.id} has no checkpoint`, {
      where: reader.id,
      hint: "a checkpoint is signed when the session is closed",
    });
  }
  if (disk.list(folder).length > 0) {
    throw new ReachError("ALREADY_EXISTS", `${folder} is not empty`, { where: folder });
  }
  const { checkpoint, note } = signed;
  const tiles = new TileWriter(disk, folder);
  for (const batch of reader.batches(0, checkpoint.size)) {
    for (const walk = new BatchWalk(batch); walk.next() && walk.seq < checkpoint.size; ) {
      tiles.add(walk.event(), walk.preimage());
    }
    onProgress({ done: tiles.size, total: checkpoint.size, unit: "events" });
    // Files are written synchronously: others get their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  tiles.finish();
  const root = tiles.root();
  if (tiles.size !== checkpoint.size || !equalBytes(root, checkpoint.root)) {
    const what = `${tiles.size} events with the root ${toHex(root)}`;
    throw new ReachError("CORRUPT", `session ${reader.id} has ${what}: that was not signed`, {
      where: reader.id,
      hint: "`reach verify` names what is wrong",
    });
  }
  tiles.write("checkpoint", note);
  const { files, bytes } = tiles;
  const unsigned = reader.size - checkpoint.size;
  const { size: events, origin } = checkpoint;
  return { events, unsigned, root: toHex(root), origin, files, bytes };
}

/** Items of one row of tiles that wait until a tile is full. */
interface Row {
  readonly level: Tile["level"];
  index: number;
  items: Uint8Array[];
}

/** Collects entries and hashes into tiles. */
class TileWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #entries: Row = { level: "entries", index: 0, items: [] };
  readonly #levels: Row[] = [];
  readonly #range = new RangeBuilder(emptyRange(), (level, hash) => {
    this.#addHash(level / storedLevelStep, hash.slice());
  });
  files = 0;
  bytes = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#makeFolder(folder);
  }

  /** Entries so far. */
  get size(): number {
    return this.#range.end;
  }

  root(): Uint8Array {
    return this.#range.root();
  }

  add(entry: Uint8Array, preimage: Uint8Array): void {
    this.#put(this.#entries, Uint8Array.from(entry));
    const hash = leafHash(preimage);
    this.#addHash(0, hash);
    this.#range.append(hash);
  }

  /** Writes the tiles that are not full. */
  finish(): void {
    for (const row of [this.#entries, ...this.#levels]) this.#close(row);
  }

  write(path: string, content: Uint8Array): void {
    const whole = `${this.#folder}/${path}`;
    this.#makeFolder(folderOf(whole));
    const file = this.#disk.open(whole, "create");
    try {
      file.write(content, 0);
    } finally {
      file.close();
    }
    this.files += 1;
    this.bytes += content.length;
  }

  #addHash(level: number, hash: Uint8Array): void {
    this.#levels[level] ??= { level, index: 0, items: [] };
    this.#put(this.#levels[level], hash);
  }

  #put(row: Row, item: Uint8Array): void {
    row.items.push(item);
    if (row.items.length === tileWidth) this.#close(row);
  }

  #close(row: Row): void {
    const { level, index, items } = row;
    if (items.length === 0) return;
    const content = level === "entries" ? encodeEntryBundle(items) : Buffer.concat(items);
    this.write(tilePath({ level, index, width: items.length }), content);
    row.items = [];
    row.index += 1;
  }

  #makeFolder(path: string): void {
    if (path === "" || path === "." || this.#disk.exists(path)) return;
    this.#makeFolder(folderOf(path));
    this.#disk.createFolder(path);
  }
}
