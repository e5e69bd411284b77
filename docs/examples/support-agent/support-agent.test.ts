// A session that was kept is a test: the agent of today has to do what it did then, without model
// and without tools, since every answer is in the bundle. For vitest; `npx vitest run` here.

import path from "node:path";
import { replays } from "reach-replay/testing";
import { test } from "vitest";

const bundle = path.join(import.meta.dirname, "two-orders.bundle");
const program = path.join(import.meta.dirname, "support-agent.ts");

test("two orders are looked up and explained", replays(bundle, { program }));
