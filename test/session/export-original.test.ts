/** What the original of a session promises: the very bytes of a source, or a reason why not. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { importSource, streamSource } from "../../src/importers/index.ts";
import { Directory, exportOriginal, forkSession } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

const source = '{"a":1}\n{"b":2}\n{"c":3}\n';

let scratch: Scratch;
let directory: Directory;
let id: SessionId;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  ({ id } = await importSource(directory, { source: streamSource("a", pieces()) }));
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield utf8(source);
}

async function originalOf(of: SessionId): Promise<string> {
  const reader = directory.session(of);
  let text = "";
  try {
    await exportOriginal(reader, (bytes) => {
      text += Buffer.from(bytes).toString();
    });
    return text;
  } finally {
    reader.close();
  }
}

async function fork(at: number, overrides: ReadonlyMap<number, unknown>): Promise<SessionId> {
  return (await forkSession(directory, id, { at, overrides })).id;
}

test("a fork that has the whole import has its original", async () => {
  expect(await originalOf(await fork(4, new Map()))).toBe(source);
});

test("a fork that left within the import has none, and is not called damaged", async () => {
  for (const [at, overrides] of [
    [2, new Map()],
    [4, new Map([[1, { b: 22 }]])],
  ] as const) {
    await expect(originalOf(await fork(at, overrides))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("there is no original"),
    });
  }
});
