// A directory that is closed while an import or a fork goes on: what is not complete is given up,
// and never looks as if it were.

import { afterEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { type BulkWriter, Directory, forkSession, verifySession } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const open = (): Promise<Directory> => Directory.open({ path: scratch.at("data"), mode: "write" });

function append(writer: BulkWriter, count: number): void {
  for (let i = 0; i < count; i++) {
    writer.append({ kind: "emit", type: "n", time: 1, ref: null }, "bytes", utf8(`event ${i}`));
  }
}

test("a new session that an import has not completed is gone", async () => {
  const directory = await open();
  const bulk = await directory.openBulk();
  append(bulk, 100);
  await bulk.watermark();
  append(bulk, 100);
  await directory.close();
  expect(() => append(bulk, 100)).toThrow(expect.objectContaining({ code: "CLOSED" }));
  await expect(bulk.watermark()).rejects.toMatchObject({ code: "CLOSED" });
  await expect(directory.closeWriter(bulk)).rejects.toMatchObject({ code: "CLOSED" });
  await directory.discardBulk(bulk);
  const again = await open();
  expect(again.sessionIds()).toEqual([]);
  await again.close();
});

test("what an import acknowledged of a session that was there before stays", async () => {
  const directory = await open();
  const first = await directory.openBulk();
  append(first, 10);
  await directory.closeWriter(first);
  const bulk = await directory.openBulk({ id: first.id });
  append(bulk, 20);
  const durable = bulk.sync();
  await Promise.all([durable, directory.close()]);
  const again = await open();
  expect(await verifySession(again, first.id)).toMatchObject({ integrity: "intact", events: 10 });
  await again.close();
});

test("an import that is about to end does so", async () => {
  const directory = await open();
  const bulk = await directory.openBulk();
  append(bulk, 100);
  const ended = directory.closeWriter(bulk);
  await Promise.all([ended, directory.close()]);
  const again = await open();
  expect(await verifySession(again, bulk.id)).toMatchObject({ integrity: "intact", events: 100 });
  await again.close();
});

test("a fork that is being made is made whole or not at all", async () => {
  const directory = await open();
  const source = await directory.openBulk();
  append(source, 40_000);
  await directory.closeWriter(source);
  const forked = forkSession(directory, source.id, { at: 39_000 }).then(
    () => "made",
    (error: { code: string }) => error.code,
  );
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
  await directory.close();
  expect(await forked).toBe("CLOSED");
  const again = await open();
  expect(again.sessionIds()).toEqual([source.id]);
  await again.close();
});
