// The floor: a bare fastify route that appends one batch to a file, makes it durable, and answers
// with one Server-Sent Event. Batches that arrive while the disk is busy share the next fdatasync,
// as in Reach. What it leaves out (sessions, frames, hashes, programs) is what Reach costs.
//
//   node floor-server.mjs FILE
//
// Prints its origin on its first line; ends when its standard input does.

import { fdatasync, openSync, writeSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import fastify from "fastify";

const [file = ""] = process.argv.slice(2);
const fd = openSync(file, "a");
const sync = promisify(fdatasync);
/** @type {{ bytes: Buffer, done: () => void }[]} */
let waiting = [];
let busy = false;

async function flush() {
  busy = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    writeSync(fd, Buffer.concat(group.map(({ bytes }) => bytes)));
    await sync(fd);
    for (const { done } of group) done();
  }
  busy = false;
}

const app = fastify();
app.post("/append", async (request, reply) => {
  const bytes = Buffer.from(`${JSON.stringify(request.body)}\n`);
  const durable = new Promise((done) => {
    waiting.push({ bytes, done: () => done(undefined) });
  });
  if (!busy) setImmediate(() => void flush());
  await durable;
  reply.hijack();
  reply.raw.writeHead(201, { "content-type": "text/event-stream", "cache-control": "no-store" });
  reply.raw.end(`id: 0\ndata: {"seq":0,"kind":"trigger","type":"floor"}\n\n`);
  return reply;
});
process.stdout.write(`${await app.listen({ host: "127.0.0.1", port: 0, backlog: 4096 })}\n`);
process.stdin.resume().once("end", () => process.exit(0));
