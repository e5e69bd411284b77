// What the agent can call: a model over HTTP, under a policy, and two tables that stand for the
// systems of a shop. Code of this process: it may use Node, packages and the environment.

import { defineConfig, type EffectCall, GiveUp } from "reach-replay/config";
import type { Message, Order } from "./support-agent.ts";

const orders: Readonly<Record<string, Omit<Order, "order">>> = {
  "A-17": { status: "shipped", parcel: "P-905" },
  "B-42": { status: "being packed", parcel: null },
};
const places: Readonly<Record<string, string>> = { "P-905": "in Rotterdam" };

/** Asks the model. What it throws is tried again, unless it is a `GiveUp`. */
async function chat(input: { messages: Message[] }, { key, signal }: EffectCall) {
  const url = `http://127.0.0.1:${process.env["MODEL_PORT"] ?? 4400}/chat`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(input),
    signal,
  }).catch(({ cause, message }: Error) => {
    // Why it failed is in the cause only.
    throw new Error(`no model: ${cause instanceof Error ? cause.message : message}`);
  });
  if (answer.ok) return answer.json();
  const message = `the model answered ${answer.status}: ${await answer.text()}`;
  throw answer.status < 500 ? new GiveUp(message) : new Error(message);
}

export default defineConfig({
  effects: {
    "model.chat": {
      run: chat,
      timeoutMs: 10_000,
      retries: { attempts: 3, initialMs: 50 },
      breaker: { failures: 5 },
      concurrency: 4,
    },
    "orders.find": ({ order }: { order: string }) => {
      const found = orders[order];
      return found ? { order, ...found } : { order, status: "unknown", parcel: null };
    },
    "parcels.track": ({ parcel }: { parcel: string }) => {
      return { parcel, place: places[parcel] ?? "nobody knows where" };
    },
  },
});
