// Which headers `http.fetch` sends where: what an operator adds for a host goes to nobody else, not
// in clear text unless that was said, and programs do not say which host is meant.

import { beforeEach, describe, expect, it, vi } from "vitest";
import { EffectRegistry, type HttpFetchOptions, httpFetch } from "../../src/effects/index.ts";
import { call } from "./calling.ts";

/** What would have been sent; nothing leaves this process. */
const sent: { url: string; headers: Record<string, string> }[] = [];

vi.mock("undici", () => ({
  Agent: class {},
  request: async (url: URL, { headers }: { headers: Record<string, string> }) => {
    sent.push({ url: url.href, headers });
    return { statusCode: 200, headers: {}, body: [] };
  },
}));

beforeEach(() => {
  sent.length = 0;
});

const allow = ["api.example.com", "api.example.com:80", "api.example.com:8443", "other.example"];
const key = { authorization: "Bearer s3cret" };

/** The headers of the one request that a call makes. */
async function headersOf(
  url: string,
  headersFor: HttpFetchOptions["headersFor"] = {},
  headers: Record<string, string> = {},
): Promise<Record<string, string> | undefined> {
  const effects = new EffectRegistry({ "http.fetch": httpFetch({ allow, headersFor }) });
  const { error } = await call(effects, "http.fetch", { url, headers });
  expect(error).toBeUndefined();
  expect(sent.length).toBe(1);
  return sent.pop()?.headers;
}

describe("headers that are added for a host", () => {
  it("go to it over https, and not in clear text", async () => {
    const headersFor = { "api.example.com": key };
    expect(await headersOf("https://api.example.com/", headersFor)).toMatchObject(key);
    expect(await headersOf("https://API.example.com:443/", headersFor)).toMatchObject(key);
    for (const url of ["http://api.example.com/", "http://api.example.com:80/"]) {
      expect(await headersOf(url, headersFor), url).not.toHaveProperty("authorization");
    }
    expect(await headersOf("https://api.example.com:8443/", headersFor)).not.toMatchObject(key);
  });

  it("go wherever the port or the scheme was named", async () => {
    for (const [named, url] of [
      ["api.example.com:80", "http://api.example.com/"],
      ["api.example.com:8443", "https://api.example.com:8443/"],
      ["api.example.com:8443", "http://api.example.com:8443/"],
      ["api.example.com:443", "https://api.example.com/"],
      ["http://api.example.com", "http://api.example.com/"],
      ["https://API.example.com:8443", "https://api.example.com:8443/"],
    ] as const) {
      expect(await headersOf(url, { [named]: key }), named).toMatchObject(key);
    }
    for (const [named, url] of [
      ["http://api.example.com", "https://api.example.com/"],
      ["https://api.example.com:8443", "http://api.example.com:8443/"],
    ] as const) {
      expect(await headersOf(url, { [named]: key }), named).not.toHaveProperty("authorization");
    }
  });

  it("take the place of what a program says, however they are spelled", async () => {
    const headersFor = { "api.example.com": { Authorization: "Bearer s3cret" } };
    const own = { AUTHORIZATION: "Bearer mine" };
    const headers = await headersOf("https://api.example.com/", headersFor, own);
    expect(headers).toMatchObject(key);
    expect(headers).not.toHaveProperty("Authorization");
  });
});

it("a program does not say which host is meant: the URL does", async () => {
  const headersFor = { "api.example.com": key };
  const own = { Host: "other.example", "x-own": "1" };
  const headers = await headersOf("https://api.example.com/", headersFor, own);
  expect(headers).toMatchObject({ ...key, "x-own": "1" });
  expect(headers).not.toHaveProperty("host");
});
