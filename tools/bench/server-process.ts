// A server in a process of its own, for scenarios that measure it from another one: Reach over a
// data directory, and beside it a bare fastify that sends files. Started by `served.ts`:
//
//   node server-process.js DATA FILES
//
// Prints where both listen as JSON on its first line; ends when its standard input does.

import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import fastify from "fastify";
import { createServer } from "../../src/server/index.ts";
import { Directory } from "../../src/session/index.ts";

const [data = "", files = ""] = process.argv.slice(2);
const directory = await Directory.open({ path: `${data}/default`, mode: "write", takeOver: true });
const server = await createServer({ workspaces: [{ directory }] });
const { url } = await server.listen();

const bare = fastify();
bare.get<{ Params: { type: string; n: string } }>("/:type/:n", async (request, reply) => {
  const { type, n } = request.params;
  const file = `${files}/${type}-${n}`;
  reply.header("content-length", statSync(file).size);
  return reply.type(`application/${type}`).send(createReadStream(file));
});
const floor = await bare.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify({ url, floor })}\n`);
process.stdin.resume().once("end", () => process.exit(0));
