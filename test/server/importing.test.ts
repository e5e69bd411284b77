// Sources that are sent to a running server become sessions as on the command line: losslessly,
// once, and a longer version goes on with the session of the shorter one.

import { Buffer } from "node:buffer";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { exportBundle } from "../../src/session/index.ts";
import { ndjson } from "../cli/transcripts.ts";
import { corpusPath, withCorpus } from "../importers/outside-corpus.ts";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";
import { hashOf, listed, originalHash, RawUpload, upload } from "./uploading.ts";

const MiB = 1024 * 1024;

/** Files of the corpus below 5 MB. */
function smallSources(): string[] {
  const names = readdirSync(corpusPath(), { recursive: true, encoding: "utf8" });
  return names.filter((name) => {
    const stat = statSync(corpusPath(name));
    return stat.isFile() && stat.size < 5 * MiB && name.includes(path.sep);
  });
}

describe("a source that is sent to a server", () => {
  withCorpus(() => {
    it("comes out again as it went in, whatever it is, and is verified", async () => {
      const served = await serve();
      const sources = smallSources();
      expect(sources.length).toBeGreaterThan(20);
      for (const source of sources) {
        const bytes = readFileSync(corpusPath(source));
        const name = path.basename(source);
        const { status, report, headers } = await upload(served, bytes, { name });
        expect({ source, status }).toEqual({ source, status: 201 });
        expect(headers.get("location")).toBe(`/v1/sessions/${report.id}`);
        expect(await originalHash(served, report.id)).toBe(hashOf(bytes));
        const again = await upload(served, bytes, { name });
        expect(again).toMatchObject({ status: 200, report: { id: report.id, unchanged: true } });
      }
      expect(await listed(served)).toHaveLength(sources.length);
    });
  });

  it.each([
    ["CRLF", '{"a":1}\r\n{"a":2}\r\n'],
    ["no newline at the end", '{"a":1}\n{"a":2}'],
    ["an array", '[{"a":1}, {"a":2}\n]\n'],
    ["a byte order mark", '\ufeff{"a":1}\n{"a":2}\n'],
    ["blank lines", '\n\n{"a":1}\n\n{"a":2}\n\n'],
    ["two records on a line", '{"a":1}{"a":2}\n{"a":3}\n'],
  ])("keeps %s", async (_, text) => {
    const served = await serve();
    const { status, report } = await upload(served, text, { name: "x.jsonl" });
    expect(status).toBe(201);
    expect(await originalHash(served, report.id)).toBe(hashOf(text));
    // Of a length that nobody has said.
    const stream = new Blob([text]).stream();
    const again = await upload(served, stream, { name: "x.jsonl" });
    expect(again).toMatchObject({ status: 200, report: { id: report.id, unchanged: true } });
  });

  it("is listed, read, replayed and exported as every other session", async () => {
    const served = await serve();
    const text = ndjson(500);
    const { report } = await upload(served, text, { name: "log.jsonl" });
    const path = `/v1/sessions/${report.id}`;
    const session = (await (await served.get(path)).json()) as Record<string, unknown>;
    const { events: size, root } = report;
    expect(session).toMatchObject({
      name: "log.jsonl",
      format: "ndjson",
      size,
      signed: size,
      root,
    });
    expect(await listed(served)).toEqual([report.id]);
    const page = await served.get(`${path}/events?limit=3`);
    expect(((await page.json()) as { events: unknown[] }).events).toHaveLength(3);
    const job = await served.post(`${path}/replay`, {});
    const { id } = (await job.json()) as { id: string };
    const verdict = async (): Promise<unknown> => {
      const answer = await (await served.get(`/v1/jobs/${id}`)).json();
      return (answer as { result: { verdict?: string } | null }).result?.verdict;
    };
    await expect.poll(verdict).toBe("computed");
    await served.restart("crash");
    expect(await originalHash(served, report.id)).toBe(hashOf(text));
  });

  it("goes on with the session of a shorter version, whoever tails that", async () => {
    const served = await serve();
    const text = ndjson(600);
    const first = await upload(served, text.slice(0, text.indexOf("\n", 9000) + 20), {});
    const tail = await fetch(`${served.url}/v1/sessions/${first.report.id}/tail`);
    const reader = tail.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    const second = await upload(served, text);
    expect(second.status).toBe(200);
    const { continuedFrom, id, events } = second.report;
    expect({ id, continuedFrom }).toEqual({
      id: first.report.id,
      continuedFrom: first.report.events,
    });
    while (!seen.includes(`id: ${events - 1}\n`)) seen += (await reader?.read())?.value ?? "";
    await reader?.cancel();
    expect(await originalHash(served, id)).toBe(hashOf(text));
    // Of a length that nobody has said: the same, and then a longer one.
    const longer = text + ndjson(50, 600);
    const third = await upload(served, new Blob([longer]).stream());
    expect(third.report).toMatchObject({ id, continuedFrom: events, unchanged: false });
    const other = await upload(served, `${text.slice(0, 20_000)}{"other":true}\n`);
    expect(other).toMatchObject({ status: 201, report: { continuedFrom: null } });
    expect(await originalHash(served, id)).toBe(hashOf(longer));
  });

  it("is a new session with `fresh`, and one of a given id", async () => {
    const served = await serve();
    const text = ndjson(10);
    const first = await upload(served, text);
    const fresh = await upload(served, text, { fresh: "true" });
    expect(fresh.status).toBe(201);
    expect(fresh.report.id).not.toBe(first.report.id);
    const id = "0199c1f2-0000-7000-8000-000000000001";
    const named = await upload(served, text, { id });
    expect(named).toMatchObject({ status: 201, report: { id } });
    const longer = await upload(served, text + ndjson(1, 10), { id });
    expect(longer).toMatchObject({ status: 200, report: { id, continuedFrom: 11 } });
    const other = await upload(served, '{"x":1}\n{"x":2}\n', { id });
    expect(other).toMatchObject({ status: 409, code: "CONFLICT" });
  });

  it("is taken by its path, and by its name where the content leaves the format open", async () => {
    const served = await serve();
    const text = '{"a":{"b":[{"n":1},{"n":2}]},"other":[{"n":3}]}';
    const found = await upload(served, text, { path: "a.b", name: "x.json" });
    expect(found).toMatchObject({ status: 201, report: { format: "json", records: 3 } });
    const none = await upload(served, text, { path: "a.c", name: "x.json" });
    expect(none).toMatchObject({ status: 400, code: "USAGE" });
    const one = '{"n":1}\n';
    expect((await upload(served, one, { name: "x.jsonl" })).report.format).toBe("ndjson");
    expect(await originalHash(served, found.report.id)).toBe(hashOf(text));
  });

  it("is taken by curl and others that wait for 100 Continue", async () => {
    const served = await serve();
    const text = ndjson(20);
    const request = new RawUpload(served, text.length, ["Expect: 100-continue"]);
    await request.until(/^HTTP\/1.1 100 Continue\r\n\r\n/);
    await request.send(Buffer.from(text));
    await request.until(/HTTP\/1.1 201 Created[\s\S]*"records":20/);
  });
});

describe("what is no source", () => {
  const cases = [
    ["nothing", "", "FORMAT_UNKNOWN", 422],
    ["text", "no transcript at all\n".repeat(50), "FORMAT_UNKNOWN", 422],
    ["bytes", Buffer.alloc(700_000, 0x9c), "FORMAT_UNKNOWN", 422],
  ] as const;

  it.each(cases)("%s is refused, and nothing stays", async (_, body, code, status) => {
    const served = await serve();
    expect(await upload(served, body)).toMatchObject({ code, status });
    const stream = new Blob([body]).stream();
    expect(await upload(served, stream)).toMatchObject({ code, status });
    expect(await listed(served)).toEqual([]);
    expect(leftOver(served)).toEqual([]);
  });

  it("a body that goes on for long is not waited for", async () => {
    const served = await serve();
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(stream) {
        sent += 65_536;
        stream.enqueue(Buffer.alloc(65_536, 0x9c));
      },
    });
    const refused = await upload(served, endless);
    expect(refused).toMatchObject({ status: 422, code: "FORMAT_UNKNOWN" });
    expect(sent).toBeLessThan(100 * MiB);
  });

  it("a named format takes what it takes on the command line", async () => {
    const served = await serve();
    const text = "no transcript at all\n";
    const taken = await upload(served, text, { format: "ndjson" });
    expect(taken).toMatchObject({ status: 201, report: { unparsed: 1, problemCount: 1 } });
    expect(await originalHash(served, taken.report.id)).toBe(hashOf(text));
    const unknown = await upload(served, text, { format: "cobol" });
    expect(unknown).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
    const bundle = await upload(served, text, { format: "bundle" });
    expect(bundle).toMatchObject({ status: 422, code: "BUNDLE_INVALID" });
  });

  it("other types of bodies, codings and queries are refused", async () => {
    const served = await serve();
    const text = ndjson(2);
    const typed = await upload(served, text, {}, { "content-type": "multipart/form-data" });
    expect(typed).toMatchObject({ status: 415, code: "MEDIA_TYPE_UNSUPPORTED" });
    const coded = await upload(served, text, {}, { "content-encoding": "gzip" });
    expect(coded).toMatchObject({ status: 415 });
    expect(await upload(served, text, { restore: "true" })).toMatchObject({ status: 400 });
    expect(await upload(served, text, { id: "x" })).toMatchObject({ status: 400 });
    expect(await listed(served)).toEqual([]);
  });

  it("who may not append is refused before the body is read", async () => {
    const served = await serve();
    const token = await served.token(["sessions:read", "sessions:trigger"]);
    const authorization = `Bearer ${token}`;
    const refused = await upload(served, ndjson(2), {}, { authorization });
    expect(refused).toMatchObject({ status: 403, code: "FORBIDDEN" });
    const waiting = new RawUpload(served, 10, [
      "Expect: 100-continue",
      `Authorization: ${authorization}`,
    ]);
    await waiting.until(/HTTP\/1.1 403/);
    expect(waiting.answer).not.toContain("100 Continue");
    const append = await served.token(["sessions:append"]);
    const taken = await upload(served, ndjson(2), {}, { authorization: `Bearer ${append}` });
    expect(taken.status).toBe(201);
  });
});

describe("a bundle that is sent to a server", () => {
  async function bundleOf(served: Served, id: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    await exportBundle(served.directory, id, (bytes) => void pieces.push(Uint8Array.from(bytes)));
    return Buffer.concat(pieces);
  }

  it("is verified and becomes the session that it was", async () => {
    const here = await serve();
    const id = await writeSample(here.directory, 300);
    const bundle = await bundleOf(here, id);
    const { verifierKey: key } = here.directory.identity;
    const there = await serve();
    const taken = await upload(there, bundle, { key });
    expect(taken).toMatchObject({ status: 201, report: { id, format: "bundle", events: 300 } });
    const again = await upload(there, new Blob([Uint8Array.from(bundle)]).stream(), {
      format: "bundle",
    });
    expect(again).toMatchObject({ status: 200, report: { id, unchanged: true } });
    expect(await listed(there)).toEqual([id]);
  });

  it("that brings a program along is for who may do everything", async () => {
    const here = await serve();
    const code = await here.directory.keepPayload(Buffer.from("export default {};"));
    const map = await here.directory.keepPayload(Buffer.from('{"version":3}'));
    const program = { name: "mine", version: "1", bundle: code, map, runtime: "reach" };
    const session = { kind: "executed", program } as const;
    const id = await writeSample(here.directory, 30, { session });
    const bundle = await bundleOf(here, id);
    const there = await serve();
    const as = async (scope: "sessions:append" | "admin") => {
      const authorization = `Bearer ${await there.token([scope])}`;
      return upload(there, bundle, {}, { authorization });
    };
    expect(await as("sessions:append")).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(there.directory.sessionIds()).toEqual([]);
    expect(await as("admin")).toMatchObject({ status: 201, report: { id } });
  });

  it("is refused damaged, cut or signed by somebody else, and nothing stays", async () => {
    const here = await serve();
    const bundle = await bundleOf(here, await writeSample(here.directory, 300));
    const there = await serve();
    const damaged = Buffer.from(bundle);
    const middle = Math.floor(bundle.length / 2);
    damaged[middle] = (bundle[middle] ?? 0) ^ 1;
    const refused = { status: 422, code: "BUNDLE_INVALID" };
    expect(await upload(there, damaged)).toMatchObject(refused);
    expect(await upload(there, bundle.subarray(0, bundle.length - 40))).toMatchObject(refused);
    const { verifierKey: key } = there.directory.identity;
    expect(await upload(there, bundle, { key })).toMatchObject({ status: 422 });
    expect(await upload(there, bundle, { fresh: "true" })).toMatchObject({ status: 400 });
    expect(await upload(there, ndjson(3), { key })).toMatchObject({ status: 400, code: "USAGE" });
    expect(await upload(there, bundle, { key: "x" })).toMatchObject({ status: 400 });
    expect(await listed(there)).toEqual([]);
  });
});

/** Uploads that have left something in the data directory. */
function leftOver(served: Served): string[] {
  const names = readdirSync(served.directory.path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /upload|bulk\/./.test(name));
}
