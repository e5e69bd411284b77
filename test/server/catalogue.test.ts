// The list of sessions: looked for after the server is ready, and right at every moment.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import { Catalogue } from "../../src/server/catalogue.ts";
import { Directory, removeSession } from "../../src/session/index.ts";
import { randomFrom, Scratch, sampleEvent } from "../session/sample-session.ts";

const random = randomFrom(5);
let scratch: Scratch;
let directory: Directory;
let catalogue: Catalogue;
/** Folders of sessions that were listed. */
let listed: number;
let refuses: boolean;

const disk: Disk = {
  ...nodeDisk,
  list(path): string[] {
    if (/\/sessions\/..$/.test(path)) {
      if (refuses) nodeDisk.open(scratch.at("nothing"), "read");
      listed += 1;
    }
    return nodeDisk.list(path);
  },
};

beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write", disk });
  listed = 0;
  refuses = false;
});

afterEach(async () => {
  await catalogue.close();
  await directory.close();
  scratch.remove();
});

async function begin(): Promise<string> {
  const writer = directory.createSession();
  await writer.append(sampleEvent(0, random)).durable;
  await directory.closeWriter(writer);
  return writer.id;
}

async function beginMany(): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) ids.push(await begin());
  // Those of the same millisecond come in any order.
  return ids.sort();
}

function newest(): string[] {
  return [...catalogue.newest()].reverse();
}

describe("the list of sessions", () => {
  it("is not looked for before a server is ready, and then without anybody's asking", async () => {
    const ids = await beginMany();
    catalogue = new Catalogue(directory);
    expect(listed).toBe(0);
    await catalogue.fill();
    const afterwards = listed;
    expect(newest()).toEqual(ids);
    expect(catalogue.size).toBe(20);
    expect(listed).toBe(afterwards);
  });

  it("is whole for whoever asks while it is looked for", async () => {
    const ids = await beginMany();
    catalogue = new Catalogue(directory);
    const filled = catalogue.fill();
    expect(catalogue.size).toBe(20);
    await filled;
    expect(newest()).toEqual(ids);
  });

  it("has what is begun meanwhile, once, and not what is removed", async () => {
    const ids = await beginMany();
    catalogue = new Catalogue(directory);
    const filled = catalogue.fill();
    const [removed] = ids as [string];
    await removeSession(directory, removed);
    catalogue.remove(removed);
    const added = [await begin(), await begin()];
    await filled;
    added.push(await begin());
    expect(newest()).toEqual([...ids.slice(1), ...added].sort());
  });

  it("has nothing of an import that has acknowledged nothing", async () => {
    const ids = await beginMany();
    const writer = await directory.openBulk();
    const { bytes, form, ...header } = sampleEvent(0, random);
    writer.append(header, form, bytes);
    catalogue = new Catalogue(directory);
    await catalogue.fill();
    await directory.discardBulk(writer);
    expect(newest()).toEqual(ids);
  });

  it("that could not be read is looked for again by whoever asks, who is told", async () => {
    const ids = await beginMany();
    catalogue = new Catalogue(directory);
    refuses = true;
    await catalogue.fill();
    expect(() => catalogue.size).toThrow();
    refuses = false;
    expect(newest()).toEqual(ids);
  });

  it("is no longer looked for when the server stops", async () => {
    await beginMany();
    catalogue = new Catalogue(directory);
    void catalogue.fill();
    await catalogue.close();
    expect(listed).toBeLessThan(10);
  });

  it("may change while somebody goes through it: each is met once, none passed over", async () => {
    const ids = await beginMany();
    catalogue = new Catalogue(directory);
    const met: string[] = [];
    for (const id of catalogue.newest()) {
      met.push(id);
      // An older one is removed, another is imported with an id of before, a new one begins.
      if (met.length === 5) catalogue.remove(ids[2] as string);
      if (met.length === 8) catalogue.add(`${(ids[0] as string).slice(0, -1)}-`);
      if (met.length === 9) catalogue.add("ffffffff-0000-7000-8000-000000000000");
    }
    const old = ids.filter((_, i) => i !== 2);
    expect(met.filter((id) => ids.includes(id)).reverse()).toEqual(old);
    expect(met.length).toBe(old.length + 1);
  });
});
