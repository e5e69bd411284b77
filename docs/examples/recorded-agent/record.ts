// Records a run of the agent in ./.reach: `node … "Oslo or Paris?"`. The id comes first, so that
// whoever wants to watch can; what the agent answers comes last.

import process from "node:process";
import { open } from "reach-replay";
import { agent } from "./recorded-agent.ts";

const question = process.argv[2] ?? "Is it nicer in Oslo, in Paris or in Atlantis?";
const reach = await open({ data: ".reach" });
const session = reach.record({ name: question });
console.log(session.id);
try {
  console.log(await agent(session, question));
} finally {
  await session.close();
  await reach.close();
}
