// Sessions by `Idempotency-Key`: one for each key, however many other keys come meanwhile.

import { afterEach, expect, it } from "vitest";
import { type SessionId, systemClock } from "../../src/base/index.ts";
import { KeyedSessions } from "../../src/server/idempotency.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

/** More than are remembered. */
const others = 10_001;

let scratch: Scratch | undefined;
afterEach(() => scratch?.remove());

async function keyedSessions(): Promise<{ keyed: KeyedSessions; directory: Directory }> {
  scratch = new Scratch();
  const directory = await Directory.open({ path: scratch.at("data/default"), mode: "write" });
  return { keyed: new KeyedSessions(directory, systemClock), directory };
}

it("a key that is under way begins nothing else, however many keys come behind it", async () => {
  const { keyed, directory } = await keyedSessions();
  const begun: SessionId[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const begin = async (id: SessionId): Promise<void> => {
    begun.push(id);
    await gate;
  };
  const first = keyed.once("first", begin);
  const rest = Array.from({ length: others }, (_, i) => keyed.once(`other ${i}`, () => gate));
  const again = keyed.once("first", begin);
  open();
  await Promise.all(rest);
  expect(begun).toHaveLength(1);
  expect(await first).toEqual({ id: begun[0], begun: true });
  expect(await again).toEqual({ id: begun[0], begun: false });
  await directory.close();
});

it("a key whose session could not be begun begins one when it comes again", async () => {
  const { keyed, directory } = await keyedSessions();
  const refused = keyed.once("k", () => Promise.reject(new Error("no room")));
  const waiting = keyed.once("k", async () => {});
  await expect(refused).rejects.toThrow("no room");
  await expect(waiting).rejects.toThrow("no room");
  expect((await keyed.once("k", async () => {})).begun).toBe(true);
  expect((await keyed.once("k", async () => {})).begun).toBe(false);
  await directory.close();
});
