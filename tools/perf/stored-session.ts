// A recorded session of agent-like events, appended over HTTP: for scenarios that read one.

import { agentEvents, type GeneratedEvent } from "../generator/index.ts";
import type { LoadClient } from "./load-client.ts";

const perAppend = 1000;
const seed = 6;

/** Appends `count` events; resolves with the id of the session. */
export async function storedSession(client: LoadClient, count: number): Promise<string> {
  let id = "";
  let events: string[] = [];
  const send = async (): Promise<void> => {
    const list = `[${events.join()}]`;
    events = [];
    const answer =
      id === ""
        ? await client.postText("/v1/sessions", `{"name":"stored","events":${list}}`)
        : await client.postText(`/v1/sessions/${id}/events`, list);
    if (answer.status >= 400) throw new Error(`an append is answered ${answer.text}`);
    if (id === "") ({ id } = JSON.parse(answer.text) as { id: string });
  };
  for (const event of agentEvents({ events: count, seed })) {
    events.push(jsonOf(event));
    if (events.length === perAppend) await send();
  }
  if (events.length > 0) await send();
  return id;
}

/** As JSON that any server takes: no integers beyond doubles, no halves of characters. */
function jsonOf({ kind, type, data }: GeneratedEvent): string {
  return JSON.stringify({ kind: kind === "input" ? "input" : "emit", type, data }, (_, value) => {
    if (typeof value === "bigint") return Number(value);
    return typeof value === "string" ? Buffer.from(value).toString() : value;
  });
}
