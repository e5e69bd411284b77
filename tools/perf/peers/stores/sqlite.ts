// SQLite through better-sqlite3, which is synchronous: a batch is a transaction, and it is over
// when `append` returns. There is nothing to pipeline.

import path from "node:path";
import { peerModule, type SqliteDatabase } from "../peer-modules.ts";
import type { Store, StoreWriter } from "../store.ts";

/** A database in WAL mode. */
export function sqlite(synchronous: "FULL" | "NORMAL"): Store {
  const open = (place: string): SqliteDatabase => {
    const Database = peerModule<new (file: string) => SqliteDatabase>("better-sqlite3");
    return new Database(path.join(place, "events.db"));
  };
  return {
    async openForAppends(place, events): Promise<StoreWriter> {
      const database = open(place);
      database.pragma("journal_mode = WAL");
      database.pragma(`synchronous = ${synchronous}`);
      database.exec("CREATE TABLE events (seq INTEGER PRIMARY KEY, data BLOB NOT NULL)");
      const insert = database.prepare("INSERT INTO events VALUES (?, ?)");
      const append = database.transaction((from: number, to: number) => {
        for (let i = from; i < to; i++) insert.run(i, events.at(i));
      });
      return { append, close: () => void database.close() };
    },
    async readAll(place, take) {
      const database = open(place);
      const all = database.prepare("SELECT data FROM events ORDER BY seq");
      for (const { data } of all.iterate()) take(data);
      database.close();
    },
  };
}
