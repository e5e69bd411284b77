// Streams that expire by themselves, when nobody asks for them.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReachError } from "../../../src/base/index.ts";
import { Appends } from "../../../src/server/appends.ts";
import { Catalogue } from "../../../src/server/catalogue.ts";
import { ReaderPool } from "../../../src/server/reader-pool.ts";
import { defaultConfig } from "../../../src/server/server-options.ts";
import { streamFormat, streamNote } from "../../../src/server/streams/stream-note.ts";
import { type Stream, StreamStore } from "../../../src/server/streams/stream-store.ts";
import { Streams } from "../../../src/server/streams/streams.ts";
import { TailHub } from "../../../src/server/tails/tail-hub.ts";
import { Directory, isRemoved } from "../../../src/session/index.ts";
import { Scratch } from "../../session/sample-session.ts";

const sweepMs = 15_000;

describe("streams whose time has come", () => {
  let scratch: Scratch;
  let directory: Directory;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    scratch = new Scratch();
    directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  });

  afterEach(async () => {
    vi.useRealTimers();
    scratch.remove();
  });

  it("stay while somebody follows them, however many others are used", async () => {
    const readers = new ReaderPool(directory);
    const appends = new Appends(directory, readers, 60_000, () => {});
    let now = Date.now();
    const store = new StreamStore(directory, readers, () => now, 2);
    const begin = async (name: string): Promise<Stream> => {
      const id = store.newId(name);
      const forNow = { ttl: 1, expiresAt: null };
      const config = { name, contentType: "text/plain", ...forNow, asked: forNow, origin: null };
      await appends.create({ id, name, format: streamFormat }, [
        streamNote("stream/opened", config, now),
      ]);
      return (await store.of(id)) as Stream;
    };
    const followed = await begin("followed");
    const leave = store.follow(followed);
    for (const name of ["a", "b", "c", "d"]) await begin(name);
    const found = await store.named("followed");
    now += 60_000;
    expect(found?.expires).toBe(Number.POSITIVE_INFINITY);
    expect((await store.expiring()).map(({ config }) => config.name)).not.toContain("followed");
    leave();
    leave();
    expect(found?.expires).toBeLessThan(now);
    expect((await store.expiring()).map(({ config }) => config.name)).toContain("followed");
    await appends.close();
    readers.close();
    await directory.close();
  });

  it("go, though one of them cannot, which is told", async () => {
    const readers = new ReaderPool(directory);
    const appends = new Appends(directory, readers, 60_000, () => {});
    const catalogue = new Catalogue(directory);
    const tails = new TailHub(directory, readers, defaultConfig);
    const troubles: string[] = [];
    let now = Date.now();
    const streams = new Streams({
      directory,
      readers,
      appends,
      catalogue,
      tails,
      clock: () => now,
      onTrouble: (trouble) => troubles.push(trouble),
    });
    const request = { contentType: "text/plain", ttl: 1, expiresAt: null, closed: false };
    const made: string[] = [];
    for (const name of ["stuck", "behind"]) {
      const begun = { ...request, body: new Uint8Array(0), fork: undefined };
      made.push((await streams.create(name, begun)).stream.id);
    }
    const [stuck = "", behind = ""] = made;
    const append = appends.append.bind(appends);
    appends.append = (id, ...rest) => {
      if (id !== stuck) return append(id, ...rest);
      return Promise.reject(new ReachError("QUARANTINED", "it is damaged"));
    };
    now += 5000;
    vi.advanceTimersByTime(sweepMs);
    const removed = (id: string): boolean => isRemoved(directory.disk, directory.path, id);
    // Told when all have had their try.
    for (let i = 0; i < 200 && troubles.length === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect([removed(stuck), removed(behind)]).toEqual([false, true]);
    expect(troubles).toEqual([expect.stringContaining("it is damaged")]);
    expect(troubles[0]).toContain(stuck);
    streams.stop();
    tails.stop();
    await appends.close();
    await catalogue.close();
    readers.close();
    await directory.close();
  });
});
