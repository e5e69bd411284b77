/**
 * The folders of a simulated disk, twice: the names that programs see and the names that are
 * durable. Between the two lie the changes that no folder sync has covered yet.
 */
import { ReachError } from "../../src/base/index.ts";
import { FileContent } from "./file-content.ts";
import type { Random } from "./random.ts";

/** A folder: names and the numbers of the nodes they stand for. */
export interface Folder {
  readonly owner: number;
  readonly names: Map<string, number>;
  readonly durable: Map<string, number>;
}

/** A file or a folder. */
export type Node = FileContent | Folder;

/** A name in a folder. */
export interface Slot {
  readonly folder: number;
  readonly name: string;
}

/** One change of names that is all or nothing; `from` and `to` set: a rename. */
export interface NameChange {
  readonly index: number;
  readonly node: number;
  readonly from: Slot | undefined;
  readonly to: Slot | undefined;
  /** A folder sync that should have covered it failed: no later one does. */
  readonly forgotten: boolean;
}

/** Which changes of names survive a power failure. */
export type NameFate = "all" | "none" | "prefix" | "prefix of each folder" | "any";

/** The number of the topmost folder. */
export const rootNode = 1;

/** Whether a node is a folder. */
export function isFolder(node: Node | undefined): node is Folder {
  return node !== undefined && !(node instanceof FileContent);
}

/** Paths that were taken apart: every operation names one, and mostly one of those before. */
const knownParts = new Map<string, readonly string[]>();
const knownPartsMax = 4096;

/** The names of `path` from the root; relative paths start there, too. */
export function pathParts(path: string): readonly string[] {
  const known = knownParts.get(path);
  if (known !== undefined) return known;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (knownParts.size >= knownPartsMax) knownParts.clear();
  knownParts.set(path, parts);
  return parts;
}

function failure(code: "NOT_FOUND" | "ALREADY_EXISTS" | "IO_FAILED", path: string, what: string) {
  return new ReachError(code, `${what}: ${path}`, { where: path });
}

/** A tree of folders and files. Only the disk named by `owner` may change it. */
export class Namespace {
  owner: number;
  #nodes = new Map<number, Node>();
  #pending: NameChange[] = [];
  #lastNode = rootNode;
  #lastChange = 0;
  #sweepAt = 32;

  constructor(owner: number) {
    this.owner = owner;
    this.#nodes.set(rootNode, { owner, names: new Map(), durable: new Map() });
  }

  /** The same tree for another disk; nodes are shared until one of the two changes them. */
  copy(owner: number): Namespace {
    const copy = new Namespace(owner);
    copy.#nodes = new Map(this.#nodes);
    copy.#pending = this.#pending.slice();
    copy.#lastNode = this.#lastNode;
    copy.#lastChange = this.#lastChange;
    copy.#sweepAt = this.#sweepAt;
    return copy;
  }

  node(id: number): Node | undefined {
    return this.#nodes.get(id);
  }

  /** The file `id`, for reading. */
  file(id: number): FileContent {
    return this.#nodes.get(id) as FileContent;
  }

  /** The file `id`, for writing: copied first when another disk shares it. */
  ownFile(id: number): FileContent {
    const file = this.file(id);
    if (file.owner === this.owner) return file;
    const own = file.copy(this.owner);
    this.#nodes.set(id, own);
    return own;
  }

  #ownFolder(id: number): Folder {
    const folder = this.#nodes.get(id) as Folder;
    if (folder.owner === this.owner) return folder;
    const { names, durable } = folder;
    const own = { owner: this.owner, names: new Map(names), durable: new Map(durable) };
    this.#nodes.set(id, own);
    return own;
  }

  /** The node that `path` names now. */
  find(path: string): number | undefined {
    return path === "" ? undefined : this.#walk(path, pathParts(path));
  }

  #walk(path: string, parts: readonly string[]): number | undefined {
    let id = rootNode;
    for (const part of parts) {
      const folder = this.#nodes.get(id);
      if (!isFolder(folder)) throw failure("IO_FAILED", path, "not a folder on the way");
      const next = folder.names.get(part);
      if (next === undefined) return undefined;
      id = next;
    }
    return id;
  }

  /** The slot of `path` in its folder, which must exist. */
  slot(path: string): Slot {
    const parts = pathParts(path);
    const name = parts.at(-1);
    if (name === undefined) throw failure("IO_FAILED", path, "the root has no name");
    const folder = this.#walk(path, parts.slice(0, -1));
    if (folder === undefined) throw failure("NOT_FOUND", path, "no such folder");
    if (!isFolder(this.#nodes.get(folder))) throw failure("IO_FAILED", path, "not a folder");
    return { folder, name };
  }

  at(slot: Slot): number | undefined {
    return (this.#nodes.get(slot.folder) as Folder).names.get(slot.name);
  }

  /** Gives a new file or folder a name. */
  create(slot: Slot, kind: "file" | "folder"): number {
    const { owner } = this;
    const id = ++this.#lastNode;
    const folder = () => ({ owner, names: new Map<string, number>(), durable: new Map() });
    this.#nodes.set(id, kind === "file" ? new FileContent(owner) : folder());
    this.#change(id, undefined, slot);
    return id;
  }

  unlink(slot: Slot): void {
    this.#change(this.at(slot) as number, slot, undefined);
  }

  rename(from: Slot, to: Slot): void {
    const id = this.at(from) as number;
    if (this.at(to) !== id) this.#change(id, from, to);
  }

  #change(node: number, from: Slot | undefined, to: Slot | undefined): void {
    if (from !== undefined) this.#ownFolder(from.folder).names.delete(from.name);
    if (to !== undefined) this.#ownFolder(to.folder).names.set(to.name, node);
    this.#pending.push({ index: ++this.#lastChange, node, from, to, forgotten: false });
  }

  /** Number of the latest change, for `syncFolder`. */
  get lastChange(): number {
    return this.#lastChange;
  }

  /** Makes the changes of a folder up to number `last` durable, and those they stand on. */
  syncFolder(id: number, last: number): void {
    this.#settle((change) => change.index <= last && !change.forgotten && touches(change, id));
  }

  /** The file system commits what happened up to some moment by itself, as it may at any time. */
  writeBack(random: Random): void {
    const last = this.#pending[random.int(this.#pending.length)]?.index ?? 0;
    this.#settle((change) => change.index <= last && !change.forgotten);
  }

  /** A folder sync fails: each of its changes may now never be covered by another one. */
  failSyncFolder(id: number, random: Random): void {
    const forgetting = random.pick([0, 1]);
    this.#pending = this.#pending.map((change) =>
      touches(change, id) && random.chance(forgetting) ? { ...change, forgotten: true } : change,
    );
  }

  #settle(wanted: (change: NameChange) => boolean): void {
    const slots = new Set<string>();
    const settled = new Set<NameChange>();
    // Backwards, so that an earlier change of a name that a wanted one uses is wanted, too.
    for (const change of this.#pending.toReversed()) {
      if (!wanted(change) && !slotsOf(change).some((slot) => slots.has(slot))) continue;
      for (const slot of slotsOf(change)) slots.add(slot);
      settled.add(change);
    }
    for (const change of this.#pending) {
      if (settled.has(change)) applyTo((folder) => this.#ownFolder(folder).durable, change);
    }
    this.#pending = this.#pending.filter((change) => !settled.has(change));
  }

  /** Numbers of the files that `unsynced` says a power failure could change. */
  unsyncedFiles(): number[] {
    const found: number[] = [];
    for (const [id, node] of this.#nodes) {
      if (node instanceof FileContent && node.unsynced) found.push(id);
    }
    return found;
  }

  /** Every path and its node, as programs see them, in the order of names. */
  *paths(): Generator<[path: string, node: Node]> {
    const walk = function* (
      nodes: Map<number, Node>,
      id: number,
      prefix: string,
    ): Generator<[string, Node]> {
      const { names } = nodes.get(id) as Folder;
      for (const name of [...names.keys()].sort()) {
        const next = names.get(name) as number;
        const node = nodes.get(next) as Node;
        yield [prefix + name, node];
        if (isFolder(node)) yield* walk(nodes, next, `${prefix + name}/`);
      }
    };
    yield* walk(this.#nodes, rootNode, "/");
  }

  /** What a power failure leaves: names by `fate`, content by `contentOf`. */
  surviving(
    owner: number,
    fate: NameFate,
    random: Random,
    contentOf: (file: FileContent) => FileContent,
  ): Namespace {
    const durable = new Map<number, Map<string, number>>();
    const durableOf = (id: number): Map<string, number> => {
      const known = durable.get(id);
      if (known !== undefined) return known;
      const copy = new Map((this.#nodes.get(id) as Folder).durable);
      durable.set(id, copy);
      return copy;
    };
    for (const change of survivors(this.#pending, fate, random)) applyTo(durableOf, change);
    const rest = new Namespace(owner);
    rest.#lastNode = this.#lastNode;
    rest.#nodes.clear();
    const walk = (id: number): void => {
      if (rest.#nodes.has(id)) return;
      const node = this.#nodes.get(id) as Node;
      if (!isFolder(node)) {
        rest.#nodes.set(id, contentOf(node));
        return;
      }
      const names = durableOf(id);
      rest.#nodes.set(id, { owner, names, durable: new Map(names) });
      for (const child of names.values()) walk(child);
    };
    walk(rootNode);
    return rest;
  }

  /** Forgets the nodes that no name leads to, durable or not, and that nobody holds open. */
  sweep(isOpen: (id: number) => boolean): void {
    if (this.#nodes.size < this.#sweepAt) return;
    const reached = new Set<number>();
    const walk = (id: number): void => {
      if (reached.has(id)) return;
      reached.add(id);
      const node = this.#nodes.get(id);
      if (!isFolder(node)) return;
      for (const child of node.names.values()) walk(child);
      for (const child of node.durable.values()) walk(child);
    };
    walk(rootNode);
    for (const { node, from, to } of this.#pending) {
      for (const id of [node, from?.folder, to?.folder]) if (id !== undefined) walk(id);
    }
    for (const id of this.#nodes.keys()) {
      if (!reached.has(id) && !isOpen(id)) this.#nodes.delete(id);
    }
    this.#sweepAt = 2 * this.#nodes.size + 16;
  }
}

function slotsOf({ from, to }: NameChange): string[] {
  return [from, to].flatMap((slot) => (slot === undefined ? [] : [`${slot.folder}/${slot.name}`]));
}

function touches(change: NameChange, folder: number): boolean {
  return change.from?.folder === folder || change.to?.folder === folder;
}

function applyTo(namesOf: (folder: number) => Map<string, number>, change: NameChange): void {
  const { from, to, node } = change;
  if (from !== undefined) {
    const names = namesOf(from.folder);
    if (names.get(from.name) === node) names.delete(from.name);
  }
  if (to !== undefined) namesOf(to.folder).set(to.name, node);
}

/** The changes that survive, in order. */
function survivors(
  pending: readonly NameChange[],
  fate: NameFate,
  random: Random,
): readonly NameChange[] {
  switch (fate) {
    case "all":
      return pending;
    case "none":
      return [];
    case "prefix":
      return pending.slice(0, random.int(pending.length + 1));
    case "prefix of each folder": {
      const ended = new Set<number>();
      return pending.filter(({ from, to }) => {
        const folders = [from?.folder, to?.folder].filter((folder) => folder !== undefined);
        if (random.chance(0.3)) for (const folder of folders) ended.add(folder);
        return !folders.some((folder) => ended.has(folder));
      });
    }
    case "any": {
      // A file never gets two names: where a later change of it is kept, so are earlier ones.
      const kept = new Set<number>();
      const backwards = pending.toReversed().filter(({ node }) => {
        if (!kept.has(node) && !random.chance(0.5)) return false;
        kept.add(node);
        return true;
      });
      return backwards.reverse();
    }
  }
}
