// A stream of JSON messages over HTTP, as the Durable Streams protocol has it: Reach's /v1/stream
// and the server of the protocol's authors get the very same requests, over one connection.

import { Client } from "undici";
import type { PreparedEvents } from "../prepared-events.ts";
import type { Store, StoreWriter } from "../store.ts";

const json = { "content-type": "application/json" };
const [opening, closing, comma] = ["[", "]", ","].map((text) => Buffer.from(text));

/** A stream at an address. */
export const stream: Store = {
  async openForAppends(place, events): Promise<StoreWriter> {
    const { origin, pathname: path } = new URL(place);
    const client = new Client(origin);
    const ask = async (method: "PUT" | "POST", body?: Buffer): Promise<void> => {
      const answer = await client.request({ path, method, headers: json, body: body ?? null });
      const text = await answer.body.text();
      if (answer.statusCode < 300) return;
      throw new Error(`${method} ${place} answers ${answer.statusCode}: ${text}`);
    };
    await ask("PUT");
    return {
      append: (from, to) => ask("POST", arrayOf(events, from, to)),
      close: () => client.close(),
    };
  },
  async readAll(place, take, count) {
    const { origin, pathname } = new URL(place);
    const client = new Client(origin);
    let taken = 0;
    for (let offset = "-1"; taken < count; ) {
      const path = `${pathname}?offset=${offset}`;
      const { headers, body } = await client.request({ path, method: "GET" });
      const before = taken;
      for (const item of itemsOf(Buffer.from(await body.arrayBuffer()))) {
        take(item);
        taken += 1;
      }
      if (taken === before) throw new Error(`${place} ends after ${taken} messages`);
      offset = String(headers["stream-next-offset"]);
    }
    await client.close();
  },
};

function arrayOf(events: PreparedEvents, from: number, to: number): Buffer {
  const parts: Uint8Array[] = [];
  for (let i = from; i < to; i++) parts.push((i > from ? comma : opening) as Buffer, events.at(i));
  return Buffer.concat([...parts, closing as Buffer]);
}

const [quote, backslash, comma0, open, close] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d];

/** The items of an array of objects, each as the bytes it was sent in. */
export function* itemsOf(body: Buffer): Generator<Buffer, void> {
  let depth = 0;
  let start = 1;
  for (let at = 1; at < body.length; at++) {
    const byte = body[at];
    if (byte === quote) at = textEnd(body, at);
    else if (byte === open) depth += 1;
    else if (byte === close && --depth === 0) yield body.subarray(start, at + 1);
    else if (byte === comma0 && depth === 0) start = at + 1;
  }
}

/** Where the string that begins at `start` has its closing quote. */
function textEnd(body: Buffer, start: number): number {
  let at = start;
  for (;;) {
    at = body.indexOf(quote as number, at + 1);
    if (at < 0) return body.length;
    let escapes = 0;
    while (body[at - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
}
