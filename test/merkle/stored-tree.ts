// A `tree.log` in memory for the tests: written by `TreeWriter`, read by position like the file.

import { type HashReader, TreeWriter } from "../../src/merkle/index.ts";

/** The bytes of the `tree.log` of these leaves. */
export function treeLog(leaves: readonly Uint8Array[]): Uint8Array {
  const writer = new TreeWriter();
  for (const leaf of leaves) writer.append(leaf);
  return writer.take();
}

/** Reads hashes of a `tree.log` by position, and fails where there are none. */
export function logReader(log: Uint8Array): HashReader {
  return (indexes) =>
    indexes.map((index) => {
      if (32 * (index + 1) > log.length) throw new Error(`there is no stored hash ${index}`);
      return log.subarray(32 * index, 32 * (index + 1));
    });
}
