// Transcript pages: the same events in every representation, bounded, cacheable when full.

import { decode } from "cbor-x";
import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/index.ts";
import { writeSample } from "../session/sample-session.ts";
import { type Served, serve } from "./serving.ts";

type EventObject = Record<string, unknown> & { seq: number };

async function sample(served: Served, count: number, largeBytes = 5000): Promise<string> {
  return writeSample(served.directory, count, { largeBytes });
}

/** The stored bytes of the events of a session. */
function stored(served: Served, id: string): Buffer[] {
  const reader = served.directory.session(id);
  try {
    return [...reader.events()].map(({ bytes }) => Buffer.from(bytes));
  } finally {
    reader.close();
  }
}

describe("pages from a seq", () => {
  it("follow one another to the end, each event once", async () => {
    const served = await serve();
    const id = await sample(served, 250);
    const seqs: number[] = [];
    let url: string | undefined = `/v1/sessions/${id}/events?limit=100&payload=ref`;
    while (url !== undefined) {
      const answer = await served.get(url);
      const page = (await answer.json()) as { events: EventObject[]; more: boolean; next: number };
      seqs.push(...page.events.map(({ seq }) => seq));
      expect(page.next).toBe(seqs.length - 1);
      const link = answer.headers.get("link");
      expect(page.more).toBe(link !== null);
      url = /^<([^>]+)>; rel="next"$/.exec(link ?? "")?.[1];
      if (url) expect(url).toContain("payload=ref");
    }
    expect(seqs).toEqual(Array.from({ length: 250 }, (_, i) => i));
    const end = await served.get(`/v1/sessions/${id}/events?after=249`);
    expect(await end.json()).toEqual({ id, events: [], next: 249, more: false });
    const beyond = await served.get(`/v1/sessions/${id}/events?after=5000`);
    expect(await beyond.json()).toMatchObject({ events: [], more: false });
  });

  it("go on with the same filter, also one with a question mark in it", async () => {
    const served = await serve();
    const events = Array.from({ length: 6 }, (_, n) => ({ type: n % 2 === 0 ? "why?" : "why" }));
    const begun = await served.post("/v1/sessions", { events });
    const { id } = (await begun.json()) as { id: string };
    const seqs: number[] = [];
    for (let url: string | undefined = `/v1/sessions/${id}/events?limit=1&type=why?`; url; ) {
      const answer = await served.get(url);
      const page = (await answer.json()) as { events: EventObject[] };
      seqs.push(...page.events.map(({ seq }) => seq));
      url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
    }
    expect(seqs).toEqual([0, 2, 4]);
  });

  it("are the stored bytes as CBOR, one array or a sequence", async () => {
    const served = await serve();
    const id = await sample(served, 130);
    const events = stored(served, id);
    const path = `/v1/sessions/${id}/events?after=9&limit=100`;
    const sequence = await served.get(path, { headers: { accept: "application/cbor-seq" } });
    expect(sequence.headers.get("content-type")).toBe("application/cbor-seq");
    const wanted = Buffer.concat(events.slice(10, 110));
    expect(Buffer.from(await sequence.arrayBuffer()).equals(wanted)).toBe(true);
    const array = await served.get(path, { headers: { accept: "application/cbor" } });
    const bytes = Buffer.from(await array.arrayBuffer());
    expect(bytes.subarray(2).equals(wanted)).toBe(true);
    // Another reader of CBOR sees an array of events.
    const read = decode(bytes) as unknown[][];
    expect(read.map(([seq]) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 10));
  });

  it("are the same events as JSON, as lines, and one by one", async () => {
    const served = await serve();
    const id = await sample(served, 40);
    const path = `/v1/sessions/${id}/events`;
    const object = (await (await served.get(path)).json()) as { events: EventObject[] };
    const lines = await served.get(path, { headers: { accept: "application/x-ndjson" } });
    const text = await lines.text();
    expect(text.endsWith("\n")).toBe(true);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(object.events);
    for (const seq of [0, 3, 39]) {
      const one = await served.get(`${path}/${seq}`);
      expect(await one.json()).toEqual(object.events[seq]);
      const cbor = await served.get(`${path}/${seq}`, { headers: { accept: "application/cbor" } });
      expect(Buffer.from(await cbor.arrayBuffer())).toEqual(stored(served, id)[seq]);
    }
    expect((await served.get(`${path}/40`)).status).toBe(404);
  });

  it("hold payloads whole, by reference, or not at all", async () => {
    const served = await serve();
    const id = await sample(served, 8);
    const events = async (payload: string): Promise<EventObject[]> => {
      const answer = await served.get(`/v1/sessions/${id}/events?payload=${payload}`);
      return ((await answer.json()) as { events: EventObject[] }).events;
    };
    const inline = await events("inline");
    expect(inline.every((event) => "data" in event && !("blob" in event))).toBe(true);
    const ref = await events("ref");
    expect(ref.filter((event) => "blob" in event).map(({ seq }) => seq)).toEqual([3]);
    expect((await events("none")).every((event) => !("data" in event || "blob" in event))).toBe(
      true,
    );
    const cbor = { accept: "application/cbor" };
    const path = `/v1/sessions/${id}/events`;
    expect((await served.get(`${path}?payload=ref`, { headers: cbor })).status).toBe(200);
    expect((await served.get(`${path}?payload=none`, { headers: cbor })).status).toBe(400);
  });

  it("end early when their payloads are many bytes, and go on where they ended", async () => {
    const served = await serve();
    const id = await sample(served, 22, 3 * 1024 * 1024);
    let after = -1;
    let pages = 0;
    for (let more = true; more; pages++) {
      const answer = await served.get(`/v1/sessions/${id}/events?after=${after}`);
      const text = await answer.text();
      expect(text.length).toBeLessThan(2 * limits.pageBytesMax);
      const page = JSON.parse(text) as { events: EventObject[]; next: number; more: boolean };
      expect(page.events[0]?.seq).toBe(after + 1);
      ({ next: after, more } = page);
    }
    expect(after).toBe(21);
    expect(pages).toBeGreaterThan(1);
  });

  it("hold the events that a filter lets pass, by kind and by type", async () => {
    const served = await serve();
    const id = await sample(served, 100);
    const seqs = async (query: string): Promise<number[]> => {
      const answer = await served.get(`/v1/sessions/${id}/events?${query}`);
      return ((await answer.json()) as { events: EventObject[] }).events.map(({ seq }) => seq);
    };
    expect(await seqs("kind=trigger")).toEqual([0]);
    expect((await seqs("kind=trigger,result")).length).toBe(21);
    const json = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 3 === 1);
    expect(await seqs("type=sample/json")).toEqual(json);
    expect(await seqs("type=*/j*n")).toEqual(json);
    expect(await seqs("type=sample/json&limit=3&after=10")).toEqual([13, 16, 19]);
    expect(await seqs("type=nothing")).toEqual([]);
    expect((await served.get(`/v1/sessions/${id}/events?kind=nonsense`)).status).toBe(400);
  });
});

describe("pages by number", () => {
  it("are for ever when they are full, and not otherwise", async () => {
    const served = await serve();
    const id = await sample(served, 1100);
    const full = await served.get(`/v1/sessions/${id}/pages/0?payload=ref`);
    expect(full.headers.get("cache-control")).toContain("immutable");
    const etag = full.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    const page = (await full.json()) as { events: EventObject[]; next: number };
    expect(page.events.length).toBe(1000);
    expect(page.next).toBe(999);
    const headers = { "if-none-match": etag };
    const again = await served.get(`/v1/sessions/${id}/pages/0?payload=ref`, { headers });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    // Another representation is another thing.
    const other = await served.get(`/v1/sessions/${id}/pages/0`, { headers });
    expect(other.status).toBe(200);
    await other.arrayBuffer();
    const last = await served.get(`/v1/sessions/${id}/pages/1`);
    expect(last.headers.get("cache-control")).not.toContain("immutable");
    expect(((await last.json()) as { events: unknown[] }).events.length).toBe(100);
    expect((await served.get(`/v1/sessions/${id}/pages/2`)).status).toBe(404);
  });

  it("change their ETag when they grow", async () => {
    const served = await serve();
    const id = await sample(served, 10);
    const path = `/v1/sessions/${id}/pages/0`;
    const etag = async (): Promise<string | null> => (await served.get(path)).headers.get("etag");
    const before = await etag();
    expect(await etag()).toBe(before);
    await served.post(`/v1/sessions/${id}/events`, { type: "more" });
    expect(await etag()).not.toBe(before);
  });

  it("are the same bytes however often they are asked for", async () => {
    const served = await serve();
    const id = await sample(served, 1000, 40_000);
    for (const accept of ["application/json", "application/x-ndjson", "application/cbor"]) {
      const bytes = async (): Promise<Buffer> => {
        const answer = await served.get(`/v1/sessions/${id}/pages/0`, { headers: { accept } });
        return Buffer.from(await answer.arrayBuffer());
      };
      expect((await bytes()).equals(await bytes())).toBe(true);
    }
  });
});

describe("a page of moderate size", () => {
  it("says how long it is before it is read, in every representation", async () => {
    const served = await serve();
    const id = await sample(served, 500);
    for (const accept of ["application/json", "application/x-ndjson", "application/cbor"]) {
      const answer = await served.get(`/v1/sessions/${id}/pages/0`, { headers: { accept } });
      const { byteLength } = await answer.arrayBuffer();
      expect(byteLength, accept).toBeGreaterThan(64 * 1024);
      expect(Number(answer.headers.get("content-length")), accept).toBe(byteLength);
    }
  });
});

describe("representations", () => {
  it("are chosen by what the client accepts, and caches are told", async () => {
    const served = await serve();
    const id = await sample(served, 3);
    const ask = async (accept: string): Promise<[number, string | null]> => {
      const answer = await served.get(`/v1/sessions/${id}/events`, { headers: { accept } });
      expect(answer.headers.get("vary")).toContain("Accept");
      return [answer.status, answer.headers.get("content-type")?.split(";")[0] ?? null];
    };
    expect(await ask("*/*")).toEqual([200, "application/json"]);
    expect(await ask("application/*;q=0.1, application/cbor")).toEqual([200, "application/cbor"]);
    expect(await ask("application/json;q=0, */*")).toEqual([200, "application/x-ndjson"]);
    expect(await ask("text/html")).toEqual([406, "application/problem+json"]);
    expect(await ask("nonsense")).toEqual([406, "application/problem+json"]);
  });

  it("answer HEAD with the headers of GET and no body", async () => {
    const served = await serve();
    const id = await sample(served, 1500);
    for (const path of ["", "/events", "/pages/0", "/pages/1", "/events/3"]) {
      const url = `/v1/sessions/${id}${path}`;
      const head = await served.get(url, { method: "HEAD" });
      const get = await served.get(url);
      await get.arrayBuffer();
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
      for (const name of ["content-type", "etag", "link", "reach-size", "cache-control"]) {
        expect(head.headers.get(name), `${path} ${name}`).toBe(get.headers.get(name));
      }
    }
  });
});
