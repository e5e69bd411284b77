// LMDB through lmdb-js. It commits before it syncs (overlappingSync, its default): a batch counts
// as acknowledged here when it has been flushed.

import path from "node:path";
import { type Lmdb, type LmdbDatabase, peerModule } from "../peer-modules.ts";
import type { Store, StoreWriter } from "../store.ts";

function open(place: string): LmdbDatabase {
  return peerModule<Lmdb>("lmdb").open({
    path: path.join(place, "events.mdb"),
    encoding: "binary",
    keyEncoding: "uint32",
    separateFlushed: true,
  });
}

/** One database whose keys are positions. */
export const lmdb: Store = {
  async openForAppends(place, events): Promise<StoreWriter> {
    const database = open(place);
    return {
      async append(from, to) {
        const commit = database.batch(() => {
          for (let i = from; i < to; i++) void database.put(i, events.at(i));
        });
        // The flush is known once the batch has been committed.
        await commit;
        await commit.flushed;
      },
      close: () => database.close(),
    };
  },
  async readAll(place, take) {
    const database = open(place);
    for (const { value } of database.getRange()) take(value);
    await database.close();
  },
};
