// The world of the agent: a model that answers in pieces, and a tool. Nothing here knows that it is
// recorded. MODEL_PORT is where model-server.ts listens, 4401 without.

/** What the model is shown. */
export interface Message {
  readonly role: "user" | "assistant" | "tool";
  readonly text: string;
}

/** A piece of an answer. */
export interface Chunk {
  readonly text?: string;
  readonly cities?: readonly string[];
}

/** What a model says, and the weather of which cities it wants to know first. */
export interface Reply {
  readonly text: string;
  readonly cities: readonly string[];
}

/** Asks the model; its answer comes line by line. */
export async function* chat(
  messages: readonly Message[],
  signal: AbortSignal,
): AsyncGenerator<Chunk, void> {
  const port = process.env["MODEL_PORT"] ?? 4401;
  const body = JSON.stringify({ messages });
  const answer = await fetch(`http://127.0.0.1:${port}/chat`, { method: "POST", body, signal });
  const { ok, status } = answer;
  if (!ok || !answer.body) throw Object.assign(new Error(`the model says ${status}`), { status });
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of answer.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Chunk;
  }
}

/** Looks out of the window. */
export async function weather(city: string): Promise<string> {
  if (city === "Atlantis") throw new RangeError("there is no such city");
  return `${city}: ${city.length % 2 === 0 ? "rain" : "sun"}`;
}
