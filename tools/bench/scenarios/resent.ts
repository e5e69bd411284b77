// An agent that sends its whole conversation with each of 100 calls of a model. What a log makes of
// that grows with the square of the length; Reach keeps each stretch once. Counted is every byte in
// the data directory, indexes and tree included, except the reserve for a full disk.

import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { encodeValue } from "../../../src/base/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { conversationBytes, resentConversation } from "../../generator/index.ts";
import type { Bench } from "../bench.ts";
import { measured, type Work } from "../measurement.ts";
import type { Row, Scenario } from "../scenario.ts";
import { ratioOf, spreadOf } from "../spread.ts";

/** Room that the journal keeps for the day when the disk is full: the same at any length. */
const reserveName = "reserve";
const plan = { seed: 42, calls: 100, tokensAtEnd: 200_000 };

export const resent: Scenario = {
  name: "resent",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const input = { root: bench.path("resent") };
    const module = "scenarios/resent";
    const { facts } = await bench.measure({ module, name: "recordCalls", input });
    bench.remove("resent");
    const conversation = [Number(facts["conversation"])];
    const rows = [
      [`${plan.calls} calls: bytes in the data directory; the conversation (floor)`, "all", 2],
      ["the same: bytes of packs alone", "packs", undefined],
      ["the same: bytes that were sent, for comparison", "sent", undefined],
    ] as const;
    return rows.map(([what, fact, most]) => {
      const reach = [Number(facts[fact])];
      return {
        what,
        unit: "bytes",
        reach: spreadOf(reach),
        floor: spreadOf(conversation),
        ratio: ratioOf(reach, conversation),
        ...(most === undefined ? {} : { goal: { relation: "<=", value: most, of: "ratio" } }),
      };
    });
  },
};

/** Records the calls one after the other, as an agent would, and counts bytes. */
export async function recordCalls({ root }: { readonly root: string }): Promise<Work> {
  const data = path.join(root, "default");
  const directory = await Directory.open({ path: data, mode: "write" });
  const writer = directory.createSession();
  let sent = 0;
  const work = await measured(async () => {
    for (const { data: value, ...header } of resentConversation(plan)) {
      const bytes = encodeValue(value);
      sent += bytes.length;
      const { durable } = await writer.appendLarge({ ...header, form: "cbor", bytes });
      await durable;
    }
    return {};
  });
  await directory.close();
  const all = bytesBelow(data, (name) => name !== reserveName);
  const packs = bytesBelow(data, (name) => name.endsWith(".pack"));
  return { ...work, facts: { sent, all, packs, conversation: conversationBytes(plan) } };
}

function bytesBelow(folder: string, counts: (name: string) => boolean): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && counts(entry.name))
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}
