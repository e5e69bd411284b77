// The observer's page as a server hands it out: whole, by nobody else's code, and with nothing of
// any session in it, so that it may be public.

import { describe, expect, it } from "vitest";
import { serve } from "./serving.ts";

describe("the observer's page", () => {
  it("is where a browser looks first, and everything that it names is there", async () => {
    const served = await serve();
    const first = await served.get("/", { redirect: "manual" });
    expect([first.status, first.headers.get("location")]).toEqual([302, "/ui"]);
    const page = await served.get("/ui");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const text = await page.text();
    const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);
    expect(named).toEqual(["/ui/observe.css", "/ui/observe.js"]);
    const types: (string | null)[] = [];
    for (const url of [...named, "/ui/verify-worker.js"]) {
      const file = await served.get(url);
      types.push(file.headers.get("content-type"));
      expect((await file.arrayBuffer()).byteLength, url).toBeGreaterThan(1000);
    }
    const script = "text/javascript; charset=utf-8";
    expect(types).toEqual(["text/css; charset=utf-8", script, script]);
  });

  it("runs its own scripts and no others, and shows itself in no frame", async () => {
    const served = await serve();
    for (const url of ["/ui", "/ui/observe.js", "/ui/verify-worker.js"]) {
      const policy = (await served.get(url)).headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|http|\*|data:|blob:/);
    }
    const text = await (await served.get("/ui")).text();
    expect(text).not.toMatch(/<style|<script[^>]*>[^<]|\son\w+=|style=/);
  });

  it("is public where everything else wants a token, and comes once", async () => {
    const served = await serve();
    await served.token(["sessions:read"]);
    expect((await served.get("/v1")).status).toBe(401);
    const page = await served.get("/ui");
    expect(page.status).toBe(200);
    const etag = page.headers.get("etag") ?? "";
    const again = await served.get("/ui", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("has no other files", async () => {
    const served = await serve();
    for (const name of ["index.htm", "..%2findex.html", "constructor", "%2e%2e%2fpackage.json"]) {
      expect((await served.get(`/ui/${name}`)).status, name).toBe(404);
    }
  });
});
