/**
 * Where the bytes of a bundle come from in Node: a file, a pipe, or a stream of pieces of any size.
 * What reads bundles takes the pieces, and knows nothing of paths.
 */
import * as fs from "node:fs";
import { messageOf, ReachError } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import { bundleOfPage } from "./bundle-page.ts";

/** A path, or the bytes themselves in order. */
export type BundleSource = string | AsyncIterable<Uint8Array>;

const pieceBytes = 1024 * 1024;

async function* piecesOfFile(path: string): AsyncGenerator<Uint8Array, void> {
  const file = nodeDisk.open(path, "read");
  try {
    for (let at = 0; ; ) {
      const piece = new Uint8Array(pieceBytes);
      const read = file.read(piece, at);
      if (read === 0) return;
      at += read;
      yield piece.subarray(0, read);
    }
  } finally {
    file.close();
  }
}

/** What has no places to read from, such as a pipe with a name. */
async function* piecesOfPipe(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* fs.createReadStream(path, { highWaterMark: pieceBytes });
  } catch (error) {
    throw new ReachError("IO_FAILED", messageOf(error), { cause: error, where: path });
  }
}

/** The bytes of a bundle in order, in pieces of any size; also of one that a page holds. */
export function bundlePieces(source: BundleSource): AsyncIterable<Uint8Array> {
  if (typeof source !== "string") return bundleOfPage(source);
  const stat = fs.statSync(source, { throwIfNoEntry: false });
  const isPipe = stat !== undefined && !stat.isFile() && !stat.isDirectory();
  return bundleOfPage(isPipe ? piecesOfPipe(source) : piecesOfFile(source));
}
