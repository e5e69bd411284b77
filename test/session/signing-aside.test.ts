// A session is signed because somebody asks for its checkpoint: whoever wants to append to it
// meanwhile is not kept from that.

import { afterEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { Directory, type NewEvent, verifySession } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

function word(text: string): NewEvent {
  return { kind: "emit", type: "word", time: 1, ref: null, form: "bytes", bytes: utf8(text) };
}

/** A directory with a session of `words` that nobody writes and nobody has signed. */
async function unsigned(words: readonly string[]) {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const writer = directory.createSession();
  for (const text of words) writer.append(word(text));
  await directory.closeWriter(writer);
  return { directory, id: writer.id };
}

function signed(directory: Directory, id: string): number {
  const reader = directory.session(id);
  const size = reader.checkpoint()?.size ?? 0;
  reader.close();
  return size;
}

test("a session can be appended to while it is signed, and imported into", async () => {
  const { directory, id } = await unsigned(["a", "b", "c"]);
  const signing = directory.signSession(id);
  const writer = directory.appendTo(id);
  const { durable } = writer.append(word("d"));
  await Promise.all([signing, durable]);
  expect(signed(directory, id)).toBe(3);
  await Promise.all([directory.signSession(id), directory.signSession(id)]);
  expect(signed(directory, id)).toBe(4);
  writer.append(word("e"));
  await directory.closeWriter(writer);

  const again = directory.signSession(id);
  const bulk = await directory.openBulk({ id });
  bulk.append({ kind: "emit", type: "word", time: 1, ref: null }, "bytes", utf8("f"));
  await directory.closeWriter(bulk);
  await again;
  expect(signed(directory, id)).toBe(6);
  await directory.close();

  const reopened = await Directory.open({ path: scratch.at("data"), mode: "read" });
  const report = await verifySession(reopened, id);
  expect(report).toMatchObject({ integrity: "intact", events: 6 });
});

test("a directory that is closed or settled meanwhile waits for the signature", async () => {
  const { directory, id } = await unsigned(["a"]);
  const signing = directory.signSession(id);
  await directory.settle();
  await signing;
  expect(signed(directory, id)).toBe(1);
  const writer = directory.appendTo(id);
  writer.append(word("b"));
  await directory.closeWriter(writer);
  await Promise.all([directory.signSession(id), directory.close()]);
  const reopened = await Directory.open({ path: scratch.at("data"), mode: "read" });
  expect(signed(reopened, id)).toBe(2);
});
