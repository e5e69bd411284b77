// An import into a session that is there, while other sessions never stop appending: it begins as
// soon as what was committed before is in its place, not when nobody commits any more.

import { afterEach, expect, test } from "vitest";
import { Directory, type SessionWriter } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const event = { ...header, form: "bytes", bytes: Uint8Array.of(1) } as const;

/** Appends until `isOver`, and again before what it appended is durable; returns how often. */
async function flood(writer: SessionWriter, isOver: () => boolean): Promise<number> {
  let appended = 0;
  let before = Promise.resolve();
  while (!isOver()) {
    const { durable } = await writer.appendTogether([event]);
    await before;
    before = durable;
    appended += 1;
    if (appended === 2000) throw new Error("the import has not begun");
  }
  await before;
  return appended;
}

test("an import begins while other sessions go on appending", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const writer = directory.createSession();
  await writer.append(event).durable;
  await directory.closeWriter(writer);
  const others = [directory.createSession(), directory.createSession()];
  let begun = false;
  const floods = others.map((other) => flood(other, () => begun));
  const bulk = await directory.openBulk({ id: writer.id });
  bulk.append(header, "bytes", event.bytes);
  await bulk.watermark();
  begun = true;
  const appended = await Promise.all(floods);
  expect(Math.min(...appended)).toBeGreaterThan(0);
  await directory.closeWriter(bulk);
  expect(directory.session(writer.id).size).toBe(2);
  await directory.close();
});
