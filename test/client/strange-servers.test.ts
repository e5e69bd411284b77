// The client against servers that hang, that are something else, or that say what cannot be: it is
// told in words, soon, and never waits or asks for ever.

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { codeOf } from "../../src/base/index.ts";
import { ReachClient } from "../../src/client.ts";
import { serve } from "../server/serving.ts";

const id = "0199c1f2-0000-7000-8000-000000000000";

interface Stranger {
  readonly url: string;
  /** Requests that came. */
  asked: number;
}

/** A server that answers as it likes. */
async function stranger(
  answer: (reply: http.ServerResponse, request: http.IncomingMessage) => void,
): Promise<Stranger> {
  const made = { url: "", asked: 0 };
  const server = http.createServer((request, reply) => {
    made.asked += 1;
    answer(reply, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return made;
}

/** One that gives the same answer to everything. */
function saying(status: number, text: string, headers: http.OutgoingHttpHeaders = {}) {
  return stranger((reply) => {
    reply.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
  });
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What the client throws, or a word for waiting longer than anybody should. */
async function thrown(work: Promise<unknown>): Promise<{ code?: unknown; message: string }> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("still waiting")), 4000).unref();
  });
  try {
    await Promise.race([work, late]);
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
  return { message: "nothing was thrown" };
}

describe("a server that hangs", () => {
  it("is given up when no answer begins, and is not asked again", async () => {
    const { url, asked } = await stranger(() => {});
    const client = new ReachClient({ url, silenceMs: 100 });
    expect(await thrown(client.session(id))).toEqual({
      code: "UNAVAILABLE",
      message: `${url} has said nothing for 0.1 s`,
    });
    expect(asked).toBeLessThanOrEqual(1);
  });

  it("is given up in the middle of an answer, also of one that says what is wrong", async () => {
    for (const status of [200, 500]) {
      const server = await stranger((reply) => {
        reply.writeHead(status, { "content-type": "application/json" }).write('{"id":');
      });
      const client = new ReachClient({ url: server.url, silenceMs: 100 });
      expect((await thrown(client.session(id))).code, String(status)).toBe("UNAVAILABLE");
      expect(server.asked).toBe(1);
    }
  });

  it("is not given up, or not asked again, only where that makes sense", async () => {
    const { url } = await saying(200, '{"version":"1","verifierKey":"k"}');
    const waiting = new ReachClient({ url, silenceMs: Number.POSITIVE_INFINITY });
    expect((await waiting.about()).version).toBe("1");
    for (const options of [{ attempts: Number.NaN }, { silenceMs: Number.NaN }, { silenceMs: 0 }]) {
      expect(() => new ReachClient({ url, ...options })).toThrow(/is no (number|time) of/);
    }
  });

  it("does not keep anybody who has called a replay off", async () => {
    const { url } = await stranger((reply, { method }) => {
      const job = { id: "job", session: id, status: "running", progress: 0 };
      if (method === "DELETE") return;
      reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(job));
    });
    const off = new AbortController();
    const onProgress = (): void => off.abort();
    const replay = new ReachClient({ url }).replay(id, { signal: off.signal, onProgress });
    expect((await thrown(replay)).code).toBe("INTERRUPTED");
  });

  it("is waited for while it sends, however slowly", async () => {
    const letters = [...`{"id":"${id}"}`];
    const { url } = await stranger((reply) => {
      reply.writeHead(200, { "content-type": "application/json" });
      const sending = setInterval(() => {
        const letter = letters.shift();
        if (letter !== undefined) return void reply.write(letter);
        clearInterval(sending);
        reply.end();
      }, 20);
    });
    const client = new ReachClient({ url, silenceMs: 300 });
    expect(await client.session(id)).toEqual({ id });
  });
});

describe("a server that asks to be left alone", () => {
  it("is not asked again within the command when that is for long", async () => {
    for (const seconds of ["86400", "3000000"]) {
      const server = await saying(503, "{}", { "retry-after": seconds });
      const client = new ReachClient({ url: server.url });
      expect((await thrown(client.about())).code, seconds).toBe("UNAVAILABLE");
      expect(server.asked).toBe(1);
    }
  });
});

describe("a server that is another one", () => {
  it("is told by its answers, whatever they are", async () => {
    for (const text of ["{}", "[]", "null", '"x"', "<html>"]) {
      const { url } = await saying(200, text);
      const client = new ReachClient({ url });
      const asking: Readonly<Record<string, () => Promise<unknown>>> = {
        about: () => client.about(),
        sessions: () => all(client.sessions()),
        session: () => client.session(id),
        events: () => all(client.events(id)),
        stored: () => all(client.stored(id)),
        state: () => client.state(id),
        record: () => client.record([{ type: "a" }]),
        append: () => client.append(id, [{ type: "a" }]),
        cancel: () => client.cancel(id),
        replay: () => client.replay(id),
      };
      for (const [what, ask] of Object.entries(asking)) {
        expect((await thrown(ask())).code, `${what} of ${text}`).toBe("UNAVAILABLE");
      }
      expect((await thrown(all(client.tail(id)))).code, `tail of ${text}`).toBe("CORRUPT");
    }
  });

  it("may say what is wrong in any form", async () => {
    for (const text of ["null", '{"detail":[{"loc":1}]}', '{"detail":""}', "5"]) {
      const { url } = await saying(422, text);
      expect(await thrown(new ReachClient({ url }).session(id)), text).toEqual({
        code: "REQUEST_INVALID",
        message: "the server answers 422",
      });
    }
  });

  it("is named when the one that was asked sends there", async () => {
    const server = await saying(302, "", { location: "https://elsewhere.test/" });
    expect(await thrown(new ReachClient({ url: server.url }).about())).toEqual({
      code: "USAGE",
      message: `${server.url} sends to https://elsewhere.test/`,
    });
    expect(server.asked).toBe(1);
  });
});

describe("a server that leaves something out", () => {
  it("is found out by the place where events should go on", async () => {
    const more = (next: number) => ({ "reach-next": String(next), "reach-more": "true" });
    for (const next of [-1, 0]) {
      const { url } = await saying(200, "", more(next));
      const client = new ReachClient({ url });
      expect((await thrown(all(client.stored(id, { from: 1 })))).code).toBe("CORRUPT");
    }
    const { url } = await saying(200, '{"events":[],"next":-1,"more":true}');
    expect((await thrown(all(new ReachClient({ url }).events(id)))).code).toBe("CORRUPT");
  });

  it("is found out by events that do not follow on each other", async () => {
    const served = await serve();
    const made = await new ReachClient({ url: served.url }).record(
      Array.from({ length: 20 }, (_, n) => ({ type: n % 2 === 0 ? "even" : "odd" })),
    );
    const asking = (change: (url: string) => string): ReachClient => {
      const changing: typeof fetch = (input, init) => fetch(change(String(input)), init);
      return new ReachClient({ url: served.url, fetch: changing });
    };
    const skipping = asking((url) => url.replace("after=4", "after=6"));
    expect(await thrown(all(skipping.stored(made.id, { from: 5 })))).toEqual({
      code: "CORRUPT",
      message: "the server goes on with event 7, not 5",
    });
    const leavingOut = asking((url) => `${url}&type=odd`);
    expect((await thrown(all(leavingOut.stored(made.id)))).code).toBe("CORRUPT");
    const odd = asking((url) => url).stored(made.id, { type: "odd", from: 4 });
    expect(await all(odd)).toHaveLength(8);
    const again = asking((url) => url.replace("after=9", "after=1"));
    expect((await thrown(all(again.stored(made.id, { from: 10, type: "odd" })))).code).toBe(
      "CORRUPT",
    );
  });
});

describe("a tail", () => {
  it("ends with an error when what is sent is none", async () => {
    for (const text of [
      "null",
      "5",
      "{}",
      "x",
      '{"seq":"0"}',
      '{"seq":-1}',
      '{"seq":null,"next":0}',
    ]) {
      const { url } = await saying(200, `data: ${text}\n\n`, {
        "content-type": "text/event-stream",
      });
      expect((await thrown(all(new ReachClient({ url }).tail(id)))).code, text).toBe("CORRUPT");
    }
  });

  it("ends with an error when the server cannot read on, but not at the first word", async () => {
    const cut = 'event: control\ndata: {"next":0,"cut":"damaged"}\n\n';
    const server = await saying(200, cut, { "content-type": "text/event-stream" });
    const tail = all(new ReachClient({ url: server.url }).tail(id));
    expect(await thrown(tail)).toEqual({
      code: "CORRUPT",
      message: "the server cannot read the session from event 0 on",
    });
    expect(server.asked).toBe(3);
  });

  it("says that a connection is lost, and goes on", async () => {
    let refuse = true;
    const { url } = await stranger((reply) => {
      if (refuse) reply.writeHead(503).end();
      else {
        reply.writeHead(200, { "content-type": "text/event-stream" });
        reply.end('event: control\ndata: {"next":0,"closed":true}\n\n');
      }
    });
    const lost: unknown[] = [];
    const client = new ReachClient({ url, attempts: 1 });
    const onLost = (error: unknown): void => {
      lost.push(codeOf(error));
      refuse = false;
    };
    expect(await all(client.tail(id, { onLost }))).toEqual([]);
    expect(lost).toEqual(["UNAVAILABLE"]);
  });
});
