// The same session replayed a hundred times, each time with other surroundings, comes to the same
// operations and states. REACH_SEED repeats a failure; REACH_OTHER_NODE names a node of another
// version, which then replays it, too.

import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeWorkers } from "../../../src/runtime/index.ts";
import { ReplayedSession, replayPerturbed } from "./perturbation.ts";

const otherNode = process.env["REACH_OTHER_NODE"];
const seed = Number(process.env["REACH_SEED"] ?? Date.now() % 2 ** 31);
let session: ReplayedSession | undefined;

beforeAll(async () => {
  session = await ReplayedSession.run(120);
});

afterAll(async () => {
  session?.remove();
  await closeWorkers();
});

const versions = otherNode === undefined ? "(no REACH_OTHER_NODE is given)" : `and in ${otherNode}`;

test(`a session comes to the same in 100 surroundings ${versions}`, async () => {
  if (!session) throw new Error("there is no session");
  expect(session.events).toBeGreaterThan(1200);
  await replayPerturbed(session, { count: 100, seed, otherNode });
});
