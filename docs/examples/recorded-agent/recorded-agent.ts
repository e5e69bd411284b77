// An agent that runs by itself, and is recorded: what it asks of the world it asks through its
// session, and everything else follows from that. Given a rerun, it does the same without a world.

import type { RecordedCall, SessionRecorder } from "reach-replay";
import { chat, type Message, type Reply, weather } from "./world.ts";

/** Answers a question; the model and its tools are asked until there is an answer. */
export async function agent(session: SessionRecorder, question: string): Promise<string> {
  const today = await session.effect("clock", null, () => new Date().toISOString().slice(0, 10));
  const asked: Message = { role: "user", text: `${today}: ${question}` };
  await session.append({ type: "message", data: asked });
  const messages = [asked];
  for (;;) {
    const { text, cities } = await session.effect("model.chat", { messages }, (call) => {
      return streamed(call, messages);
    });
    const said: Message = { role: "assistant", text };
    await session.append({ type: "message", data: said });
    messages.push(said);
    if (cities.length === 0) return text;
    const found = cities.map(async (city) => {
      const looking = session.effect("weather", { city }, () => weather(city));
      return looking.catch(({ message }: Error) => `nothing: ${message}`);
    });
    for (const result of await Promise.all(found)) messages.push({ role: "tool", text: result });
  }
}

/** The whole answer, of which observers see every piece as it comes. */
async function streamed({ note }: RecordedCall, messages: readonly Message[]): Promise<Reply> {
  let text = "";
  let cities: readonly string[] = [];
  for await (const chunk of chat(messages, AbortSignal.timeout(60_000))) {
    note("chunk", chunk);
    text += chunk.text ?? "";
    cities = chunk.cities ?? cities;
  }
  return { text, cities };
}
