// A session that was kept is a test: the agent of today has to ask what it asked then, without
// model and without tools, since every answer is in the bundle. For vitest; `npx vitest run` here.

import path from "node:path";
import { reruns } from "reach-replay/testing";
import { expect, test } from "vitest";
import { agent } from "./recorded-agent.ts";

const bundle = path.join(import.meta.dirname, "three-cities.bundle");

test(
  "three cities, of which one is not there",
  reruns(bundle, async (session) => {
    const answer = await agent(session, "Is it nicer in Oslo, in Paris or in Atlantis?");
    expect(answer).toContain("Paris: sun");
  }),
);
