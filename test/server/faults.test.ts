// What strangers send: broken requests, paths that climb, text that bites, clients that go away.
// Always the right status and a problem document; nothing leaks, nothing is lost.

import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { writeSample } from "../session/sample-session.ts";
import { askEverywhere, keepAndRead, naughtyStrings, ownStrings } from "./naughty-strings.ts";
import { type Served, serve } from "./serving.ts";

/** Sends bytes as they are and returns everything that comes back until the connection ends. */
function raw(served: Served, bytes: string | Buffer, { half = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(served.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      text += data;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(text);
      else reject(error);
    });
    if (half) socket.write(bytes);
    else socket.end(bytes);
  });
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

function get(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
}

const missing = "0199c1f2-0000-7000-8000-000000000000";

describe("a body", () => {
  it("that is not what it says is refused, with the place and without the content", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 1);
    const url = `/v1/sessions/${id}/events`;
    const send = async (
      body: string | Uint8Array,
      type = "application/json",
    ): Promise<unknown[]> => {
      const answer = await served.get(url, {
        method: "POST",
        body: body as never,
        headers: { "content-type": type },
      });
      const problem = (await answer.json()) as { code: string; detail: string };
      expect(problem.detail).not.toContain("sneaky");
      return [answer.status, problem.code];
    };
    const invalid = [400, "REQUEST_INVALID"];
    expect(await send('{"sneaky')).toEqual(invalid);
    expect(await send('{"type":"sneaky"}]')).toEqual(invalid);
    expect(await send(Buffer.from('{"type":"\xff\xfe"}', "latin1"))).toEqual(invalid);
    expect(await send('{"type":"x"} ', "text/plain")).toEqual([415, "MEDIA_TYPE_UNSUPPORTED"]);
    expect(await send("a=b", "application/x-www-form-urlencoded")).toEqual([
      415,
      "MEDIA_TYPE_UNSUPPORTED",
    ]);
    for (const bytes of [
      [0xff],
      [0xa1],
      [0x9f, 0xff],
      [0xc0, 0x00],
      [0x5b, 255, 255, 255, 255, 1, 1, 1, 1],
    ]) {
      expect(await send(Uint8Array.from(bytes), "application/cbor")).toEqual(invalid);
    }
    expect(await send("null")).toEqual([422, "REQUEST_INVALID"]);
    expect(await send('{"type":"x","data":1,"__proto__":{"kind":"end"}}')).toEqual([
      422,
      "REQUEST_INVALID",
    ]);
    expect(await send('{"type":"a\\ud800"}')).toEqual([422, "EVENT_INVALID"]);
    const deep = `{"type":"x","data":${"[".repeat(5000)}${"]".repeat(5000)}}`;
    expect(await send(deep)).toEqual([422, "DATA_UNSUPPORTED"]);
    const after = await served.get(`/v1/sessions/${id}`);
    expect(await after.json()).toMatchObject({ size: 1 });
  });

  it("that is too large is refused before it is read, or as soon as it is", async () => {
    const served = await serve({ config: { bodyBytesMax: 10_000 } });
    const id = await writeSample(served.directory, 1);
    const type = "Content-Type: application/json";
    const head = `POST /v1/sessions/${id}/events HTTP/1.1\r\nHost: localhost\r\n${type}\r\n`;
    const announced = await raw(served, `${head}Content-Length: 100000000\r\n\r\n{`, {
      half: true,
    });
    expect(statusOf(announced)).toBe(413);
    const chunk = `${(5000).toString(16)}\r\n${"x".repeat(5000)}\r\n`;
    const chunked = await raw(
      served,
      `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`,
      { half: true },
    );
    expect(statusOf(chunked)).toBe(413);
    expect(chunked).toContain("REQUEST_TOO_LARGE");
  });
});

describe("a request", () => {
  it("with headers that are too large, or no HTTP at all, is refused", async () => {
    const served = await serve();
    const bomb = await raw(served, get("/v1/sessions", `X-Bomb: ${"x".repeat(40_000)}\r\n`));
    expect(statusOf(bomb)).toBe(431);
    expect(bomb).toContain("REQUEST_TOO_LARGE");
    expect(statusOf(await raw(served, "EHLO example.org\r\n\r\n"))).toBe(400);
    expect(statusOf(await raw(served, Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1])))).toBe(400);
    // Two lengths, or a length and chunks: how requests are smuggled.
    const head =
      "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const two = `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nnull`;
    expect(statusOf(await raw(served, two))).toBe(400);
    const both = `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    expect(statusOf(await raw(served, both))).toBe(400);
    expect((await served.get("/healthz")).status).toBe(200);
  });

  it("that comes too slowly is given up", async () => {
    const config = { headersTimeoutMs: 200, requestTimeoutMs: 400 };
    const served = await serve({ config });
    const slow = await raw(served, "GET /healthz HTTP/1.1\r\nHost: loc", { half: true });
    expect([0, 408]).toContain(statusOf(slow));
    expect((await served.get("/healthz")).status).toBe(200);
  }, 30_000);

  it("cannot climb out of where its path belongs", async () => {
    const served = await serve();
    const secret = fs.readFileSync(path.join(served.directory.path, "keys/signing.key"), "utf8");
    for (const target of [
      "/../../../../etc/passwd",
      "/v1/sessions/../../keys/signing.key",
      "/v1/sessions/..%2f..%2fkeys%2fsigning.key",
      "/v1/sessions/%2e%2e%2f%2e%2e",
      "/v1/sessions/..\\..\\keys",
      "/v1/sessions/%00",
      "/v1/sessions/%c0%ae%c0%ae",
      "/v1/sessions/%",
      `/v1/sessions/${missing.toUpperCase()}`,
      `/v1/sessions/${missing}%00`,
      `/v1/sessions/${missing}/../../blobs/x`,
      `/v1/sessions/${missing}/tlog/../../../keys/signing.key`,
      `/v1/sessions/${missing}/tlog/%2e%2e/%2e%2e/keys/signing.key`,
      "/v1/blobs/../keys/signing.key",
      `/v1/blobs/${"0".repeat(63)}`,
      `/v1/blobs/${"0".repeat(64)}%2f..`,
      "//etc/passwd",
      "/v1//sessions",
      "*",
      "http://evil.example/v1/sessions/x",
      `/v1/sessions/${"a".repeat(5000)}`,
    ]) {
      const answer = await raw(served, get(target));
      expect([400, 404, 414], target).toContain(statusOf(answer));
      expect(answer, target).not.toContain("root:");
      expect(answer, target).not.toContain(secret.trim());
      expect(answer, target).not.toContain(served.scratch.folder);
    }
  });
});

describe("text that bites", () => {
  // All of it: `faults.slow.test.ts`.
  const some = naughtyStrings().filter((_, i) => i < ownStrings || i % 25 === 0);

  it("in every parameter is a wrong parameter, or text", async () => {
    await askEverywhere(await serve(), some);
  });

  it("as type, data, name or key comes out as it went in, or is refused", async () => {
    await keepAndRead(await serve(), some);
  });
});

describe("a client", () => {
  it("that goes away in the middle of a page leaves nothing behind", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 1000, { largeBytes: 60_000 });
    const { readers } = served.server.context.workspaces.get("default") ?? {};
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = net.connect(served.port, "127.0.0.1", () => {
          socket.write(get(`/v1/sessions/${id}/events`));
          socket.once("data", () => {
            socket.destroy();
            resolve();
          });
        });
      });
    }
    for (let i = 0; i < 200 && (readers?.lent ?? 0) > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(readers?.lent).toBe(0);
    const page = await served.get(`/v1/sessions/${id}/events?limit=10`);
    expect(page.status).toBe(200);
  });

  it("that never reads its page holds nobody up", async () => {
    const served = await serve({ config: { shutdownMs: 100 } });
    const id = await writeSample(served.directory, 1000, { largeBytes: 60_000 });
    const stuck = net.connect(served.port, "127.0.0.1");
    stuck.pause();
    stuck.on("error", () => {});
    for (let i = 0; i < 5; i++)
      stuck.write(`GET /v1/sessions/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => served.get(`/v1/sessions/${id}/events?limit=5`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await served.restart();
    stuck.destroy();
  });
});
