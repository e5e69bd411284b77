// A model that needs no key, speaks in pieces and always says the same: POST /chat with
// `{"messages": […]}`, answered as lines of JSON. MODEL_PORT is its port, 4401 without.

import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Chunk, Message } from "./world.ts";

const known = ["Oslo", "Paris", "Atlantis"];

function* answerTo(messages: readonly Message[]): Generator<Chunk, void> {
  const found = messages.filter(({ role }) => role === "tool").map(({ text }) => text);
  const said = found.length > 0 ? `I know: ${found.join("; ")}.` : "Let me look.";
  for (const word of said.split(/(?<= )/)) yield { text: word };
  const question = messages[0]?.text ?? "";
  if (found.length === 0) yield { cities: known.filter((city) => question.includes(city)) };
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  for (const chunk of answerTo((JSON.parse(body) as { messages: Message[] }).messages)) {
    response.write(`${JSON.stringify(chunk)}\n`);
    await pause(5);
  }
  response.end();
});

const port = Number(process.env["MODEL_PORT"] ?? 4401);
server.listen(port, "127.0.0.1", () => console.log(`a model at http://127.0.0.1:${port}/chat`));
