// The library as a whole: several data directories in one process, and questions without sense.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type OpenOptions, open, type Reach } from "../src/index.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-library-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A data directory of its own with a session of `count` events. */
async function filled(name: string, count: number): Promise<{ reach: Reach; id: string }> {
  const reach = await open({ data: path.join(folder, name) });
  const session = reach.record({ name });
  for (let n = 0; n < count - 1; n++) void session.append({ type: "n", data: { n } });
  await session.append({ type: "last", data: null });
  await session.close();
  return { reach, id: session.id };
}

test("a data directory is opened where and how it is said, or not at all", async () => {
  const data = path.join(folder, "odd");
  const wrong: [object, string][] = [
    [{}, "`data` is no path"],
    [{ data: "" }, "`data` is no path"],
    [{ data: new URL("file:///tmp/odd") }, "`data` is no path"],
    [{ data, workspace: "" }, " is no name of a workspace"],
    [{ data, workspace: "../other" }, "../other is no name of a workspace"],
    [{ data, workspace: ".." }, ".. is no name of a workspace"],
    [{ data, workspace: ".hidden" }, ".hidden is no name of a workspace"],
    [{ data, mode: "readonly" }, "`mode` is neither"],
    [{ data, origin: "two words" }, "`origin` is no name of"],
  ];
  for (const [options, message] of wrong) {
    const opening = open(options as OpenOptions);
    await expect(opening).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message),
    });
  }
  expect(existsSync(data)).toBe(false);
});

test("a file where the data directory belongs is named", async () => {
  const data = path.join(folder, "file");
  writeFileSync(data, "");
  await expect(open({ data })).rejects.toMatchObject({
    code: "ALREADY_EXISTS",
    message: `${data} is there and is no folder`,
    where: data,
  });
});

describe("data directories of one process", () => {
  test("are closed one by one: the work of the others goes on", async () => {
    const { reach, id } = await filled("one", 20_000);
    const other = await open({ data: path.join(folder, "other") });
    await reach.state(id);
    const replaying = reach.replay(id, { keep: false });
    await other.close();
    await other.close();
    expect((await replaying).verdict).toBe("computed");
    await reach.close();
  });
});

describe("events", () => {
  test("are asked for by numbers and sessions that can be", async () => {
    const { reach, id } = await filled("three", 4);
    const seqs = (from?: number, to?: number): number[] => {
      const range = {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
      return [...reach.events(id, range)].map(({ seq }) => seq);
    };
    expect(seqs()).toEqual([0, 1, 2, 3]);
    expect(seqs(1, 3)).toEqual([1, 2]);
    expect(seqs(2, Number.POSITIVE_INFINITY)).toEqual([2, 3]);
    expect(seqs(9)).toEqual([]);
    for (const wrong of [Number.NaN, 1.5, -1]) {
      expect(() => seqs(wrong)).toThrow(`${wrong} is no seq`);
      expect(() => seqs(0, wrong)).toThrow(`${wrong} is no seq`);
    }
    for (const wrong of [undefined, "", id.slice(0, 8), `../${id.slice(-2)}/${id}`]) {
      const usage = expect.objectContaining({ code: "USAGE" });
      expect(() => [...reach.events(wrong as string)]).toThrow(usage);
      expect(() => reach.resume(wrong as string)).toThrow(usage);
    }
    await reach.close();
  });
});
