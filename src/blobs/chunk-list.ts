/**
 * Chunk lists: what a blob of more than one chunk consists of. A node holds references in order;
 * a long list is cut into nodes where the hash of a reference says so, and the nodes are listed
 * the same way, so that a blob that changed a little shares all nodes but a few per level.
 *
 *   node   0  u8   height h: 1 refers to chunks, above that to nodes of height h - 1
 *          1  references: 32 bytes SHA-256 and the size of what lies below it in the blob,
 *             u16 at height 1 and u48 above
 *   blob   0  u64  size of the blob
 *          8  its root node, which is no entry of its own
 */
import {
  assert,
  limits,
  readU16,
  readU32,
  readU64,
  writeU16,
  writeU32,
  writeU64,
} from "../base/index.ts";

const hashBytes = 32;
const blobHeadBytes = 8;
/** More levels than the largest blob needs with the smallest nodes. */
const heightMax = 24;

const chunkRefBytes = hashBytes + 2;
const nodeRefBytes = hashBytes + 6;
/** Size of the largest node. */
export const nodeBytesMax: number = 1 + limits.chunkListRefsMax * nodeRefBytes;
/** Size of the content of the largest `blob` entry. */
export const blobContentBytesMax: number = blobHeadBytes + nodeBytesMax;

const cutMask = limits.chunkListRefsAverage - 1;
assert((limits.chunkListRefsAverage & cutMask) === 0, "the average list is a power of two");
assert(limits.chunkBytesMax <= 0xffff, "the size of a chunk fits 16 bits");
assert(limits.chunkListRefsMin >= 2, "a list is shorter than what it lists");
assert(limits.chunkListRefsMin < limits.chunkListRefsMax, "list minimum is below the maximum");

function refBytes(height: number): number {
  return height === 1 ? chunkRefBytes : nodeRefBytes;
}

/** A reference of a node: `hash` is a view, `size` the bytes of the blob below it. */
export interface ListRef {
  readonly hash: Uint8Array;
  readonly size: number;
}

/** Height of a node, or `undefined` when `node` cannot be one. */
export function heightOf(node: Uint8Array): number | undefined {
  const height = node[0] ?? 0;
  if (height < 1 || height > heightMax) return undefined;
  const refs = (node.length - 1) / refBytes(height);
  return refs >= 1 && Number.isInteger(refs) ? height : undefined;
}

/** Number of references of a valid node. */
export function refCount(node: Uint8Array): number {
  return (node.length - 1) / refBytes(node[0] as number);
}

/** The reference at `index` of a valid node. */
export function refAt(node: Uint8Array, index: number): ListRef {
  const height = node[0] as number;
  const at = 1 + index * refBytes(height);
  const hash = node.subarray(at, at + hashBytes);
  const low = readU16(node, at + hashBytes);
  if (height === 1) return { hash, size: low };
  return { hash, size: low + readU32(node, at + hashBytes + 2) * 2 ** 16 };
}

/** Sum of the sizes that a valid node names. */
export function sizeBelow(node: Uint8Array): number {
  let size = 0;
  for (let index = 0; index < refCount(node); index++) size += refAt(node, index).size;
  return size;
}

/** Content of the `blob` entry of a blob of `size` bytes with that root node. */
export function blobContent(size: number, root: Uint8Array): Uint8Array {
  const content = new Uint8Array(blobHeadBytes + root.length);
  writeU64(content, 0, size);
  content.set(root, blobHeadBytes);
  return content;
}

/** Size and root node (a view) of a `blob` entry's content, or `undefined` when it holds none. */
export function readBlobContent(
  content: Uint8Array,
): { readonly size: number; readonly root: Uint8Array } | undefined {
  if (content.length <= blobHeadBytes) return undefined;
  const root = content.subarray(blobHeadBytes);
  const size = readU64(content, 0);
  const agrees = heightOf(root) !== undefined && sizeBelow(root) === size;
  return agrees ? { size, root } : undefined;
}

/** Finds a node by its hash: a copy or a view that stays valid, checked by `heightOf`. */
export type NodeSource = (hash: Uint8Array, height: number, size: number) => Uint8Array;

/** The chunk references below `root` in order; holds one node per level, whatever the size. */
export function* chunkRefs(root: Uint8Array, nodes: NodeSource): Generator<ListRef> {
  const height = root[0] as number;
  for (let index = 0; index < refCount(root); index++) {
    const ref = refAt(root, index);
    if (height === 1) yield ref;
    else yield* chunkRefs(nodes(ref.hash, height - 1, ref.size), nodes);
  }
}

/** The references of one level that wait for their node to be closed. */
class OpenNode {
  readonly #bytes: Uint8Array;
  readonly #height: number;
  count = 0;
  size = 0;

  constructor(height: number) {
    this.#height = height;
    this.#bytes = new Uint8Array(1 + limits.chunkListRefsMax * refBytes(height));
    this.#bytes[0] = height;
  }

  /** Adds a reference; returns whether the node ends after it. */
  add(hash: Uint8Array, size: number): boolean {
    const at = 1 + this.count * refBytes(this.#height);
    this.#bytes.set(hash, at);
    writeU16(this.#bytes, at + hashBytes, size & 0xffff);
    if (this.#height > 1) writeU32(this.#bytes, at + hashBytes + 2, Math.floor(size / 2 ** 16));
    this.count += 1;
    this.size += size;
    if (this.count === limits.chunkListRefsMax) return true;
    // The low bits of the last word decide; the index of a pack goes by the first two.
    return this.count >= limits.chunkListRefsMin && (readU32(hash, 28) & cutMask) === 0;
  }

  /** The bytes of the node, a view that is valid until the next `add` after `clear`. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, 1 + this.count * refBytes(this.#height));
  }

  /** Takes the first reference out. */
  dropFirst(): void {
    const size = refBytes(this.#height);
    this.size -= refAt(this.view(), 0).size;
    this.#bytes.copyWithin(1, 1 + size);
    this.count -= 1;
  }

  clear(): void {
    this.count = 0;
    this.size = 0;
  }
}

/**
 * Builds the list of a blob from its chunks. The same chunks give the same nodes, whether they
 * come from a blob in memory or from a stream.
 */
export class ListBuilder {
  readonly #store: (node: Uint8Array) => Uint8Array;
  readonly #levels: OpenNode[] = [];
  #headApart = false;

  /** `store` keeps a closed node (a view, valid during the call) and returns its SHA-256. */
  constructor(store: (node: Uint8Array) => Uint8Array) {
    this.#store = store;
  }

  /** The next chunk of the blob. */
  add(hash: Uint8Array, size: number): void {
    this.#add(1, hash, size);
  }

  /**
   * The first chunk, which has been added, is the head of the blob and often another one: when the
   * list is long, it gets a node of its own, so that the first node is not another one as well.
   */
  setHeadApart(): void {
    this.#headApart = true;
  }

  /** The root node: what is left open on the topmost level, after all below it were closed. */
  finish(): Uint8Array {
    for (let height = 1; height < this.#levels.length; height++) {
      if ((this.#levels[height - 1] as OpenNode).count > 0) this.#close(height);
    }
    const top = this.#levels.at(-1);
    assert(top !== undefined && top.count > 0, "a list has at least one chunk");
    return top.view();
  }

  #add(height: number, hash: Uint8Array, size: number): void {
    let node = this.#levels[height - 1];
    if (!node) {
      node = new OpenNode(height);
      this.#levels.push(node);
    }
    if (node.add(hash, size)) this.#close(height);
  }

  #close(height: number): void {
    if (height === 1 && this.#headApart) this.#storeHead();
    const node = this.#levels[height - 1] as OpenNode;
    const hash = this.#store(node.view());
    const size = node.size;
    node.clear();
    this.#add(height + 1, hash, size);
  }

  /** Takes the first reference out of the first node into one of its own. */
  #storeHead(): void {
    this.#headApart = false;
    const node = this.#levels[0] as OpenNode;
    const head = refAt(node.view(), 0);
    const alone = new OpenNode(1);
    alone.add(head.hash, head.size);
    this.#add(2, this.#store(alone.view()), head.size);
    node.dropFirst();
  }
}
