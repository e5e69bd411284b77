// Answers a session that waits for an approval: node approve.mjs URL ID PERSON yes|no

import process from "node:process";
import { ReachClient } from "reach-replay/client";

const [url, id, by, answer] = process.argv.slice(2);
const data = { by, granted: answer === "yes" };
const { firstSeq } = await new ReachClient({ url }).append(id, [{ type: "approval", data }]);
console.log(`event ${firstSeq} of ${id} is durable`);
