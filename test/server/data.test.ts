// States, payloads, bundles: whole, in part, verified by whoever gets them.

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, describe, expect, it } from "vitest";
import { decodeValue, sha256, toHex } from "../../src/base/index.ts";
import { closeWorkers } from "../../src/runtime/index.ts";
import { Directory, importBundle, verifySession } from "../../src/session/index.ts";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

afterAll(closeWorkers);

/** The name and bytes of the payload of event 3, which lies in the store. */
async function payload(served: Served, id: string): Promise<{ name: string; bytes: Uint8Array }> {
  const event = await (await served.get(`/v1/sessions/${id}/events/3?payload=ref`)).json();
  const { blob } = event as { blob: { sha256: string } };
  const reader = served.directory.session(id);
  const bytes = reader.event(3).payloadBytes.slice();
  reader.close();
  return { name: blob.sha256, bytes };
}

describe("a payload", () => {
  for (const size of [6000, 5_000_000]) {
    it(`of ${size} bytes comes whole, in part, or not again`, async () => {
      const served = await serve();
      const id = await writeSample(served.directory, 4, { largeBytes: size });
      const { name, bytes } = await payload(served, id);
      const url = `/v1/blobs/${name}`;
      const ask = async (headers: Record<string, string> = {}): Promise<[Response, Buffer]> => {
        const answer = await served.get(url, { headers });
        return [answer, Buffer.from(await answer.arrayBuffer())];
      };
      const [whole, content] = await ask();
      expect(whole.status).toBe(200);
      expect(toHex(sha256(content))).toBe(name);
      expect(whole.headers.get("content-disposition")).toBe(`attachment; filename="${name}"`);
      expect(whole.headers.get("x-content-type-options")).toBe("nosniff");
      expect(whole.headers.get("cache-control")).toContain("immutable");
      const end = bytes.length;
      for (const [range, from, to] of [
        ["bytes=0-0", 0, 1],
        ["bytes=10-99", 10, 100],
        [`bytes=${end - 1}-`, end - 1, end],
        ["bytes=-7", end - 7, end],
        [`bytes=5-${end + 100}`, 5, end],
        [`bytes=-${end + 5}`, 0, end],
      ] as const) {
        const [part, some] = await ask({ range });
        expect(part.status, range).toBe(206);
        expect(part.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${end}`);
        expect(some.equals(bytes.subarray(from, to)), range).toBe(true);
      }
      for (const range of [`bytes=${end}-`, "bytes=-0"]) {
        const [beyond] = await ask({ range });
        expect(beyond.status, range).toBe(416);
        expect(beyond.headers.get("content-range")).toBe(`bytes */${end}`);
      }
      for (const range of ["bytes=9-3", "bytes=a-b", "chars=0-5", "bytes=0-1,5-6", "bytes=-"]) {
        expect((await ask({ range }))[0].status, range).toBe(200);
      }
      const etag = whole.headers.get("etag") ?? "";
      expect((await ask({ "if-none-match": etag }))[0].status).toBe(304);
      expect((await ask({ range: "bytes=0-3", "if-range": etag }))[0].status).toBe(206);
      expect((await ask({ range: "bytes=0-3", "if-range": '"other"' }))[0].status).toBe(200);
    });
  }

  it("has no part in a HEAD, for which there are no ranges", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 4);
    const { name, bytes } = await payload(served, id);
    const headers = { range: "bytes=0-9" };
    const head = await served.get(`/v1/blobs/${name}`, { method: "HEAD", headers });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(String(bytes.length));
  });

  it("that is long leaves the thread to others, also where its end alone is sent", async () => {
    const served = await serve();
    const writer = await served.directory.openBulk({ name: "large" });
    const bytes = randomBytes(32 * 1024 * 1024);
    const header = { kind: "emit", type: "large", time: 1, ref: null } as const;
    writer.append(header, "bytes", bytes);
    await served.directory.closeWriter(writer);
    const url = `/v1/blobs/${toHex(sha256(bytes))}`;
    const late = monitorEventLoopDelay({ resolution: 1 });
    late.enable();
    const began = performance.now();
    const part = await served.get(url, { headers: { range: "bytes=-10" } });
    const tail = Buffer.from(await part.arrayBuffer());
    const tookMs = performance.now() - began;
    late.disable();
    expect(tail.equals(bytes.subarray(-10))).toBe(true);
    expect(late.max / 1e6).toBeLessThan(tookMs / 2);
  });

  it("of another workspace is none, whoever knows its name", async () => {
    const served = await serve({ workspaces: ["other"] });
    const id = await writeSample(served.directory, 4);
    const { name } = await payload(served, id);
    const ask = async (workspace: string): Promise<number> => {
      const token = await served.token(["sessions:read"], workspace);
      const headers = { authorization: `Bearer ${token}` };
      return (await served.get(`/v1/blobs/${name}`, { headers })).status;
    };
    expect(await ask("default")).toBe(200);
    expect(await ask("other")).toBe(404);
  });
});

describe("a state", () => {
  it("is that after so many events, as JSON and as its stored bytes", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 40);
    const answer = await served.get(`/v1/sessions/${id}/state?at=20`);
    const state = (await answer.json()) as { at: number; stateHash: string };
    expect(state).toMatchObject({ id, at: 20, program: { name: "transcript" } });
    const cbor = await served.get(`/v1/sessions/${id}/state?at=20`, {
      headers: { accept: "application/cbor" },
    });
    const bytes = Buffer.from(await cbor.arrayBuffer());
    expect(toHex(sha256(bytes))).toBe(state.stateHash);
    expect(typeof decodeValue(bytes)).toBe("object");
    const beyond = await served.get(`/v1/sessions/${id}/state?at=41`);
    expect(beyond.status).toBe(404);
  });
});

describe("a bundle", () => {
  it("is imported elsewhere, and verifies", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 500, { largeBytes: 20_000 });
    const answer = await served.get(`/v1/sessions/${id}/bundle`);
    expect(answer.headers.get("content-disposition")).toContain(`${id}.bundle`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const elsewhere = await Directory.open({ path: served.scratch.at("elsewhere"), mode: "write" });
    const source = served.scratch.at("one.bundle");
    fs.writeFileSync(source, bytes);
    await importBundle(elsewhere, fs.createReadStream(source));
    expect(await verifySession(elsewhere, id)).toMatchObject({
      events: 500,
      integrity: "intact",
      completeness: "complete",
    });
    await elsewhere.close();
  });
});

describe("a replay over HTTP", () => {
  it("is a job that says what it found", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 60);
    const begun = await served.post(`/v1/sessions/${id}/replay`, {});
    expect(begun.status).toBe(202);
    const url = begun.headers.get("location") ?? "";
    let job = (await begun.json()) as { status: string; result: unknown };
    for (let i = 0; i < 500 && job.status === "running"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      job = (await (await served.get(url)).json()) as typeof job;
    }
    expect(job).toMatchObject({ status: "done", result: { verdict: "computed", events: 60 } });
    expect((await served.get("/v1/jobs/00000000-0000-4000-8000-000000000000")).status).toBe(404);
    const missing = "0199c1f2-0000-7000-8000-000000000000";
    expect((await served.post(`/v1/sessions/${missing}/replay`, {})).status).toBe(404);
    expect((await served.post(`/v1/sessions/${id}/cancel`, {})).status).toBe(503);
  });
});
