// The built-in `http.fetch`: what it reaches, and above all what it does not, however spelled.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpFetchOptions, httpFetch } from "../../src/config.ts";
import { isPublicAddress } from "../../src/effects/address-rules.ts";
import { EffectRegistry } from "../../src/effects/index.ts";
import { type Called, call } from "./calling.ts";

let server: Server;
let port: number;
const seen: { url: string; headers: IncomingMessage["headers"]; method: string; body: string }[] =
  [];

const routes: Readonly<Record<string, (request: IncomingMessage, answer: ServerResponse) => void>> =
  {
    "/json": (_, answer) => {
      answer.setHeader("content-type", "application/json");
      answer.end('{"ok":true}');
    },
    "/text": (_, answer) => {
      answer.setHeader("content-type", "text/plain");
      answer.end("hello");
    },
    "/bytes": (_, answer) => answer.end(Buffer.from([1, 2, 3])),
    "/large": (_, answer) => answer.end(Buffer.alloc(100_000)),
    "/busy": (_, answer) => {
      answer.statusCode = 503;
      answer.end();
    },
    "/gzip": (_, answer) => {
      answer.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" });
      answer.end(gzipSync("hello"));
    },
    "/down": (_, answer) => {
      answer.writeHead(502, { "content-type": "text/html" });
      answer.end("<h1>Bad Gateway</h1>");
    },
    "/never": () => {},
    "/again": (_, answer) => redirect(answer, 302, "/again"),
    "/inside": (_, answer) => redirect(answer, 302, "http://169.254.169.254/latest/meta-data"),
    "/elsewhere": (_, answer) => redirect(answer, 307, `http://other.test:${port}/json`),
    "/after": (_, answer) => redirect(answer, 303, "/json"),
    "/talking": (_, answer) => {
      answer.writeHead(302, { location: "/json" });
      answer.write("and it goes on");
    },
    "/latin": (_, answer) => {
      answer.setHeader("content-type", "text/html; charset=ISO-8859-1");
      answer.end(Buffer.from("café", "latin1"));
    },
    "/marked": (_, answer) => {
      answer.setHeader("content-type", "application/json");
      answer.end(`\ufeff{"ok":true}`);
    },
  };

function redirect(answer: ServerResponse, status: number, location: string): void {
  answer.statusCode = status;
  answer.setHeader("location", location);
  answer.end();
}

beforeAll(async () => {
  server = createServer((request, answer) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      const { url = "", headers, method = "" } = request;
      seen.push({ url, headers, method, body });
      (routes[url] ?? ((_, missing) => missing.writeHead(404).end()))(request, answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Names that resolve as a test says. */
function resolving(names: Readonly<Record<string, string>>): LookupFunction {
  return (host, _, done) => {
    const address = names[host];
    if (address === undefined) done(new Error(`no ${host}`) as NodeJS.ErrnoException, "");
    else done(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
  };
}

function fetchWith(options: Partial<HttpFetchOptions>, input: unknown): Promise<Called> {
  const fetcher = httpFetch({ allow: [], ...options });
  return call(new EffectRegistry({ "http.fetch": fetcher }), "http.fetch", input);
}

/** Whatever the rules of hosts say, these may be reached in a test. */
const local = (): Partial<HttpFetchOptions> => ({ allowPrivate: [`127.0.0.1:${port}`] });
const at = (path: string): string => `http://127.0.0.1:${port}${path}`;

describe("http.fetch", () => {
  it("gives back what came, as JSON, text or bytes", async () => {
    const json = await fetchWith(local(), { url: at("/json") });
    expect(json.value).toMatchObject({ status: 200, body: { ok: true }, url: at("/json") });
    expect((await fetchWith(local(), { url: at("/text") })).value).toMatchObject({ body: "hello" });
    const bytes = await fetchWith(local(), { url: at("/bytes") });
    expect(bytes.value).toMatchObject({ body: new Uint8Array([1, 2, 3]) });
    expect((await fetchWith(local(), { url: at("/no") })).value).toMatchObject({ status: 404 });
  });

  it("reads text by its character set, without a mark of byte order", async () => {
    expect((await fetchWith(local(), { url: at("/latin") })).value).toMatchObject({ body: "café" });
    const marked = await fetchWith(local(), { url: at("/marked") });
    expect(marked.value).toMatchObject({ body: { ok: true } });
  });

  it.each([
    { headers: { "x-own": "1\r\nx-other: 2" } },
    { headers: { "x-own": "é😀" } },
    { method: "GET / HTTP/1.1" },
    { method: 5 },
    { method: "POST", body: [1, 2] },
    { method: "POST", json: { n: 1n } },
    { method: "POST", json: { bytes: new Uint8Array([1, 2]) } },
    { method: "POST", json: [Number.NaN] },
    { method: "POST", body: "abc", headers: { "content-length": "2" } },
    { headers: { upgrade: "websocket" } },
  ])("refuses what cannot be sent, once, and no breaker counts it: %o", async (input) => {
    const retries = { attempts: 3, initialMs: 1, maxMs: 2 };
    const fetcher = httpFetch({ allow: [], ...local(), retries, breaker: { failures: 1 } });
    const effects = new EffectRegistry({ "http.fetch": fetcher });
    const refused = await call(effects, "http.fetch", { url: at("/json"), ...input });
    expect(refused).toMatchObject({ error: { code: "HTTP_REFUSED" }, notes: [] });
    expect(await call(effects, "http.fetch", { url: at("/json") })).toMatchObject({
      value: { status: 200 },
    });
  });

  it("takes no body for text that is encoded all the same", async () => {
    const text = await fetchWith(local(), { url: at("/gzip") });
    expect(text.error).toMatchObject({ code: "HTTP_BAD_BODY" });
    expect(text.error?.message).toContain("gzip");
    const bytes = await fetchWith(local(), { url: at("/gzip"), as: "bytes" });
    expect(bytes.value).toMatchObject({ body: new Uint8Array(gzipSync("hello")) });
  });

  it("tries again where the status says so, also when the body is not what was meant", async () => {
    const retries = { attempts: 3, initialMs: 1, maxMs: 2 };
    const input = { url: at("/down"), as: "json" };
    const { error, notes } = await fetchWith({ ...local(), retries }, input);
    expect(error).toMatchObject({
      code: "HTTP_BAD_BODY",
      data: { beginning: "<h1>Bad Gateway</h1>" },
    });
    expect(notes).toHaveLength(2);
  });

  it("does not wait for the body of a redirect", async () => {
    const { value } = await fetchWith({ ...local(), timeoutMs: 5000 }, { url: at("/talking") });
    expect(value).toMatchObject({ status: 200, body: { ok: true } });
  });

  it("sends bodies with the key of the call, and headers that no program sees", async () => {
    const headersFor = { [`127.0.0.1:${port}`]: { authorization: "Bearer s3cret" } };
    const input = { url: at("/json"), method: "POST", json: { a: 1 } };
    await fetchWith({ ...local(), headersFor }, input);
    expect(seen.at(-1)).toMatchObject({
      method: "POST",
      body: '{"a":1}',
      headers: {
        "content-type": "application/json",
        "idempotency-key": "0199c1f2-0000-7000-8000-000000000000/7",
        authorization: "Bearer s3cret",
      },
    });
  });

  it("bounds what it reads, how often it is led on, and how long it takes", async () => {
    const large = await fetchWith({ ...local(), bytesMax: 1000 }, { url: at("/large") });
    expect(large.error).toMatchObject({ code: "HTTP_TOO_LARGE" });
    const again = await fetchWith(local(), { url: at("/again") });
    expect(again.error?.message).toContain("more than 5 redirects");
    const never = await fetchWith({ ...local(), timeoutMs: 50 }, { url: at("/never") });
    expect(never.error).toMatchObject({ code: "EFFECT_TIMEOUT" });
  });

  it("tries again where the status says so, and then returns that", async () => {
    const retries = { attempts: 3, initialMs: 1, maxMs: 2 };
    const { value, notes } = await fetchWith({ ...local(), retries }, { url: at("/busy") });
    expect(value).toMatchObject({ status: 503 });
    expect(notes).toHaveLength(2);
  });

  it("follows redirects as RFC 9110 has it, without credentials to another origin", async () => {
    const lookup = resolving({ "other.test": "127.0.0.1" });
    const allowPrivate = [`127.0.0.1:${port}`, `other.test:${port}`];
    const headers = { Authorization: "Bearer mine", "x-own": "1" };
    const input = { url: at("/elsewhere"), method: "POST", json: { a: 1 }, headers };
    const { value } = await fetchWith({ allowPrivate, lookup }, input);
    expect(value).toMatchObject({ status: 200, url: `http://other.test:${port}/json` });
    expect(seen.at(-1)).toMatchObject({
      method: "POST",
      body: '{"a":1}',
      headers: { "x-own": "1" },
    });
    expect(seen.at(-1)?.headers["authorization"]).toBeUndefined();
    await fetchWith(local(), { ...input, url: at("/after") });
    expect(seen.at(-1)).toMatchObject({ method: "GET", body: "" });
    expect(seen.at(-1)?.headers["authorization"]).toBe("Bearer mine");
  });

  it.each(["x-api-key", "API-Key", "x-goog-api-key", "Private-Token", "x-auth-token", "cookie"])(
    "passes no %s on to another origin",
    async (name) => {
      const lookup = resolving({ "other.test": "127.0.0.1" });
      const allowPrivate = [`127.0.0.1:${port}`, `other.test:${port}`];
      const headers = { [name]: "mine" };
      await fetchWith({ allowPrivate, lookup }, { url: at("/elsewhere"), headers });
      expect(seen.at(-1)?.headers).not.toHaveProperty(name.toLowerCase());
      await fetchWith(local(), { url: at("/after"), headers });
      expect(seen.at(-1)?.headers[name.toLowerCase()]).toBe("mine");
    },
  );
});

describe("a host that is not on the list", () => {
  it.each([
    "https://example.org/",
    "https://notexample.com/",
    "https://example.com.evil.test/",
    "https://example.com:8443/",
    "http://user:secret@example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "no url",
  ])("is refused: %s", async (url) => {
    const { error } = await fetchWith({ allow: ["example.com", "*.example.net"] }, { url });
    expect(error).toMatchObject({ name: "GiveUp", code: "HTTP_REFUSED" });
  });

  it("has to be said of every effect of this kind", () => {
    for (const allow of [undefined, "api.example.com", [1]]) {
      const options = { allow } as unknown as HttpFetchOptions;
      expect(() => httpFetch(options)).toThrow(/`allow` of http.fetch is no list of hosts/);
    }
  });

  it("is told from one below an allowed name", async () => {
    const lookup = resolving({ "api.example.net": "10.0.0.1", "example.net": "10.0.0.1" });
    const allow = ["*.example.net"];
    const below = await fetchWith({ allow, lookup }, { url: "https://api.example.net/" });
    expect(below.error?.message).toContain("10.0.0.1");
    const itself = await fetchWith({ allow, lookup }, { url: "https://example.net/" });
    expect(itself.error?.message).toContain("not on the list");
  });
});

describe("an address of this machine or network", () => {
  // Allowed by name, as a careless list would: the address decides.
  const spelled = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[fe80::1]",
    "[fd00::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
    "[::5efe:7f00:1]",
    "[4000::1]",
  ];
  it.each(spelled)("is refused however it is spelled: %s", async (host) => {
    const url = `http://${host}:${port}/json`;
    const allow = [`${new URL(url).hostname}:${port}`];
    const before = seen.length;
    const { error } = await fetchWith({ allow }, { url });
    expect(error).toMatchObject({ code: "HTTP_REFUSED" });
    expect(seen).toHaveLength(before);
  });

  it.each(["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.0.9", "fd12::1"])(
    "is refused when a name resolves to it: %s",
    async (address) => {
      const before = seen.length;
      const lookup = resolving({ "api.example.com": address });
      const allow = [`api.example.com:${port}`];
      const { error } = await fetchWith(
        { allow, lookup },
        { url: `http://api.example.com:${port}/json` },
      );
      expect(error).toMatchObject({ code: "HTTP_REFUSED" });
      expect(error?.message).toContain("not an address of the public internet");
      expect(seen).toHaveLength(before);
    },
  );

  it("is refused when one of several answers of a name server is one", async () => {
    const lookup: LookupFunction = (_, __, done) => {
      done(null, [
        { address: "93.184.216.34", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    };
    const url = `http://api.example.com:${port}/json`;
    const { error } = await fetchWith({ allow: [`api.example.com:${port}`], lookup }, { url });
    expect(error).toMatchObject({ code: "HTTP_REFUSED" });
  });

  it("is refused when the second answer of a name server is one", async () => {
    let asked = 0;
    const lookup: LookupFunction = (_, __, done) => {
      asked += 1;
      done(null, [{ address: asked === 1 ? "192.0.2.1" : "127.0.0.1", family: 4 }]);
    };
    const url = `http://api.example.com:${port}/json`;
    const retries = { attempts: 3, initialMs: 1, maxMs: 2 };
    const allow = [`api.example.com:${port}`];
    const { error } = await fetchWith({ allow, lookup, retries }, { url });
    expect(error).toMatchObject({ code: "HTTP_REFUSED" });
  });

  it("is refused when a redirect leads there", async () => {
    const inside = await fetchWith(local(), { url: at("/inside") });
    expect(inside.error).toMatchObject({ code: "HTTP_REFUSED" });
    const lookup = resolving({ "other.test": "127.0.0.1" });
    const allow = [`other.test:${port}`];
    const elsewhere = await fetchWith({ ...local(), allow, lookup }, { url: at("/elsewhere") });
    expect(elsewhere.error?.message).toContain("other.test");
  });

  it("is told from a public one", () => {
    expect(["93.184.216.34", "2606:2800:220:1::1"].map(isPublicAddress)).toEqual([true, true]);
    expect(["192.0.2.1", "198.18.0.1", "240.0.0.1", "x"].some(isPublicAddress)).toBe(false);
  });
});
