// Records a run of the agent on a server (`REACH_URL`, `REACH_TOKEN`), where it is seen while it
// goes on. The id comes first, what the agent answers last.

import process from "node:process";
import { ReachClient } from "reach-replay/client";
import { agent } from "./recorded-agent.ts";

const question = process.argv[2] ?? "Is it nicer in Oslo, in Paris or in Atlantis?";
const { REACH_URL: url = "http://127.0.0.1:4320", REACH_TOKEN: token } = process.env;

const client = new ReachClient({ url, token });
const session = client.recorder({ name: question });
console.log(session.id);
try {
  console.log(await agent(session, question));
} finally {
  await session.close();
}
