// Uploads that break off, that come too slowly, too many, at once, or while the server goes away: a
// session is whole up to a record and goes on when the source is sent again, or nothing stays.

import { Buffer } from "node:buffer";
import { readdirSync, statSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk } from "../../src/disk/index.ts";
import { exportBundle } from "../../src/session/index.ts";
import { Workbench } from "../cli/reach-command.ts";
import { claudeSession, ndjson } from "../cli/transcripts.ts";
import { writeSample } from "../session/sample-session.ts";
import { freePort, ServerProcess } from "./killing.ts";
import { type Served, serve } from "./serving.ts";
import { hashOf, listed, originalHash, originalOf, quiet, RawUpload, upload } from "./uploading.ts";

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server keeps for uploads, or for imports that are not complete. */
function leftOver(served: Served): string[] {
  const names = readdirSync(served.directory.path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /upload|bulk\/./.test(name));
}

/** Sends the first `sent` bytes and goes away. */
async function breakOff(served: Served, bytes: Buffer, sent: number, reset: boolean) {
  const one = new RawUpload(served, bytes.length);
  await one.send(bytes.subarray(0, sent));
  // Long enough for some of it to have been imported, at times.
  await later(sent % 40);
  one.cut(reset ? "reset" : "end");
  await one.closed;
  await quiet(served);
}

describe("an upload that breaks off", () => {
  it("anywhere, any number of times, is one whole session when it is sent again", async () => {
    const served = await serve();
    let made = 0;
    const kept = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.integer({ min: 0, max: 1000 }), reset: fc.boolean() }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.boolean(),
        async (cuts, large) => {
          made += 1;
          const mark = `{"run":${made}}\n`;
          const lines = large ? claudeSession(2500) : ndjson(15_000);
          const bytes = Buffer.from(mark + lines);
          const before = new Set(await listed(served));
          for (const { at, reset } of cuts) {
            await breakOff(served, bytes, Math.floor((at / 1000) * bytes.length), reset);
            const fresh = (await listed(served)).filter((id) => !before.has(id));
            expect(fresh.length).toBeLessThanOrEqual(1);
            kept.add(fresh.length === 1);
            for (const id of fresh) await isBeginning(served, id, bytes);
          }
          const { report } = await upload(served, bytes, { name: "raw.jsonl" });
          expect(report).toMatchObject({ bytes: bytes.length, interrupted: false });
          expect(await originalHash(served, report.id)).toBe(hashOf(bytes));
          expect((await listed(served)).filter((id) => !before.has(id))).toEqual([report.id]);
        },
      ),
      { numRuns: 12 },
    );
    expect(kept).toEqual(new Set([true, false]));
    expect(leftOver(served)).toEqual([]);
  });

  /** The session gives back whole lines that the source begins with, and is signed. */
  async function isBeginning(served: Served, id: string, bytes: Buffer): Promise<void> {
    const answer = await served.get(`/v1/sessions/${id}`);
    expect(await answer.json()).toMatchObject({ status: "recorded", signed: expect.any(Number) });
    const original = await originalOf(served, id);
    const { length } = original;
    expect(original.equals(bytes.subarray(0, length))).toBe(true);
    expect(bytes.subarray(length - 1, length + 1)).toContain(0x0a);
  }

  it("leaves nothing of a document, nor of a bundle, and both can be sent again", async () => {
    const other = await serve();
    const id = await writeSample(other.directory, 2000);
    const pieces: Uint8Array[] = [];
    await exportBundle(other.directory, id, (piece) => void pieces.push(Uint8Array.from(piece)));
    const records = ndjson(15_000).trimEnd().split("\n");
    const document = Buffer.from(`{"events":[${records.join(",")}]}`);
    const served = await serve();
    for (const bytes of [document, Buffer.concat(pieces)]) {
      const before = await listed(served);
      for (const share of [0.4, 0.9]) {
        await breakOff(served, bytes, Math.floor(share * bytes.length), share < 0.5);
        expect(await listed(served)).toEqual(before);
        expect(leftOver(served)).toEqual([]);
      }
      const whole = await upload(served, bytes, { name: "raw.jsonl" });
      expect(whole.status).toBe(201);
      expect(await listed(served)).toHaveLength(before.length + 1);
    }
  });

  it("leaves what was there before as it was where nothing new has come", async () => {
    const served = await serve();
    const bytes = Buffer.from(ndjson(15_000));
    const first = bytes.subarray(0, bytes.lastIndexOf("\n", 700_000) + 1);
    const { report } = await upload(served, first, { name: "raw.jsonl" });
    await breakOff(served, bytes, 500_000, true);
    const session = await served.get(`/v1/sessions/${report.id}`);
    expect(await session.json()).toMatchObject({ size: report.events, root: report.root });
    const whole = await upload(served, bytes, { name: "raw.jsonl" });
    expect(whole.report).toMatchObject({ id: report.id, continuedFrom: report.events });
    expect(await originalHash(served, report.id)).toBe(hashOf(bytes));
  });
});

describe("a slow client", () => {
  it("that brings enough is waited for, however long that takes", async () => {
    const config = { requestTimeoutMs: 300, headersTimeoutMs: 300, stalledMs: 700 };
    const served = await serve({ config });
    const bytes = Buffer.from(ndjson(15_000));
    const one = new RawUpload(served, bytes.length);
    // Longer than any time of the server, and than it takes Node to look at them (2 s).
    for (let at = 0; at < bytes.length; at += 72_000) {
      await one.send(bytes.subarray(at, at + 72_000));
      await later(350);
    }
    await one.until(/HTTP\/1\.1 201[\s\S]*"records":15000/);
  });

  it.each(["nothing", "a byte now and then"])(
    "that brings %s any more is cut off",
    async (what) => {
      const served = await serve({ config: { stalledMs: 400, importsMax: 1 } });
      const bytes = Buffer.from(ndjson(15_000));
      const one = new RawUpload(served, bytes.length);
      await one.send(bytes.subarray(0, 600_000));
      const trickle = setInterval(() => {
        if (what !== "nothing") void one.send(Buffer.from("x"));
      }, 30);
      await one.until(/HTTP\/1\.1 408[\s\S]*"REQUEST_INVALID"/);
      clearInterval(trickle);
      expect(one.answer).toMatch(/its first \d+ events are kept, and sending it again goes on/);
      const again = await upload(served, bytes, { name: "raw.jsonl" });
      expect(again.status).toBe(200);
      expect(await originalHash(served, again.report.id)).toBe(hashOf(bytes));
    },
  );
});

describe("imports at once", () => {
  it("are as many as may be, and the next one is told to come again", async () => {
    const served = await serve({ config: { importsMax: 2 } });
    const open = [0, 1].map(() => new RawUpload(served, "chunked"));
    const imports = served.server.context.workspaces.get("default")?.imports;
    await expect.poll(() => imports?.running).toBe(2);
    const refused = await upload(served, ndjson(3));
    expect(refused).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    for (const one of open) one.cut();
    await quiet(served);
    expect(await upload(served, ndjson(3))).toMatchObject({ status: 201 });
  });

  it("of one source make one session", async () => {
    const served = await serve();
    const bytes = Buffer.from(ndjson(15_000));
    const sent = await Promise.all([0, 1, 2].map(() => upload(served, bytes)));
    expect(sent.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(new Set(sent.map(({ report }) => report.id)).size).toBe(1);
    expect(await listed(served)).toHaveLength(1);
  });

  it("of one source: who would wait for long is told so", async () => {
    const served = await serve({ config: { requestTimeoutMs: 200 } });
    const bytes = Buffer.from(ndjson(15_000));
    const first = new RawUpload(served, bytes.length);
    await first.send(bytes.subarray(0, 400_000));
    await later(50);
    const second = await upload(served, bytes);
    expect(second).toMatchObject({ status: 409, code: "CONFLICT" });
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(0);
    await first.send(bytes.subarray(400_000));
    await first.until(/HTTP\/1\.1 201/);
  });

  it("leave the server to others", async () => {
    const served = await serve();
    const bytes = Buffer.from(claudeSession(4000));
    const uploads = [0, 1, 2].map((n) => {
      return upload(served, Buffer.concat([Buffer.from(`{"n":${n}}\n`), bytes]));
    });
    let asked = 0;
    let over = false;
    const asking = (async () => {
      for (; !over; asked++) expect((await served.get("/v1/sessions")).status).toBe(200);
    })();
    for (const { status } of await Promise.all(uploads)) expect(status).toBe(201);
    over = true;
    await asking;
    expect(asked).toBeGreaterThan(5);
  });
});

describe("a server that goes away during an import", () => {
  it("stops: what it has is kept, and goes on after the next start", async () => {
    const served = await serve();
    const bytes = Buffer.from(ndjson(15_000));
    const one = new RawUpload(served, bytes.length);
    await one.send(bytes.subarray(0, 800_000));
    await later(100);
    const restarted = served.restart();
    await one.until(/HTTP\/1\.1 503[\s\S]*retry-after: \d[\s\S]*"UNAVAILABLE"/);
    expect(one.answer).toContain("the server is stopping");
    one.cut();
    await restarted;
    const [id] = await listed(served);
    const again = await upload(served, bytes, { name: "raw.jsonl" });
    expect(again.report).toMatchObject({ id, interrupted: false });
    expect(again.report.continuedFrom).toBeGreaterThan(0);
    expect(await originalHash(served, again.report.id)).toBe(hashOf(bytes));
  });

  it("is killed: nothing of it is there, and it is sent again", async () => {
    const bench = new Workbench();
    const server = new ServerProcess(bench.path("data"), await freePort());
    await server.start();
    const bytes = Buffer.from(longLines(36_000));
    const url = `${server.url}/v1/imports?name=x.jsonl`;
    const headers = { "content-type": "application/octet-stream" };
    const started = fetch(url, { method: "POST", headers, body: bytes }).catch(() => undefined);
    // More than an import on the command line has acknowledged by then.
    const written = (): number => sizeOf(bench.path("data/default"));
    await expect.poll(written, { interval: 5, timeout: 20_000 }).toBeGreaterThan(48 * 1024 * 1024);
    await server.end("SIGKILL");
    await started;
    await server.start();
    const list = async (): Promise<unknown[]> => {
      const answer = (await (await fetch(`${server.url}/v1/sessions`)).json()) as object;
      return (answer as { sessions: unknown[] }).sessions;
    };
    expect(await list()).toEqual([]);
    const answer = await fetch(url, { method: "POST", headers, body: bytes });
    expect(answer.status).toBe(201);
    const { id } = (await answer.json()) as { id: string };
    expect(await list()).toHaveLength(1);
    expect(await server.end("SIGTERM")).toBe(0);
    const args = ["--data", bench.path("data"), "export", id, "--format", "original", "-o", "back"];
    expect(await bench.run(args)).toMatchObject({ code: 0 });
    expect(hashOf(bench.read("back"))).toBe(hashOf(bytes));
  });

  /** Lines of some 2,500 bytes: all of it stays in the log. */
  function longLines(count: number): string {
    const line = (n: number): string => `{"n":${n},"text":"${String(10_000 + n).repeat(500)}"}\n`;
    return Array.from({ length: count }, (_, n) => line(n)).join("");
  }

  /** Bytes of logs and packs. */
  function sizeOf(folder: string): number {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const written = names.filter((name) => /events\.log$|\.pack$/.test(name));
    return written.reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
  }
});

describe("a disk that is full", () => {
  it("is said, nothing stays, and with room it is sent again", async () => {
    let full = false;
    const served = await serve({ disk: fullDisk(() => full) });
    const bytes = Buffer.from(claudeSession(2000));
    full = true;
    const refused = await upload(served, bytes);
    expect(refused).toMatchObject({ status: 503, code: "DISK_FULL" });
    full = false;
    expect(await listed(served)).toEqual([]);
    const { status, report } = await upload(served, bytes);
    expect(status).toBe(201);
    expect(await originalHash(served, report.id)).toBe(hashOf(bytes));
    expect(await listed(served)).toEqual([report.id]);
  });
});

/** The disk of this machine, on which logs and packs find no room while `isFull`. */
function fullDisk(isFull: () => boolean): Disk {
  const limited = (file: DiskFile): DiskFile =>
    new Proxy(file, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...values: unknown[]) => {
          if (name === "write" && isFull()) throw new ReachError("DISK_FULL", "no room");
          return Reflect.apply(member, target, values) as unknown;
        };
      },
    });
  return new Proxy(nodeDisk, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...values: unknown[]) => {
        const result = Reflect.apply(member, target, values) as unknown;
        const watched = /events\.log|\.pack/.test(String(values[0]));
        return name === "open" && watched ? limited(result as DiskFile) : result;
      };
    },
  });
}
