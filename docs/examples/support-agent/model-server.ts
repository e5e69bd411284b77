// A model that needs no key and always says the same: it reads the conversation and answers by
// rules. POST /chat with `{"messages": […]}`, as JSON; MODEL_PORT is its port, 0 for a free one.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Message, Order, Reply, ToolUse } from "./support-agent.ts";

type Found = Partial<Order> & { readonly place?: string };

/** Looks up every order of the question, then every parcel of an order, then answers. */
function replyTo(messages: readonly Message[]): Reply {
  const question = messages[0]?.text ?? "";
  const orders = question.match(/[A-Z]-\d+/g) ?? [];
  if (orders.length === 0) return { text: "Which order do you mean?", tools: [] };
  const found = messages.filter(({ role }) => role === "tool");
  const known = found.map(({ text }) => JSON.parse(text) as Found);
  const isKnown = (parcel: unknown): boolean => {
    return known.some((one) => one.parcel === parcel && one.place !== undefined);
  };
  const parcels = known.flatMap(({ parcel }) => (parcel && !isKnown(parcel) ? [parcel] : []));
  if (known.length === 0) {
    return asking(orders.map((order) => ({ tool: "orders.find", input: { order } })));
  }
  if (parcels.length > 0) {
    return asking(parcels.map((parcel) => ({ tool: "parcels.track", input: { parcel } })));
  }
  return { text: known.flatMap((one) => told(one, known)).join(" "), tools: [] };
}

function asking(tools: readonly ToolUse[]): Reply {
  return { text: `Let me look: ${tools.map(({ tool }) => tool).join(", ")}.`, tools };
}

function told({ order, status, parcel }: Found, known: readonly Found[]): string[] {
  if (order === undefined) return [];
  const place = known.find((one) => one.parcel === parcel && one.place !== undefined)?.place;
  return [place === undefined ? `${order} is ${status}.` : `${order} is ${status}, now ${place}.`];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  return text;
}

const server = createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/chat") {
    response.writeHead(404).end();
    return;
  }
  try {
    const { messages } = JSON.parse(await bodyOf(request)) as { messages: Message[] };
    const reply = JSON.stringify(replyTo(messages));
    response.writeHead(200, { "content-type": "application/json" }).end(reply);
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});

server.listen(Number(process.env["MODEL_PORT"] ?? 4400), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
