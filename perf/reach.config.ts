/**
 * The configuration of the server that is measured: effects that ask the fake tool server of the
 * harness over HTTP, with kept connections, as a real agent asks a model and its tools.
 */
import process from "node:process";
import { defineConfig } from "reach-replay/config";
import { Pool } from "undici";

const origin = process.env["REACH_PERF_TOOLS"] ?? "http://127.0.0.1:9";
const pool = new Pool(origin, { connections: 128, pipelining: 1 });

async function ask(path: string, input: unknown, signal: AbortSignal): Promise<unknown> {
  const { statusCode, body } = await pool.request({
    path,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
    signal,
  });
  if (statusCode !== 200) throw new Error(`${path} answers ${statusCode}: ${await body.text()}`);
  return body.json();
}

export default defineConfig({
  effects: {
    "model.chat": (input, { signal }) => ask("/chat", input, signal),
    "tool.search": (input, { signal }) => ask("/search", input, signal),
    "tool.page": (input, { signal }) => ask("/page", input, signal),
  },
});
