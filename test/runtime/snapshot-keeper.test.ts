// States on their way to the store: new ones wait until the log is proven to be intact, and what
// has to come before that does not wait for them.

import { expect, it } from "vitest";
import { newSessionId, systemClock, systemEntropy } from "../../src/base/index.ts";
import { SnapshotKeeper } from "../../src/runtime/snapshot-keeper.ts";
import type { Directory } from "../../src/session/index.ts";

const MiB = 1024 * 1024;
const root = new Uint8Array(32);

function states(from: number, count: number) {
  return Array.from({ length: count }, (_, i) => {
    return { at: from + i, hash: new Uint8Array(32), bytes: new Uint8Array(3 * MiB) };
  });
}

/** A keeper of which every write is noted, and what proves its log. */
function keeperOf(fails?: Error) {
  const kept: number[] = [];
  const directory = {
    keepSnapshots: async (_: unknown, __: unknown, snapshots: readonly { size: number }[]) => {
      if (fails) throw fails;
      kept.push(...snapshots.map(({ size }) => size));
    },
  } as unknown as Directory;
  let prove = (): void => {};
  const proven = new Promise<() => Uint8Array>((resolve) => {
    prove = () => resolve(() => root);
  });
  const id = newSessionId(systemClock, systemEntropy);
  return { keeper: new SnapshotKeeper(directory, id, root, proven), kept, prove: () => prove() };
}

it("stores states again while many new ones wait for the proof", async () => {
  const { keeper, kept, prove } = keeperOf();
  const added = keeper.add(states(100, 7));
  await keeper.restore(states(1, 7), () => root);
  expect(kept).toEqual([1, 2, 3, 4, 5, 6, 7]);
  prove();
  await added;
  await keeper.finish();
  expect(kept.slice(7)).toEqual([100, 101, 102, 103, 104, 105, 106]);
  expect(keeper.kept).toBe(14);
});

it("tells of a failure, and writes nothing behind it", async () => {
  const { keeper, prove } = keeperOf(new Error("no room"));
  await keeper.restore(states(1, 1), () => root);
  prove();
  await keeper.add(states(100, 1)).catch(() => {});
  await keeper.idle();
  await expect(keeper.finish()).rejects.toThrow("no room");
  expect(keeper.kept).toBe(0);
});
