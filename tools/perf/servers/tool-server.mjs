// The fake model and tools that the measured program asks. Answers are made once: what is measured
// is Reach. The model thinks for as long as it is asked to: sessions overlap as real ones do.
//
// Prints its origin on its first line; ends when its standard input does.

import * as http from "node:http";
import process from "node:process";

const chat = JSON.stringify({ text: "The model says something of the usual length. ".repeat(16) });
const search = JSON.stringify({ hits: ["first", "second", "third"].map((hit) => hit.repeat(30)) });
/** Above 4 KiB: this one goes to the content-addressed store. */
const page = JSON.stringify({
  text: "A page that a tool has fetched, with its words. ".repeat(130),
});

const server = http.createServer((request, response) => {
  /** @type {Buffer[]} */
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    /** @param {string} text */
    const answer = (text) => {
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    };
    if (request.url === "/search") answer(search);
    else if (request.url === "/page") answer(page);
    else {
      const { modelMs } = JSON.parse(Buffer.concat(parts).toString());
      if (modelMs > 0) setTimeout(answer, modelMs, chat);
      else answer(chat);
    }
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  process.stdout.write(`http://127.0.0.1:${port}\n`);
});
process.stdin.resume().once("end", () => process.exit(0));
