/**
 * Which entries a writer may count on instead of writing them again: those it remembers, and those
 * of older packs, each read and verified once before it is trusted.
 */
import { equalBytes } from "../base/index.ts";
import { type Entry, EntryWindow } from "./entry-window.ts";
import { KnownChunks } from "./known-chunks.ts";
import { entryKinds } from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";

/** Older packs that are asked for an entry before it is written again, those used last first. */
const packsAskedMax = 256;

/** Where an entry lies. */
export interface EntryAddress {
  readonly pack: number;
  readonly offset: number;
}

/** The memory of what is stored, shared by the writers of one store. */
export class KnownEntries {
  readonly #packs: PackSet;
  readonly #window = new EntryWindow();
  readonly table: KnownChunks;

  constructor(packs: PackSet, slotsMax: number) {
    this.#packs = packs;
    this.table = new KnownChunks(slotsMax);
  }

  /** Where the table says that `hash` lies. */
  remembered(hash: Uint8Array): EntryAddress | undefined {
    const slot = this.table.find(hash);
    if (slot < 0) return undefined;
    return { pack: this.table.packAt(slot), offset: this.table.offsetAt(slot) };
  }

  /** Looks for bytes with that hash in older packs; remembers them when they verify. */
  verifiedBytes(hash: Uint8Array): EntryAddress | undefined {
    return this.#verified(hash, (entry) => entry.kind !== entryKinds.blob && entry.isTrue());
  }

  /** Looks for exactly that `blob` entry in older packs. */
  verifiedBlob(name: Uint8Array, content: Uint8Array): EntryAddress | undefined {
    return this.#verified(
      name,
      (entry) => entry.kind === entryKinds.blob && equalBytes(entry.content, content),
    );
  }

  #verified(hash: Uint8Array, judge: (entry: Entry) => boolean): EntryAddress | undefined {
    let address: EntryAddress | undefined;
    this.#packs.find(
      hash,
      (pack, offset) => {
        if (offset >= pack.trustedTo) return false;
        const entry = this.#window.at(pack, offset);
        if (!entry?.hasHash(hash) || !entry.isValid() || !judge(entry)) {
          // Perhaps it was read before it was written.
          this.#window.clear();
          return false;
        }
        if (offset + entry.size > pack.trustedTo) return false;
        address = { pack: pack.number, offset };
        return true;
      },
      packsAskedMax,
    );
    if (address) this.table.add(hash, address.pack, address.offset);
    return address;
  }
}
